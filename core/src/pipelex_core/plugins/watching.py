"""What a plugin changes in the process while it is loaded: reported, and put back where nothing works without.

Python lets a module change anything; this watches what others stumble over. It does not keep a plugin from doing harm.
"""

from __future__ import annotations

import os
import sys
import threading
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

_PATCHED = {
    "builtins": ("open", "print", "__import__"),
    "time": ("sleep", "time", "monotonic"),
    "json": ("dumps", "loads"),
    "socket": ("socket",),
    "ssl": ("SSLContext",),
    "threading": ("Thread",),
    "asyncio": ("run", "sleep", "new_event_loop"),
    "os": ("_exit",),
    "sys": ("exit", "excepthook"),
    "pipelex_core.hookspecs": ("hookimpl",),
    "pipelex_core.backend": ("Backend", "BackendFactory"),
}
"""Module -> its functions and classes that plugins have been seen to replace."""

_STREAMS = ("stdin", "stdout", "stderr")


class Watch:
    """What the process is like, to be compared with what each plugin leaves."""

    def __init__(self) -> None:
        self._see()

    def _see(self) -> None:
        self._folder = _working_directory()
        self._environ = dict(os.environ)
        self._streams = {name: getattr(sys, name) for name in _STREAMS}
        self._threads = set(threading.enumerate())
        self._functions = dict(_functions())

    def touched(self) -> tuple[str, ...]:
        """What is no longer as it was when this was last asked; working directory and standard streams are put back."""
        changes = tuple(self._changes())
        self._functions = dict(_functions())  # modules that have been imported since are watched from now on
        if changes:
            self._see()
        return changes

    def _changes(self) -> Iterator[str]:
        if self._folder is not None and _working_directory() != self._folder:
            os.chdir(self._folder)
            yield "the working directory (put back)"
        for name, stream in self._streams.items():
            if getattr(sys, name, None) is not stream:
                setattr(sys, name, stream)
                yield f"sys.{name} (put back)"
        environ = dict(os.environ)
        if environ != self._environ:
            changed = sorted({name for name, _ in environ.items() ^ self._environ.items()})
            yield from (f"the environment variable {name}" for name in changed)
        for thread in set(threading.enumerate()) - self._threads:
            kind = "a daemon thread" if thread.daemon else "a thread that keeps the process from ending"
            yield f"{kind}: {thread.name}"
        now = dict(_functions())
        yield from (name for name, function in self._functions.items() if now.get(name) is not function)


def _functions() -> Iterator[tuple[str, Any]]:
    for module, names in _PATCHED.items():
        if (loaded := sys.modules.get(module)) is not None:
            yield from ((f"{module}.{name}", getattr(loaded, name, None)) for name in names)


def _working_directory() -> str | None:
    try:
        return os.getcwd()  # noqa: PTH109 -- as text, for `chdir`
    except OSError:
        return None  # it was removed; there is nothing to go back to
