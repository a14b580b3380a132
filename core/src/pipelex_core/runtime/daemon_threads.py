"""The executor of a synchronous client's event loop: what runs in it holds up neither other work nor an end."""

from __future__ import annotations

import threading
import time
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable

T = TypeVar("T")

PATIENCE = 1.0
"""Seconds that the end waits for what still runs; whatever does not end by itself ends with the process."""


class DaemonThreads(ThreadPoolExecutor):
    """Runs each piece of work in a daemon thread of its own: none waits for another, and no exit for any of them.

    asyncio takes a `ThreadPoolExecutor` only; of that, this has the interface.
    """

    def __init__(self) -> None:
        super().__init__(max_workers=1)
        self._running: set[threading.Thread] = set()

    def submit(self, fn: Callable[..., T], /, *args: Any, **kwargs: Any) -> Future[T]:
        """Start the work at once."""
        future: Future[T] = Future()

        def run() -> None:
            if future.set_running_or_notify_cancel():
                try:
                    future.set_result(fn(*args, **kwargs))
                except BaseException as error:  # noqa: BLE001 -- it goes to who waits
                    future.set_exception(error)
            self._running.discard(thread)

        thread = threading.Thread(target=run, name="pipelex-work", daemon=True)
        self._running.add(thread)
        thread.start()
        return future

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:  # noqa: ARG002 -- nothing is queued
        """Wait a moment for what still runs."""
        ends_at = time.monotonic() + PATIENCE
        for thread in tuple(self._running) if wait else ():
            thread.join(max(0.0, ends_at - time.monotonic()))
