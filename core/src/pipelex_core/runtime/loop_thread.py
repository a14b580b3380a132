"""One event loop on one thread of its own: where a synchronous client's calls run."""

from __future__ import annotations

import os
import threading
import weakref
from typing import TYPE_CHECKING, Any, TypeVar

from pipelex_core.runtime.exits import expect_exit, rest_at_exit
from pipelex_core.runtime.forks import after_fork
from pipelex_core.runtime.importing import with_room

if TYPE_CHECKING:
    import asyncio
    import selectors
    from collections.abc import Callable, Coroutine
    from concurrent.futures import Future

T = TypeVar("T")

GLANCE = 0.5
"""Seconds between two glances at signals of a thread that waits.

A signal that comes just before a thread begins to wait for a lock does not wake it: without a glance, Ctrl-C in that moment
would be heeded when the call has ended.
"""


class LoopThread:
    """An event loop on a daemon thread, started at the first call, anew after a fork, ended by `stop`.

    Where it is not stopped, it ends with its owner or with the process, after `at_end` ran in it.
    """

    def __init__(self, at_end: Callable[[], Coroutine[Any, Any, None]]) -> None:
        self._at_end = at_end
        self._lock = threading.RLock()  # a signal's handler may call while its thread is starting a call
        self._thread: threading.Thread | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._selector: selectors.BaseSelector | None = None
        self._stop: weakref.finalize[Any, Any] | None = None
        expect_exit(self)

    def run(self, coroutine: Coroutine[Any, Any, T]) -> T:
        """The coroutine's result; interrupting this thread cancels it.

        Raises:
            RuntimeError: Called from the loop's own thread, which would wait for itself; or stopped meanwhile.
        """
        from concurrent.futures import CancelledError

        future = self._begin(coroutine)
        try:
            return _result_of(future)
        except CancelledError:
            rest_at_exit()
            raise RuntimeError("the client was closed while this call was under way") from None
        except BaseException:
            if not future.done():
                future.cancel()
            raise

    def stop(self) -> None:
        """Cancel what runs, run `at_end` in the loop, end it, and wait for its thread."""
        with self._lock:
            stop, self._stop, self._loop, self._thread = self._stop, None, None, None
        if stop is not None:
            stop()

    def _begin(self, coroutine: Coroutine[Any, Any, T]) -> Future[T]:
        """Hand the coroutine to the loop, started if need be; never to one that is about to end."""
        import asyncio

        if threading.current_thread() is self._thread:
            coroutine.close()
            raise RuntimeError("a synchronous call from within the client's own event loop would wait for itself")
        try:
            with self._lock:
                return asyncio.run_coroutine_threadsafe(coroutine, self._loop or self._start())
        except BaseException:
            coroutine.close()
            raise

    def _start(self) -> asyncio.AbstractEventLoop:
        import asyncio
        import selectors

        from pipelex_core.runtime.daemon_threads import DaemonThreads

        self._selector = selectors.DefaultSelector()
        loop = asyncio.SelectorEventLoop(self._selector)
        loop.set_default_executor(DaemonThreads())
        thread = threading.Thread(target=_serve, args=(loop,), name="pipelex-core", daemon=True)
        thread.start()
        self._stop = weakref.finalize(self, _shut_down, loop, thread, os.getpid(), self._at_end)
        self._loop, self._thread = loop, thread
        after_fork(self)
        return loop

    def forked(self) -> None:
        """Forget the parent's loop, in a forked child: the thread is not here, and the lock may have been held."""
        if self._stop is not None:
            self._stop.detach()
        if self._loop is not None and self._selector is not None:
            from pipelex_core.runtime.inherited import disown

            disown(self._loop, self._selector)
        self._lock = threading.RLock()
        self._stop = self._loop = self._thread = None


def _result_of(future: Future[T]) -> T:
    """Wait for a result; see `GLANCE`."""
    while True:
        try:
            return future.result(GLANCE)
        except TimeoutError:
            if future.done():  # the call's own error, or it ended in this moment
                return future.result()


@with_room
def _serve(loop: asyncio.AbstractEventLoop) -> None:
    import asyncio

    asyncio.set_event_loop(loop)
    try:
        loop.run_forever()
        loop.run_until_complete(loop.shutdown_asyncgens())
        loop.run_until_complete(loop.shutdown_default_executor())
    finally:
        loop.close()


async def _end(at_end: Callable[[], Coroutine[Any, Any, None]]) -> None:
    """Cancel every other task of the loop, then release what they used."""
    import asyncio

    waiting = asyncio.all_tasks() - {asyncio.current_task()}
    for task in waiting:
        task.cancel()
    await asyncio.gather(*waiting, return_exceptions=True)
    await at_end()


def _shut_down(
    loop: asyncio.AbstractEventLoop,
    thread: threading.Thread,
    pid: int,
    at_end: Callable[[], Coroutine[Any, Any, None]],
) -> None:
    import asyncio

    if pid != os.getpid() or not thread.is_alive():
        return
    if threading.current_thread() is thread:  # its owner was collected here: the loop cannot be waited for
        loop.create_task(_end(at_end)).add_done_callback(lambda _: loop.stop())
        return
    try:
        asyncio.run_coroutine_threadsafe(_end(at_end), loop).result()
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
