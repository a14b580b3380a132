"""A stream under clocks: a task reads it, some way ahead of whoever takes its events."""

from __future__ import annotations

import asyncio
from collections import deque
from typing import TYPE_CHECKING, Any

from pipelex_core.execution.clocks import GRACE, PARTING, end, give_up, heed, seconds_remaining, wake
from pipelex_core.sending import silence

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Awaitable, Callable

    from pipelex_core.execution.clocks import Clock, Silence

_AHEAD = 64
"""How many events a stream may be ahead of its reader."""


class Reader:
    """The events of a stream, each within the time of every clock.

    A clock that is over cancels the task. Where that ends it with nothing better, the clock's error is raised; so it is,
    after a moment, where the work does not let itself be cancelled.
    """

    def __init__(
        self, start: Callable[[], Awaitable[Any]], close: Callable[[Any], Awaitable[None]], clock: Clock | None
    ) -> None:
        self._start = start
        self._close = close
        self._clocks = [] if clock is None else [clock]
        self._loop = asyncio.get_running_loop()
        self._ready: deque[Any] = deque()
        self._news: asyncio.Future[None] | None = None
        self._room: asyncio.Future[None] | None = None
        self._cut: Clock | None = None
        self._is_abandoned = False
        self._is_raised = False
        self._fault: Exception | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._task = self._loop.create_task(self._read())
        self._task.add_done_callback(self._ended)
        self._arm()

    def listen(self, clock: Silence) -> None:
        """Bound by a further clock what this task reads; called in it."""
        silence.set(clock)
        self._clocks.append(clock)
        self._arm()

    def cut_by(self, clock: Clock) -> bool:
        """Whether this clock cancelled the task; its error is then raised inside, and reading may go on."""
        self._clocks.remove(clock)
        if self._cut is not clock:
            return False
        self._cut = None
        self._task.uncancel()
        self._arm()
        return True

    async def events(self) -> AsyncGenerator[Any, None]:
        """What has been read, as it comes."""
        ready = self._ready
        while True:
            while ready:
                yield ready.popleft()
                if self._room is not None and len(ready) <= _AHEAD // 2:
                    wake(self._room)
                    self._room = None
            if self._is_abandoned or self._task.done():
                self._raise()
                return
            self._news = self._loop.create_future()
            await self._news
            self._news = None

    async def aclose(self) -> Exception | None:
        """Stop reading, and close the connection; gives what went wrong in that."""
        if self._timer is not None:
            self._timer.cancel()
        task = self._task
        was_reading = not task.done()
        if not self._is_abandoned:
            await end(task, PARTING)
        if self._is_raised:
            return None
        if self._fault is None and was_reading and task.done() and not task.cancelled() and self._cut is None:
            error = task.exception()  # what a plugin made of its cancellation
            return error if isinstance(error, Exception) else None
        return self._fault

    def _raise(self) -> None:
        """Raise what the task ended with, if it failed."""
        self._is_raised = True
        if self._cut is not None and (self._is_abandoned or self._task.cancelled() or self._task.exception()):
            raise self._cut.error()
        if self._task.cancelled():
            raise asyncio.CancelledError  # the loop ends
        self._task.result()

    async def _read(self) -> None:
        events: Any = None
        answer: Any = None
        try:
            events = await self._start()
            async for event in events:
                if not isinstance(event, str) and not isinstance(event, bytes):
                    answer = event
                    break
                self._ready.append(event)
                if self._news is not None:
                    self._news.set_result(None)
                    self._news = None
                if len(self._ready) >= _AHEAD:
                    self._room = self._loop.create_future()
                    await self._room
        except GeneratorExit:
            pass  # the caller wants no more of it
        finally:
            await self._end(events)
        if answer is not None:
            self._ready.append(answer)

    async def _end(self, events: Any) -> None:
        try:
            await self._close(events)
        except Exception as error:
            self._fault = error
            raise

    def _ended(self, task: asyncio.Task[None]) -> None:
        if self._timer is not None:
            self._timer.cancel()
        heed(task)
        if self._news is not None:
            wake(self._news)

    def _arm(self) -> None:
        """Look at the clocks when the first of them may be over."""
        if self._timer is not None:
            self._timer.cancel()
        if self._clocks:
            remaining = min(clock.remaining() for clock in self._clocks)
            self._timer = self._loop.call_later(max(remaining, 0.0), self._look, self._loop.time() + remaining)

    def _look(self, due: float) -> None:
        """Cancel the task where a clock is over; something may have been heard since."""
        clock = min(self._clocks, key=lambda clock: seconds_remaining(clock, due))
        remaining = seconds_remaining(clock, due)
        if remaining > 0:
            self._timer = self._loop.call_later(remaining, self._look, self._loop.time() + remaining)
            return
        self._cut = clock
        self._task.cancel()
        self._timer = self._loop.call_later(GRACE, self._give_up)

    def _give_up(self) -> None:
        self._is_abandoned = True
        give_up(self._task)
        if self._news is not None:
            wake(self._news)
