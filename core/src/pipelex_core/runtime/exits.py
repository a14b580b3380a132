"""The end of the process: daemon threads that are in the middle of a call end with it, without a word."""

from __future__ import annotations

import atexit
import threading
import weakref

_ends = threading.Event()
_known = False


def expect_exit(owner: object) -> None:
    """Arrange that what is registered with `atexit` from here on runs before any client is ended.

    `weakref` ends its finalizers in an `atexit` handler that it registers with the first of them.
    """
    global _known  # noqa: PLW0603 -- one process has one end
    if not _known:
        _known = True
        weakref.finalize(owner, int)
        atexit.register(_ends.set)


def rest_at_exit() -> None:
    """Where the process ends, and this is a daemon thread: stay here until it is gone; otherwise do nothing."""
    if _ends.is_set() and threading.current_thread().daemon:
        threading.Event().wait()
