"""One thread that waits for the disk, so that no event loop does; what is asked of it is done in order."""

from __future__ import annotations

import os
import threading
import weakref
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable

    from pipelex_middleware_cache._store import Store

T = TypeVar("T")

_NONE = -1
_MOST_WAITING = 256
"""Writes that may wait for the disk; a further one is left out."""

_inherited: list[object] = []
"""Connections of a parent process: SQLite wants a child not even to close them."""


class Worker:
    """Runs jobs on a store, in a thread that is started by the first one, and anew in a forked child."""

    _finalizer: weakref.finalize[Any, Worker]

    def __init__(self, make_store: Callable[[], Store]) -> None:
        self._make_store = make_store
        self._start()

    def ask(self, job: Callable[[Store], T]) -> Future[T]:
        """What a job gives; its errors are the caller's."""
        store, threads = self._here()
        return threads.submit(job, store)

    def tell(self, job: Callable[[Store], Any]) -> None:
        """A job nobody waits for; left out where too many of them are waiting."""
        room = self._room
        if not room.acquire(blocking=False):
            return
        try:
            self.ask(job).add_done_callback(lambda _: room.release())
        except RuntimeError:  # the process is about to end
            room.release()

    def close(self) -> None:
        """Do what is left to do, close the file, and end the thread; further work starts anew."""
        _, threads = self._here()
        self._finalizer()
        self._pid = _NONE
        threads.shutdown()

    def _here(self) -> tuple[Store, ThreadPoolExecutor]:
        if self._pid != os.getpid():
            if self._pid != _NONE:
                self._finalizer.detach()
                _inherited.append(self._store)
            self._start()
        return self._store, self._threads

    def _start(self) -> None:
        self._pid = os.getpid()
        self._room = threading.BoundedSemaphore(_MOST_WAITING)
        self._store = self._make_store()
        self._threads = ThreadPoolExecutor(1, "pipelex-cache")
        self._finalizer = weakref.finalize(self, _end, self._store, self._threads)


def _end(store: Store, threads: ThreadPoolExecutor) -> None:
    """Close the file after what is still to be done; at the end of the process, all of it is done already."""
    try:
        threads.submit(store.close)
    except RuntimeError:
        store.close()
    threads.shutdown(wait=False)
