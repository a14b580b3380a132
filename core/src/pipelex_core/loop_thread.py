"""One event loop on one thread of its own: where a synchronous client's calls run."""

from __future__ import annotations

import os
import threading
import weakref
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Callable, Coroutine

T = TypeVar("T")


class LoopThread:
    """An event loop on a daemon thread, started at the first call, anew after a fork, ended by `stop`.

    Where it is not stopped, it ends with its owner or with the process, after `at_end` ran in it.
    """

    def __init__(self, at_end: Callable[[], Coroutine[Any, Any, None]]) -> None:
        self._at_end = at_end
        self._lock = threading.Lock()
        self._pid = 0
        self._loop: asyncio.AbstractEventLoop | None = None
        self._stop: weakref.finalize[Any, Any] | None = None

    def run(self, coroutine: Coroutine[Any, Any, T]) -> T:
        """The coroutine's result; interrupting this thread cancels it.

        Raises:
            RuntimeError: Called from the loop's own thread, which would wait for itself.
        """
        import asyncio

        loop = self.loop()
        try:
            running: asyncio.AbstractEventLoop | None = asyncio.get_running_loop()
        except RuntimeError:
            running = None
        if running is loop:
            coroutine.close()
            msg = "a synchronous call from within the client's own event loop would wait for itself"
            raise RuntimeError(msg)
        future = asyncio.run_coroutine_threadsafe(coroutine, loop)
        try:
            return future.result()
        except BaseException:
            if not future.done():
                future.cancel()
            raise

    def loop(self) -> asyncio.AbstractEventLoop:
        """The running loop, started if need be."""
        if self._loop is None or self._pid != os.getpid():
            with self._lock:
                if self._loop is None or self._pid != os.getpid():
                    self._start()
        assert self._loop is not None  # noqa: S101 -- `_start` made it
        return self._loop

    def stop(self) -> None:
        """Run `at_end` in the loop, end it, and wait for its thread."""
        with self._lock:
            stop, self._stop, self._loop = self._stop, None, None
        if stop is not None:
            stop()

    def _start(self) -> None:
        import asyncio

        loop = asyncio.new_event_loop()
        thread = threading.Thread(target=_serve, args=(loop,), name="pipelex-core", daemon=True)
        thread.start()
        if self._stop is not None:
            self._stop.detach()  # it belongs to the parent process, whose thread is not here
        self._stop = weakref.finalize(self, _shut_down, loop, thread, os.getpid(), self._at_end)
        self._pid = os.getpid()
        self._loop = loop


def _serve(loop: asyncio.AbstractEventLoop) -> None:
    import asyncio

    asyncio.set_event_loop(loop)
    try:
        loop.run_forever()
        waiting = asyncio.all_tasks(loop)
        for task in waiting:
            task.cancel()
        loop.run_until_complete(asyncio.gather(*waiting, return_exceptions=True))
        loop.run_until_complete(loop.shutdown_asyncgens())
        loop.run_until_complete(loop.shutdown_default_executor())
    finally:
        loop.close()


def _shut_down(
    loop: asyncio.AbstractEventLoop,
    thread: threading.Thread,
    pid: int,
    at_end: Callable[[], Coroutine[Any, Any, None]],
) -> None:
    import asyncio

    if pid != os.getpid() or not thread.is_alive() or threading.current_thread() is thread:
        return
    asyncio.run_coroutine_threadsafe(at_end(), loop).result()
    loop.call_soon_threadsafe(loop.stop)
    thread.join()
