"""What Ctrl-C does to a run."""

from __future__ import annotations

import asyncio
import signal
from contextlib import suppress
from typing import TYPE_CHECKING

from pipelex_batch.ending import INTERRUPTED

if TYPE_CHECKING:
    from pipelex_batch.running import Run


class Interrupts:
    """Ctrl-C once: what is under way ends, and nothing further is sent; twice: it is cancelled. SIGTERM as the first."""

    def __init__(self, run: Run, words: str = "the calls under way end; once more cancels them") -> None:
        self._run = run
        self._words = words
        self._loop = asyncio.get_running_loop()
        self._task = asyncio.current_task()
        self._installed: list[signal.Signals] = []

    def __enter__(self) -> None:
        for number in (signal.SIGINT, signal.SIGTERM):
            with suppress(NotImplementedError, RuntimeError, ValueError):  # not here, or not in this thread
                self._loop.add_signal_handler(number, self._interrupt)
                self._installed.append(number)

    def __exit__(self, *_: object) -> None:
        for number in self._installed:
            self._loop.remove_signal_handler(number)

    def _interrupt(self) -> None:
        if self._run.stopping is None:
            self._run.stop(INTERRUPTED)
            self._run.note(f"interrupted: {self._words}")
        elif self._task is not None:
            self._task.cancel()
