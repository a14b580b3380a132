"""Worker threads for an SDK that blocks, and the way back from them into the event loop."""

from __future__ import annotations

import asyncio
from collections import deque
from contextlib import closing, suppress
from functools import partial
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from attrs import frozen

from pipelex_backend_bedrock._calls import current
from pipelex_backend_bedrock._threads import Threads
from pipelex_core.errors import CallError, InvalidAnswerError, ProviderConnectionError

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable, Generator

    from pipelex_backend_bedrock._calls import Call

T = TypeVar("T")

PATIENCE = 1.0
"""Seconds that closing waits for threads whose connections it has severed."""


class Workers:
    """The threads of one backend, as many as it may have calls under way.

    Args:
        limit: Most threads; a further call waits for one.
        mapped: Makes one of our errors of whatever a job raised.

    Attributes:
        severable: Whether giving a call up wakes its thread; where not, closing does not wait for the threads.
    """

    def __init__(self, limit: int, mapped: Callable[[Exception, Call], CallError]) -> None:
        self._threads = Threads(limit, "pipelex-bedrock")
        self._mapped = mapped
        self._calls: set[Call] = set()
        self._closed = False
        self.severable = True

    async def run(self, call: Call, work: Callable[[], T]) -> T:
        """What `work` returns; cancelling this gives the call up."""
        loop = asyncio.get_running_loop()
        done: asyncio.Future[T] = loop.create_future()

        def job() -> Callable[[], None]:
            outcome: _Result[T] | CallError
            try:
                call.check()
                outcome = _Result(work())
            except Exception as raised:  # noqa: BLE001 -- the border to the SDK: it goes to who asked, as one of ours
                outcome = self._ours(raised, call)
            call.leave()
            return partial(_tell, loop, _settle, done, outcome)

        self._start(call, job)
        try:
            return await done
        finally:
            self._finish(call)

    async def stream(self, call: Call, work: Callable[[], Generator[T, None, None]]) -> AsyncGenerator[T, None]:
        """What the generator of `work` yields, read ahead by its thread; closing this gives the call up."""
        feed: _Feed[T] = _Feed()

        def job() -> Callable[[], None]:
            error = None
            try:
                call.check()
                with closing(work()) as items:
                    for item in items:
                        feed.put(item)
                        call.check()
            except Exception as raised:  # noqa: BLE001 -- as above
                error = self._ours(raised, call)
            call.leave()
            return partial(feed.end, error)

        self._start(call, job)
        try:
            while items := await feed.take():
                for item in items:
                    yield item
        finally:
            self._finish(call)

    async def close(self) -> None:
        """Give up what is under way, and wait until every thread has ended."""
        self._closed = True
        for call in list(self._calls):
            call.give_up()
        self._threads.close()
        if self.severable:
            await asyncio.to_thread(self._threads.join, PATIENCE)

    def _start(self, call: Call, job: Callable[[], Callable[[], None]]) -> None:
        if self._closed:
            msg = "the backend is closed"
            raise ProviderConnectionError(msg)

        def run() -> Callable[[], None]:
            current.call = call
            try:
                return job()
            finally:
                current.call = None

        self._calls.add(call)
        self._threads.start(run)

    def _ours(self, raised: Exception, call: Call) -> CallError:
        try:
            return self._mapped(raised, call)
        except Exception as fault:  # noqa: BLE001 -- whoever waits must hear of it, whatever happens
            kind = ProviderConnectionError if isinstance(fault, OSError) else InvalidAnswerError
            return kind(f"{type(raised).__name__}, which could not be read: {type(fault).__name__}")

    def _finish(self, call: Call) -> None:
        self._calls.discard(call)
        call.give_up()


@frozen
class _Result(Generic[T]):
    """What a job returned."""

    value: T


def _tell(loop: asyncio.AbstractEventLoop, *callback: Any) -> None:
    """Have a loop call something; where it is closed, nobody waits for that."""
    with suppress(RuntimeError):
        loop.call_soon_threadsafe(*callback)


def _settle(done: asyncio.Future[T], outcome: _Result[T] | CallError) -> None:
    """Give a call's outcome to who waits for it; nobody does after a cancellation."""
    if done.done():
        return
    if isinstance(outcome, CallError):
        done.set_exception(outcome)
    else:
        done.set_result(outcome.value)


class _Feed(Generic[T]):
    """Items from one thread to one coroutine. The thread wakes the loop only where the coroutine waits for it."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._items: deque[T] = deque()
        self._waiter: asyncio.Future[None] | None = None
        self._wanted = False
        self._ended = False
        self._error: CallError | None = None

    def put(self, item: T) -> None:
        """Give an item; for the thread."""
        self._items.append(item)
        self._tell()

    def end(self, error: CallError | None) -> None:
        """Give no more; for the thread."""
        self._error = error
        self._ended = True
        self._tell()

    async def take(self) -> list[T]:
        """All that came since the last time, in order; waits for something, and is empty at the end."""
        while True:
            self._wanted = True  # before the look at what there is: what comes after the look tells
            ended = self._ended
            if self._items or ended:
                self._wanted = False
                break
            self._waiter = self._loop.create_future()
            await self._waiter
        taken = [self._items.popleft() for _ in range(len(self._items))]
        if not taken and self._error is not None:
            raise self._error
        return taken

    def _tell(self) -> None:
        if self._wanted:
            self._wanted = False
            _tell(self._loop, self._wake)

    def _wake(self) -> None:
        waiter, self._waiter = self._waiter, None
        if waiter is not None and not waiter.done():
            waiter.set_result(None)
