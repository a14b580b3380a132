"""A file that one process writes at a time."""

from __future__ import annotations

import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING

try:
    import fcntl
except ImportError:  # Windows, where appending is left to the system
    fcntl = None  # type: ignore[assignment]

if TYPE_CHECKING:
    from collections.abc import Iterator
    from io import RawIOBase

_threads = threading.Lock()


@contextmanager
def alone_with(file: RawIOBase) -> Iterator[None]:
    """Write to an open file while no other thread, and no other process that does likewise, writes to it."""
    with _threads:
        if fcntl is not None:
            fcntl.flock(file.fileno(), fcntl.LOCK_EX)  # released when the file is closed
        yield
