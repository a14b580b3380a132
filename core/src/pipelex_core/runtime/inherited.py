"""What a forked child does with an event loop it inherited: nothing it closes may reach the parent's connections.

A child shares the parent's sockets, and on Linux the very epoll object its loop waits on. When the child's copies are
collected, at its end at the latest, they would take the parent's sockets off that epoll object, and say goodbye on its
TLS connections: the parent would wait for ever. The child's numbers of them are therefore pointed elsewhere. And what
the parent's calls had still to do is not done by the child, where it would be at the interpreter's end, without the modules
that it needs: CPython 3.13 crashes there.
"""

from __future__ import annotations

import asyncio
import os
import select
import socket
from contextlib import suppress
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import selectors


def disown(loop: asyncio.AbstractEventLoop, selector: selectors.BaseSelector) -> None:
    """Cut a loop that runs in the parent process off from what the two processes share; for the child, once."""
    loop.set_exception_handler(_ignore)  # tasks and connections that end with the child are the parent's
    _keep(loop, *asyncio.all_tasks(loop))
    here, there = socket.socketpair()
    with here, there:
        for key in (selector.get_map() or {}).values():
            os.dup2(there.fileno(), key.fd, inheritable=False)
    if hasattr(select, "epoll"):
        number: int = selector.fileno()  # type: ignore[attr-defined]  # an EpollSelector has one
        with select.epoll() as unshared:
            os.dup2(unshared.fileno(), number, inheritable=False)


def _keep(*things: object) -> None:
    """Have things never collected, nor what they refer to: the rest of a coroutine is not run, not even to clean up."""
    with suppress(ImportError, AttributeError):  # an interpreter without ctypes, or with another collector
        import ctypes

        for thing in things:
            ctypes.pythonapi.Py_IncRef(ctypes.py_object(thing))


def _ignore(_loop: asyncio.AbstractEventLoop, _context: dict[str, Any]) -> None:
    """Say nothing."""
