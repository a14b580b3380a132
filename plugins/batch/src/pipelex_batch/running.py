"""A run: its rows are looked at before anything is sent, its outcomes are written down, and at its end its output."""

from __future__ import annotations

import asyncio
import gc
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from pipelex_batch.checking import Checker
from pipelex_batch.ending import end
from pipelex_batch.jobs import chain_of
from pipelex_batch.journal import Journal, rows_of, sizes_of
from pipelex_batch.preparing import Look, same_settings
from pipelex_batch.progress import Progress
from pipelex_batch.standing import Standing, read_standing
from pipelex_core.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterator

    from pipelex_batch.report import Report
    from pipelex_batch.run_options import RunOptions
    from pipelex_batch.settings import BatchSettings
    from pipelex_core.client import AsyncClient

_COLLECTING = (50_000, 20, 50)
"""Python's thresholds of garbage collection during a run."""


class Run:
    """A run under way.

    Attributes:
        settings: What to do.
        client: Who makes the calls.
        options: How, this time.
        standing: How far it is.
        checker: Checks the rows.
        journal: What it writes down; from `run` on.
        stopping: Why nothing further is sent, or None.
        stopped: Set when nothing further is sent.
        submitted: Batches that are at the provider when it ends.
        files: The folder for what is not text.
        form: The form of the output.
        total: Rows of the input.
        look: Its look at the rows.
    """

    journal: Journal

    def __init__(
        self, settings: BatchSettings, client: AsyncClient, options: RunOptions, note: Callable[[str], None]
    ) -> None:
        self.settings = settings
        self.client = client
        self.options = options
        self.note = note
        self.standing = Standing()
        self.checker = Checker(settings, client.deck)
        self.stopping: str | None = None
        self.stopped = asyncio.Event()
        self.submitted = 0
        self.files = settings.path.with_name(f"{settings.path.name}.files")
        self.form = settings.form
        self.total = 0
        self.look = Look(self)

    async def run(self, send: Callable[[Run, Progress], Awaitable[None]]) -> Report:
        """Run it, and write the output; `send` gets an outcome for every row that has none."""
        self.settings = same_settings(self.settings)
        output = self.settings.path
        written = sizes_of(output)
        self._look(read_standing(output))
        self.journal = Journal(self.settings)
        try:
            if self.journal.rescued:
                self.note(
                    f"{self.journal.rescued} outcomes that had to be kept elsewhere are in '{rows_of(output)}' again"
                )
            has_grown = any(after > before for before, after in zip(written, sizes_of(output), strict=True))
            if has_grown and not self.journal.is_new:  # another run has gone on meanwhile
                self.settings = same_settings(self.settings)
                self._look(read_standing(output))
            in_flight = self.standing.in_flight
            self.journal.start(in_flight, self._models())
            self.standing.event({"event": "started", "in_flight": in_flight})
            if in_flight:
                self.note(f"{len(in_flight)} calls were under way when an earlier run ended; they are made again")
            self.look.write_bad()
            await self._send(send)
            return end(self)
        finally:
            self.journal.close()

    def _models(self) -> list[str]:
        """Which models answer; where they are others than before, people should know."""
        try:
            models = chain_of(self.client.deck, self.settings)
        except ConfigError:
            models = []  # each row has been looked at: none needs it
        before = self.standing.events.get("started", {}).get("models") or models
        if models and models != before:
            self.note(
                f"'{self.settings.model}' leads to {', '.join(models)} now; rows that are answered were answered when it led to "
                f"{', '.join(before)}"
            )
        return models

    def _look(self, standing: Standing) -> None:
        self.standing = standing
        self.look = Look(self)
        self.look.look()
        self.total = self.look.total
        if not self.total:
            self.note(f"there are no rows in {', '.join(self.settings.inputs)}")

    async def _send(self, send: Callable[[Run, Progress], Awaitable[None]]) -> None:
        if self.standing.done + self.standing.failed >= self.total and not (
            self.options.retry or self.standing.batches
        ):
            return
        progress = Progress(self.total, self.standing, self.note)
        syncing = asyncio.create_task(_keep_synced(self.journal))
        try:
            with _fewer_collections():
                await send(self, progress)
        finally:
            progress.end()
            syncing.cancel()
            await asyncio.gather(syncing, return_exceptions=True)
            self.journal.sync()

    def lose(self, numbers: list[int]) -> None:
        """Write down that the calls of rows are lost: nobody knows whether they were paid, and they are made again."""
        if numbers:
            self.record("lost", in_flight=numbers)

    def record(self, name: str, **facts: Any) -> None:
        """Write down what happened; it is on the disk when this returns."""
        self.standing.event(self.journal.event(name, **facts))

    def stop(self, reason: str) -> None:
        """Send nothing further; what is under way ends."""
        self.stopping = self.stopping or reason
        self.stopped.set()

    def write(self, line: bytes) -> None:
        """Write an outcome down; where the disk is full, nothing further is sent."""
        self.journal.rows.append(line)
        self.standing.outcome_of(line)
        if self.journal.failure is not None:
            self.stop(f"the outcomes cannot be written: {self.journal.failure.strerror}")


@contextmanager
def _fewer_collections() -> Iterator[None]:
    """Have Python look for garbage more rarely: with many calls under way that is a fifth of the CPU of a row."""
    before = gc.get_threshold()
    gc.set_threshold(*_COLLECTING)
    try:
        yield
    finally:
        gc.set_threshold(*before)


async def _keep_synced(journal: Journal) -> None:
    """Have the disk take what was written, twice a second."""
    while True:
        await asyncio.sleep(0.5)
        await asyncio.to_thread(journal.sync)
