"""A stream within a clock's time: read in a task of its own, some way ahead of whoever takes its events."""

from __future__ import annotations

import asyncio
from collections import deque
from typing import TYPE_CHECKING, Generic, TypeVar

from pipelex_core.execution.clocks import GRACE, PARTING, Silence, end, heed, seconds_left, silence, wake

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

    from pipelex_core.execution.clocks import Clock

T = TypeVar("T")

_AHEAD = 16
"""How many events a stream may be ahead of its reader."""


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
            wake(self._room)
        return event

    async def close(self, patience: float = PARTING) -> None:
        """Stop reading, and close the connection."""
        self._timer.cancel()
        await end(self._task, patience)

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
        heed(task)
        self._tell()

    def _tell(self) -> None:
        if self._news is not None:
            wake(self._news)

    def _look(self) -> None:
        """The time may be over: not where the provider was heard since, nor while the reader is what is waited for."""
        left = seconds_left(self._clock, self._timer)
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
