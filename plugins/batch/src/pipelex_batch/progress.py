"""Progress on stderr: a line that is written anew on a terminal, and one every half minute elsewhere."""

from __future__ import annotations

import sys
import time
from typing import TYPE_CHECKING

from pipelex_batch.report import shown

if TYPE_CHECKING:
    from collections.abc import Callable

    from pipelex_batch.standing import Standing

_ON_TERMINAL, _ELSEWHERE = 0.2, 30.0
_CLEAR = "\r\x1b[K"


class Progress:
    """Shows how far a run is: rows, rate, cost, time to go, errors by class."""

    def __init__(self, total: int, standing: Standing, note: Callable[[str], None]) -> None:
        self._total = total
        self._standing = standing
        self._note = note
        self._on_terminal = sys.stderr.isatty()
        self._started = time.monotonic()
        self._before = standing.done + standing.failed
        self._next = self._started + (0 if self._on_terminal else _ELSEWHERE)

    def update(self, more: str = "") -> None:
        """Show it, where it is time to; with something more."""
        now = time.monotonic()
        if now < self._next:
            return
        self._next = now + (_ON_TERMINAL if self._on_terminal else _ELSEWHERE)
        line = self.line(now) + (f", {more}" if more else "")
        if self._on_terminal:
            sys.stderr.write(f"{_CLEAR}{line}")
            sys.stderr.flush()
        else:
            self._note(line)

    def end(self) -> None:
        """Leave the line."""
        if self._on_terminal:
            sys.stderr.write(_CLEAR)
            sys.stderr.flush()

    def line(self, now: float) -> str:
        """How far it is."""
        standing = self._standing
        ended = standing.done + standing.failed
        seconds = max(now - self._started, 1e-6)
        rate = (ended - self._before) / seconds
        parts = [f"{ended} of {self._total} rows", f"{rate:.1f}/s", f"{shown(round(standing.spent, 4))} US$"]
        if rate > 0:
            parts.append(f"{_duration((self._total - ended) / rate)} to go")
        parts += [f"{name} {count}" for name, count in standing.errors.most_common(3)]
        return ", ".join(parts)


def _duration(seconds: float) -> str:
    whole = int(seconds)
    if whole >= 3600:
        return f"{whole // 3600} h {whole % 3600 // 60} min"
    return f"{whole // 60} min {whole % 60} s" if whole >= 60 else f"{whole} s"
