"""Two clocks: the deadline of a whole call, and the silence of a provider.

What they bound runs in a task of its own, so that a plugin that swallows its cancellation, or takes long over it, delays
nobody: it is given up after a moment. A call without clocks has no such task.
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from contextvars import ContextVar
from math import inf
from typing import TYPE_CHECKING, Any, Generic, Protocol, TypeVar

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable, Coroutine

    from pipelex_core.execution.plan import Plan

T = TypeVar("T")

GRACE = 0.1
"""Seconds that work which was cancelled may take to end, once its time is over."""

PARTING = 5.0
"""The same where the caller gives up, and the work may have a job to cancel at the provider."""

_AHEAD = 16
"""How many events a stream may be ahead of its reader."""

_log = logging.getLogger("pipelex_core.execution")
_given_up: set[asyncio.Task[Any]] = set()

silence: ContextVar[Silence | None] = ContextVar("silence", default=None)
"""The clock that hears every sign of life of the provider that is being asked; the connection pool tells it."""


class Clock(Protocol):
    """Something that bounds work."""

    def left(self) -> float:
        """Seconds until it is over; 0 or less once it is."""

    def error(self) -> Exception:
        """What is raised then."""


class Deadline:
    """The end of a whole call, and the error that is raised then."""

    def __init__(self, plan: Plan, error: Exception) -> None:
        self._plan = plan
        self._error = error

    def left(self) -> float:
        """Seconds until then."""
        left = self._plan.seconds_left()
        return inf if left is None else left

    def error(self) -> Exception:
        """What is raised then."""
        return self._error


class Silence:
    """How long nothing has been heard of a provider."""

    def __init__(self, seconds: float, error: Callable[[], Exception]) -> None:
        self._seconds = seconds
        self._loop = asyncio.get_running_loop()
        self._heard = self._loop.time()
        self.error = error

    def heard(self) -> None:
        """The provider gave a sign of life."""
        self._heard = self._loop.time()

    def left(self) -> float:
        """Seconds until it has been silent for too long."""
        return self._heard + self._seconds - self._loop.time()


async def within(clock: Clock, work: Coroutine[Any, Any, T]) -> T:
    """What the work gives, if it does within the clock's time; else the clock's error."""
    left = clock.left()
    if left <= 0:
        work.close()
        raise clock.error()
    alarm = _Alarm(clock, left)
    task = asyncio.create_task(_telling(work, alarm))
    try:
        await alarm.rung
    except asyncio.CancelledError:
        if not task.done():
            await _ended(task, PARTING)
        raise
    finally:
        alarm.timer.cancel()
    if not task.done():
        await _ended(task, GRACE)
        if not task.done() or task.cancelled():
            raise clock.error()
    return task.result()


class _Alarm:
    """Rings when the work has ended, or the clock is over."""

    def __init__(self, clock: Clock, left: float) -> None:
        loop = asyncio.get_running_loop()
        self.clock = clock
        self.rung: asyncio.Future[None] = loop.create_future()
        self.timer = loop.call_later(left, self._look)

    def _look(self) -> None:
        left = self.clock.left()
        if left > 0:  # something was heard meanwhile
            self.timer = asyncio.get_running_loop().call_later(left, self._look)
        else:
            _wake(self.rung)


async def _telling(work: Coroutine[Any, Any, T], alarm: _Alarm) -> T:
    if isinstance(alarm.clock, Silence):
        silence.set(alarm.clock)
        alarm.clock.heard()
    try:
        return await work
    finally:
        _wake(alarm.rung)


def _wake(sleeper: asyncio.Future[None]) -> None:
    if not sleeper.done():
        sleeper.set_result(None)


async def _ended(task: asyncio.Task[Any], patience: float) -> None:
    """Cancel a task and wait for its end, not for ever; what it then raises concerns nobody."""
    if not task.cancelling():
        task.cancel()
    await asyncio.wait((task,), timeout=patience)
    if not task.done():
        _log.warning("a request that was cancelled does not end: it is left to itself")
        _given_up.add(task)
        task.add_done_callback(_forget)


def _forget(task: asyncio.Task[Any]) -> None:
    _given_up.discard(task)
    if not task.cancelled():
        task.exception()  # it was looked at: nobody complains


class Bounded(Generic[T]):
    """The events of a stream, each within a clock's time; read some way ahead of whoever takes them.

    Use: `async for event in bounded(clock, events)`.
    """

    def __init__(self, clock: Clock, events: AsyncGenerator[T, None]) -> None:
        self._clock = clock
        self._events = events
        self._ready: deque[T] = deque()
        self._loop = asyncio.get_running_loop()
        self._news: asyncio.Future[None] | None = None
        self._room: asyncio.Future[None] | None = None
        self._is_over = False
        self._task = self._loop.create_task(self._read())
        self._timer = self._loop.call_later(max(clock.left(), 0.0), self._look)
        self._task.add_done_callback(self._read_all)

    async def next(self) -> T | None:
        """The next event; None after the last."""
        while not self._ready:
            if self._task.done() and not self._task.cancelled():
                self._task.result()
                return None
            if self._is_over:
                await self.close(GRACE)
                if not self._task.done() or self._task.cancelled():
                    raise self._clock.error()
                continue
            if self._task.cancelled():
                raise asyncio.CancelledError  # the loop ends
            self._news = self._loop.create_future()
            try:
                await self._news
            finally:
                self._news = None
        event = self._ready.popleft()
        if self._room is not None:
            _wake(self._room)
        return event

    async def close(self, patience: float = PARTING) -> None:
        """Stop reading, and close the connection."""
        self._timer.cancel()
        if not self._task.done() and self._task not in _given_up:
            await _ended(self._task, patience)

    async def _read(self) -> None:
        if isinstance(self._clock, Silence):
            silence.set(self._clock)
        try:
            async for event in self._events:
                self._ready.append(event)
                self._heard()
                if len(self._ready) >= _AHEAD:
                    self._room = self._loop.create_future()
                    await self._room
                    self._room = None
                    self._heard()
        finally:
            await self._events.aclose()

    def _heard(self) -> None:
        if isinstance(self._clock, Silence):
            self._clock.heard()
        self._tell()

    def _read_all(self, task: asyncio.Task[None]) -> None:
        self._timer.cancel()
        _forget(task)
        self._tell()

    def _tell(self) -> None:
        if self._news is not None:
            _wake(self._news)

    def _look(self) -> None:
        """The time may be over: not where the provider was heard since, nor while the reader is what is waited for."""
        left = self._clock.left()
        if isinstance(self._clock, Silence) and self._room is not None:
            left = max(left, 1.0)
        if left > 0:
            self._timer = self._loop.call_later(left, self._look)
            return
        self._is_over = True
        self._task.cancel()
        self._tell()


async def bounded(clock: Clock, events: AsyncGenerator[T, None]) -> AsyncGenerator[T, None]:
    """The events of a stream, within a clock's time; closing this closes the connection."""
    reader = Bounded(clock, events)
    try:
        while (event := await reader.next()) is not None:
            yield event
    finally:
        await reader.close()
