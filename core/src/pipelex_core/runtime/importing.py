"""What makes importing an SDK cheaper: room on the interpreter's stack, and no garbage collection meanwhile."""

from __future__ import annotations

import gc
import os
import threading
from contextlib import contextmanager
from types import FunctionType
from typing import TYPE_CHECKING, ParamSpec, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

P = ParamSpec("P")
T = TypeVar("T")

_SLOTS = 1 << 14
"""Half of the chunk it brings about, in words: the other half (128 KiB, touched only where used) is the room."""


def with_room(function: Callable[P, T]) -> Callable[P, T]:
    """The same function, with room on the stack below it for whatever it calls.

    CPython keeps the frames of a thread in chunks of 16 KiB, and gives one back to the system as soon as it is empty: a
    loop of calls at the end of a chunk maps and unmaps one at every turn, some 7,000 times while an SDK's types are
    built. A frame that asks for more than a chunk gets a larger one, and what it calls uses the rest of that.
    """
    if isinstance(function, FunctionType):
        code = function.__code__
        function.__code__ = code.replace(co_stacksize=code.co_stacksize + _SLOTS)
    return function


@contextmanager
def undisturbed() -> Iterator[None]:
    """No automatic garbage collection in this block, and no second such block at a time, in whatever thread.

    Where two threads import packages whose modules import each other, Python rather shows one of them a module that is not
    complete than have both wait for ever: `partially initialized module 'httpx'`.

    An import makes objects by the hundred thousand, and nearly all of them stay: looking for cycles among them, again
    and again, is a tenth of what importing an SDK costs. So that the first collection after it does not look at them
    either, they are counted among the old ones, unless the program keeps a frozen generation of its own.
    """
    with _turn:
        was_on = gc.isenabled()
        gc.disable()
        try:
            yield
        finally:
            if was_on:
                if not gc.get_freeze_count():
                    gc.freeze()
                    gc.unfreeze()
                gc.enable()


_turn = threading.RLock()


def _renew() -> None:
    """Make the lock anew in a forked child, where a thread that is not here may have held it."""
    global _turn  # noqa: PLW0603 -- the lock is the process's
    _turn = threading.RLock()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_renew)
