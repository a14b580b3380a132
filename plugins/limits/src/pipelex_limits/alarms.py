"""A timer in each event loop that has somebody waiting: a loop that is blocked does not keep the others asleep."""

from __future__ import annotations

import math
import threading
from typing import TYPE_CHECKING

from attrs import define

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Callable


@define(eq=False)
class _Alarm:
    """The timer of one loop.

    Attributes:
        waiting: How many wait in this loop.
        seconds: What the loop has been asked for and has not seen yet.
        timer: Touched in the loop's own thread alone.
    """

    waiting: int = 0
    seconds: float = math.inf
    timer: asyncio.TimerHandle | None = None


class Alarms:
    """Calls `ring` in every loop where somebody waits. Its methods are called by one thread at a time: under a lock."""

    def __init__(self, ring: Callable[[], None]) -> None:
        self._ring = ring
        self._loops: dict[asyncio.AbstractEventLoop, _Alarm] = {}
        self._lock = threading.Lock()

    def join(self, loop: asyncio.AbstractEventLoop) -> None:
        """One more waits in this loop."""
        self._loops.setdefault(loop, _Alarm()).waiting += 1

    def leave(self, loop: asyncio.AbstractEventLoop) -> None:
        """One waits no longer."""
        alarm = self._loops.get(loop)
        if alarm is not None:
            alarm.waiting -= 1
            if not alarm.waiting:
                del self._loops[loop]

    def set(self, seconds: float) -> list[asyncio.AbstractEventLoop]:
        """Ring in so many seconds, or sooner where that was asked before; gives the loops that turned out closed."""
        closed = []
        for loop, alarm in list(self._loops.items()):
            with self._lock:
                is_set, alarm.seconds = alarm.seconds < math.inf, min(alarm.seconds, seconds)
            if is_set:
                continue  # and has not come to it yet
            try:
                loop.call_soon_threadsafe(self._start, loop, alarm)
            except RuntimeError:
                closed.append(loop)
        return closed

    def clear(self) -> None:
        """In a forked child: the loops are the parent's."""
        self._loops.clear()
        self._lock = threading.Lock()

    def _start(self, loop: asyncio.AbstractEventLoop, alarm: _Alarm) -> None:
        with self._lock:
            at, alarm.seconds = loop.time() + alarm.seconds, math.inf
        if alarm.timer is not None:
            if alarm.timer.when() <= at:
                return
            alarm.timer.cancel()
        alarm.timer = loop.call_at(at, self._went_off, alarm)

    def _went_off(self, alarm: _Alarm) -> None:
        alarm.timer = None
        self._ring()
