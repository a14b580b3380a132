"""Many calls at once: `client.map`. So many are under way and no more, and an error is a value like an answer.

A call's place is free again when its outcome has been handed out and its reader has come back for the next one: neither the
source of the jobs nor the calls run ahead of a slow reader.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterable
from typing import TYPE_CHECKING, Any

from attrs import field, frozen

from pipelex_core.errors import UnsupportedInputError

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Generator, Iterable, Mapping

    from pipelex_core.runtime.loop_thread import LoopThread

_END: Any = object()


@frozen
class Job:
    """A call of `client.map` that has arguments of its own.

    Attributes:
        source: What the call is about: a prompt, a document.
        arguments: Those of the operation, `model` included; they win over those that `map` was called with.
    """

    source: Any
    arguments: Mapping[str, Any] = field(factory=dict)


@frozen(kw_only=True)
class Done:
    """A call of `client.map` that has ended.

    Attributes:
        index: Which job it was, from 0.
        job: The job, as it was passed in.
        result: What the operation returned, or None.
        error: What it raised instead, or None.
    """

    index: int
    job: Any = field(repr=False)
    result: Any = None
    error: Exception | None = None

    def get(self) -> Any:
        """Return the result.

        Raises:
            Exception: The call failed: its error.
        """
        if self.error is not None:
            raise self.error
        return self.result


class Calls:
    """The calls of one `map`: those under way, and those whose outcome has not been handed out; all in one event loop."""

    def __init__(self, ask: Callable[[Any], Awaitable[Any]], concurrency: int, *, ordered: bool) -> None:
        if type(concurrency) is not int or concurrency < 1:
            msg = f"concurrency is a whole number from 1, not {concurrency!r}"
            raise UnsupportedInputError(msg)
        self._ask = ask
        self._concurrency = concurrency
        self._ordered = ordered
        self._tasks: set[asyncio.Task[None]] = set()
        self._ended: dict[int, Done] = {}
        self._begun = self._handed = 0
        self._waiting: asyncio.Future[None] | None = None

    @property
    def is_full(self) -> bool:
        """Whether no call may begin before an outcome is handed out."""
        return self._begun - self._handed >= self._concurrency

    @property
    def is_idle(self) -> bool:
        """Whether every outcome has been handed out."""
        return self._begun == self._handed

    @property
    def is_running(self) -> bool:
        """Whether a call is under way."""
        return bool(self._tasks)

    def begin(self, job: Any) -> None:
        """Begin the call of a job."""
        task = asyncio.create_task(self._run(self._begun, job))
        self._begun += 1
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def ready(self) -> Done | None:
        """Hand out an outcome that is here, in the order wanted; or None."""
        key = self._handed if self._ordered else next(iter(self._ended), -1)
        done = self._ended.pop(key, None)
        if done is not None:
            self._handed += 1
        return done

    async def next(self) -> Done:
        """Hand out the next outcome, once it is here."""
        while (done := self.ready()) is None:
            await self.change()
        return done

    async def swap(self, job: Any) -> Done | None:
        """Begin a job; hand out an outcome, waited for where there is no place for a further job, or None."""
        self.begin(job)
        return await self.next() if self.is_full else self.ready()

    async def change(self) -> None:
        """Wait until a call ends, or `wake` is called."""
        self._waiting = asyncio.get_running_loop().create_future()
        await self._waiting

    def wake(self, _ended: object = None) -> None:
        """Let `change` look again."""
        if self._waiting is not None and not self._waiting.done():
            self._waiting.set_result(None)

    async def stop(self) -> None:
        """Cancel what is under way, and wait until it has ended."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _run(self, index: int, job: Any) -> None:
        try:
            done = Done(index=index, job=job, result=await self._ask(job))
        except Exception as error:  # noqa: BLE001 -- a value, as the result is
            done = Done(index=index, job=job, error=error)
        except asyncio.CancelledError:
            self._ended[index] = Done(index=index, job=job, error=RuntimeError("the call was cancelled"))
            self.wake()
            raise
        self._ended[index] = done
        self.wake()


def asking(
    call: Callable[[Any, Any, Mapping[str, Any]], Awaitable[Any]], model: Any, arguments: Mapping[str, Any]
) -> Callable[[Any], Awaitable[Any]]:
    """Make the function that calls an operation for a job, with the arguments of `map` and the job's own."""

    def ask(job: Any) -> Awaitable[Any]:
        if not isinstance(job, Job):
            return call(job, model, arguments)
        own = {"model": model, **arguments, **job.arguments}
        return call(job.source, own.pop("model"), own)

    return ask


async def run(calls: Calls, jobs: Iterable[Any] | AsyncIterable[Any]) -> AsyncGenerator[Done, None]:
    """Give the outcome of every job; closing it cancels the calls under way, and waits for them."""
    try:
        if isinstance(jobs, AsyncIterable):
            async for done in _as_they_come(calls, aiter(jobs)):
                yield done
        else:
            for job in jobs:
                ended = await calls.swap(job)
                if ended is not None:
                    yield ended
        while not calls.is_idle:
            yield await calls.next()
    finally:
        await calls.stop()


async def _as_they_come(calls: Calls, jobs: AsyncIterator[Any]) -> AsyncGenerator[Done, None]:
    """The same of jobs that have to be waited for: outcomes are handed out meanwhile."""
    getting: asyncio.Task[Any] | None = None
    try:
        while True:
            if getting is None and not calls.is_full:
                getting = asyncio.ensure_future(_next_of(jobs))
                getting.add_done_callback(calls.wake)
            if getting is not None and getting.done():
                job, getting = getting.result(), None
                if job is _END:
                    return
                calls.begin(job)
            elif (done := calls.ready()) is not None:
                yield done
            else:
                await calls.change()
    finally:
        if getting is not None:
            getting.cancel()
            await asyncio.gather(getting, return_exceptions=True)


async def _next_of(jobs: AsyncIterator[Any]) -> Any:
    return await anext(jobs, _END)


def run_in(thread: LoopThread, calls: Calls, jobs: Iterable[Any]) -> Generator[Done, None, None]:
    """As `run`, from any thread: the jobs are taken, and the outcomes given, in the thread of whoever reads."""
    try:
        for job in jobs:
            done = thread.run(calls.swap(job))
            if done is not None:
                yield done
        while not calls.is_idle:
            yield thread.run(calls.next())
    finally:
        if calls.is_running:
            thread.run(calls.stop())
