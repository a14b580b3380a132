"""Two clocks: the deadline of a whole call, and the silence of a provider.

What they bound runs in a task of its own, so that a plugin that swallows its cancellation, or takes long over it, delays
nobody: it is given up after a moment. A call without clocks has no such task.
"""

from __future__ import annotations

import asyncio
import logging
import time
from inspect import CORO_CREATED, getcoroutinestate
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

from pipelex_core.sending import silence

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine


T = TypeVar("T")

GRACE = 0.1
"""Seconds that work which was cancelled may take to end, once its time is over."""

PARTING = 5.0
"""The same where the caller gives up, and the work may have a job to cancel at the provider."""

LATE = 0.05
"""Seconds by which a timer may be late in a loop that is not blocked."""

_log = logging.getLogger("pipelex_core.execution")
_abandoned: set[asyncio.Task[Any]] = set()


class Clock(Protocol):
    """Something that bounds work."""

    def remaining(self) -> float:
        """Seconds until it is over; 0 or less once it is."""

    def error(self) -> Exception:
        """What is raised then."""


class Deadline:
    """The end of a whole call, in monotonic seconds, and the error that is raised then."""

    def __init__(self, ends_at: float, error: Exception) -> None:
        self._ends_at = ends_at
        self._error = error

    def remaining(self) -> float:
        """Seconds until then."""
        return self._ends_at - time.monotonic()

    def error(self) -> Exception:
        """What is raised then."""
        return self._error


class Silence:
    """How long nothing has been heard of a provider that was asked.

    The pool tells of its requests: between two of them, as where a plugin waits before it looks at a queue again, it is
    not the provider that is silent. Where a plugin has connections of its own, it counts all the time.

    Attributes:
        heard_at: When something was heard last (of the loop).
        is_paused: Whether nobody waits for the provider: an event of its stream is on its way to the reader.
        error: Makes what is raised once it is over.
    """

    def __init__(self, seconds: float, error: Callable[[], Exception]) -> None:
        self._seconds = seconds
        self._loop = asyncio.get_running_loop()
        self.heard_at = self._loop.time()
        self._requests = 0
        self._rests = False
        self.is_paused = False
        self.error = error

    def heard(self) -> None:
        """The provider gave a sign of life."""
        self.heard_at = self._loop.time()

    def sent(self) -> None:
        """A request begins."""
        self._requests += 1
        self._rests = False
        self.heard()

    def answered(self) -> None:
        """A request has ended, well or not."""
        self._requests -= 1
        self._rests = self._requests <= 0
        self.heard()

    def remaining(self) -> float:
        """Seconds until it has been silent for too long."""
        if self._rests or self.is_paused:
            return self._seconds
        return self.heard_at + self._seconds - self._loop.time()


def seconds_remaining(clock: Clock, due: float) -> float:
    """Seconds until a clock is over, as a timer asks that was due at this time of the loop.

    A timer that comes late shows that the loop was blocked. Then nothing could be heard, and what came meanwhile is
    heard first.
    """
    remaining = clock.remaining()
    if remaining <= 0 and isinstance(clock, Silence) and asyncio.get_running_loop().time() - due > LATE:
        return LATE
    return remaining


async def within(clock: Clock, work: Coroutine[Any, Any, T]) -> T:
    """What the work gives, if it does within the clock's time; else the clock's error."""
    remaining = clock.remaining()
    if remaining <= 0:
        work.close()
        raise clock.error()
    alarm = _Alarm(clock, remaining)
    task = asyncio.create_task(_telling(work, alarm))
    try:
        await alarm.rung
    except asyncio.CancelledError:
        await end(task, PARTING)
        if getcoroutinestate(work) == CORO_CREATED:
            work.close()  # cancelled before it began
        raise
    finally:
        alarm.timer.cancel()
    if not task.done():
        await end(task, GRACE)
        if not task.done() or task.cancelled():
            raise clock.error()
    return task.result()


class _Alarm:
    """Rings when the work has ended, or the clock is over."""

    def __init__(self, clock: Clock, remaining: float) -> None:
        loop = asyncio.get_running_loop()
        self.clock = clock
        self.rung: asyncio.Future[None] = loop.create_future()
        self.timer = loop.call_later(remaining, self._look)

    def _look(self) -> None:
        remaining = seconds_remaining(self.clock, self.timer.when())
        if remaining > 0:  # something was heard meanwhile
            self.timer = asyncio.get_running_loop().call_later(remaining, self._look)
        else:
            wake(self.rung)


async def _telling(work: Coroutine[Any, Any, T], alarm: _Alarm) -> T:
    if isinstance(alarm.clock, Silence):
        silence.set(alarm.clock)
        alarm.clock.heard()
    try:
        return await work
    finally:
        wake(alarm.rung)


async def end(task: asyncio.Task[Any], patience: float) -> None:
    """Cancel a task and wait for its end, not for ever; what it then raises concerns nobody."""
    if task in _abandoned:
        return
    if not task.done():
        if not task.cancelling():
            task.cancel()
        await asyncio.wait((task,), timeout=patience)
    if task.done():
        heed(task)
    else:
        give_up(task)


def give_up(task: asyncio.Task[Any]) -> None:
    """Let a task that was cancelled, and does not end, come to its end by itself."""
    _log.warning("a request that was cancelled does not end: nobody waits for it any longer")
    _abandoned.add(task)
    task.add_done_callback(_forget)


def wake(sleeper: asyncio.Future[None]) -> None:
    """Let whoever waits for it go on."""
    if not sleeper.done():
        sleeper.set_result(None)


def heed(task: asyncio.Task[Any]) -> None:
    """Look at what a task raised, so that nobody complains that nobody did."""
    if not task.cancelled():
        task.exception()


def _forget(task: asyncio.Task[Any]) -> None:
    _abandoned.discard(task)
    heed(task)
