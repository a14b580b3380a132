"""A run: its rows are looked at before anything is sent, its outcomes are written down, and at its end its output."""

from __future__ import annotations

import asyncio
import gc
import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING

from attrs import evolve, frozen

from pipelex_batch.checking import SHOWN, Checker, Faults, refuse
from pipelex_batch.inputs import list_inputs, read_rows, spool
from pipelex_batch.journal import Journal, journal_of, read_settings, rows_of
from pipelex_batch.outcomes import error_line
from pipelex_batch.outputs import write_output
from pipelex_batch.progress import Progress
from pipelex_batch.report import report_of
from pipelex_batch.settings import BatchError
from pipelex_batch.standing import FAILED, NEW, Standing, read_standing
from pipelex_batch.templates import BadRowError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterator
    from decimal import Decimal

    from pipelex_batch.report import Report
    from pipelex_batch.settings import BatchSettings
    from pipelex_core.client import AsyncClient


INTERRUPTED = "interrupted"
_COLLECTING = (50_000, 20, 50)
"""Python's thresholds of garbage collection during a run."""


@frozen(kw_only=True)
class RunOptions:
    """How a run is done, this time.

    Attributes:
        concurrency: Calls under way at most.
        budget: US$ that the run may cost in all, earlier runs of the same output included; None for as much as it does.
        retry: Whether the rows that failed are called again, and no others.
        changed: What becomes of rows that hold something else than when they were answered: `refuse` the run, or `keep` the
            answers.
        via: `calls`, `provider` for the provider's batch API, or `auto`.
        within: Hours within which the outcomes are wanted, for `auto`; None for at once.
        detach: Whether to end when the batches are at the provider; the same run again collects them.
        poll_s: Seconds before the provider is first asked how far they are.
        engine: `local` for this process, or `ray` for the nodes of a cluster.
        address: Of the cluster, such as `auto`; None for one on this machine, which lives as long as the run.
        workers: Workers on the cluster; None for one for each node, and two at least. Each has `concurrency` calls under way.
        make_client: How a worker makes its client.
    """

    concurrency: int = 16
    budget: Decimal | None = None
    retry: bool = False
    changed: str = "refuse"
    via: str = "calls"
    within: float | None = None
    detach: bool = False
    poll_s: float = 10.0
    engine: str = "local"
    address: str | None = None
    workers: int | None = None
    make_client: Callable[[], AsyncClient] | None = None


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
        self.total = 0
        self._form = settings.form
        self._bad: list[int] = []

    async def run(self, send: Callable[[Run, Progress], Awaitable[None]]) -> Report:
        """Run it, and write the output; `send` gets an outcome for every row that has none."""
        self._take_settings()
        self._look()
        with_rows = self.settings.path
        self.journal = Journal(self.settings)
        try:
            if self.journal.rescued:
                self.note(
                    f"{self.journal.rescued} outcomes that had to be kept elsewhere are in '{rows_of(with_rows)}' again"
                )
                self.standing = read_standing(with_rows)
            in_flight = self.standing.in_flight
            self.journal.start(in_flight)
            self.standing.event({"event": "started", "in_flight": in_flight})
            if in_flight:
                self.note(f"{len(in_flight)} calls were under way when an earlier run ended; they are made again")
            self._write_bad()
            await self._send(send)
            return self._end()
        finally:
            self.journal.close()

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
            self.journal.event("lost", in_flight=numbers)
            self.standing.event({"event": "lost", "in_flight": numbers})

    def stop(self, reason: str) -> None:
        """Send nothing further; what is under way ends."""
        self.stopping = self.stopping or reason
        self.stopped.set()

    # ── Before anything is sent ───────────────────────────────────────────────────────────────────────────────────

    def _take_settings(self) -> None:
        """The settings of a run that exists have to be the same; rows from stdin are kept beside the output."""
        output = self.settings.path
        if "-" in self.settings.inputs:
            kept = output.with_name(f"{output.name}.stdin.jsonl")
            if not journal_of(output).exists():
                spool(sys.stdin.buffer, kept)
            others = tuple(str(kept) if each == "-" else each for each in self.settings.inputs)
            self.settings = evolve(self.settings, inputs=others)
        if journal_of(output).exists():
            earlier = read_settings(output)
            differing = self.settings.differences(earlier)
            if differing:
                msg = (
                    f"'{output}' is of a run with another {' and another '.join(differing)}: name another output, or run it "
                    "as it was"
                )
                raise BatchError(msg)
            self.standing = read_standing(output)
        list_inputs(self.settings.inputs)

    def _look(self) -> None:
        """Read every row: those that are new are checked, those that are answered must not have changed."""
        faults, changed = Faults(), Faults()
        standing = self.standing
        for row in read_rows(self.settings.inputs):
            self.total += 1
            before = standing.digests[row.number] if row.number < len(standing.digests) else 0
            if before and before != row.digest and standing.of(row.number) != NEW:
                changed.add(row.number, "it holds something else than when it was answered")
            if standing.of(row.number) != (FAILED if self.options.retry else NEW):
                continue
            try:
                self.checker.job(row)
            except BadRowError as error:
                faults.add(row.number, str(error))
                self._bad.append(row.number)
        if changed.count and self.options.changed == "refuse":
            msg = (
                f"the input has changed: {changed.count} rows hold something else than when they were answered. --changed keep "
                f"keeps their answers; another output answers all rows anew:\n{changed.describe()}"
            )
            raise BatchError(msg)
        if not self.settings.skip_bad:
            refuse(faults)

    def _write_bad(self) -> None:
        """Write the rows that cannot be called as failed."""
        if not self._bad:
            return
        bad, self._bad = set(self._bad), []
        for row in read_rows(self.settings.inputs):
            if row.number in bad:
                try:
                    self.checker.job(row)
                except BadRowError as fault:
                    error = BatchError(str(fault))
                    self.journal.begin(row.number, row.digest)
                    self.standing.begin(row.number, row.digest)
                    self.write(error_line(row.number, row.fields.get("id", row.number), error))
        self.note(
            f"{len(bad)} rows cannot be called, and are written as failed; the first {SHOWN} … `pipelex batch status`"
        )

    # ── Afterwards ────────────────────────────────────────────────────────────────────────────────────────────────

    def write(self, line: bytes) -> None:
        """Write an outcome down; where the disk is full, nothing further is sent."""
        self.journal.rows.append(line)
        self.standing.outcome_of(line)
        if self.journal.failure is not None:
            self.stop(f"the outcomes cannot be written: {self.journal.failure.strerror}")

    def _end(self) -> Report:
        """Write the output, and how the run ended."""
        rows, failure = self.journal.rows, self.journal.failure
        output = self.settings.path
        if failure is not None:
            reason = f"the disk takes no more ({failure.strerror}): make room and give the same command again"
            if rows.rescue is not None:
                reason += f"; the last outcomes are in '{rows.rescue}', and the next run takes them from there"
            if rows.lost:
                reason += f"; {rows.lost} outcomes could be written nowhere, and are called again"
            return report_of(output, self.standing, state="stopped", rows=self.total, reason=reason)
        ended = self.standing.done + self.standing.failed
        state = "finished" if self.stopping is None and ended >= self.total else "stopped"
        if self.submitted and self.stopping in (None, INTERRUPTED):
            self.stopping = f"{self.submitted} batches are at the provider; the same command again collects them"
            state = "submitted"
        if state == "finished" or self._form != ".jsonl":
            self._write_output()
        self.journal.event(state, reason=self.stopping, rows=self.total)
        return report_of(output, self.standing, state=state, rows=self.total, reason=self.stopping)

    def _write_output(self) -> None:
        """Write the output; one that is JSONL is there already, and is put in order where there is room to."""
        output = self.settings.path
        self.journal.rows.free()
        if self._form == ".jsonl":
            if self.standing.in_order:
                return
            self.journal.event("compacted")
            try:
                write_output(self.settings, output, self._form)
            except BatchError as error:
                self.note(
                    f"the rows are in the order in which they were answered, and not in that of the input: {error}"
                )
            return
        write_output(self.settings, output, self._form)


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
