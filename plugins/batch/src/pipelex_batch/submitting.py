"""Rows into batches: split by model and by what a provider takes, written down before they are sent, and sent once."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from pipelex_batch.asking import request_of
from pipelex_batch.filling import Filling, Line
from pipelex_batch.inputs import read_rows
from pipelex_batch.open_batches import Batch
from pipelex_batch.outcomes import error_line
from pipelex_batch.ranges import as_ranges, numbers_in
from pipelex_batch.standing import FAILED, NEW
from pipelex_batch.templates import BadRowError
from pipelex_core.errors import CallError, PipelexError, UnsupportedInputError
from pipelex_limits.bounds import most_cost

if TYPE_CHECKING:
    from pipelex_batch.answers import RowRequest
    from pipelex_batch.open_batches import OpenBatches
    from pipelex_batch.rows import Row
    from pipelex_batch.running import Run


_HOPELESS = 20
"""So many rows, none of which can go into a batch, are enough."""


class Submission:
    """Submits the rows of a run.

    Attributes:
        is_full: Whether the budget had no room for a further row.
        too_few: Why rows were too few for a batch, or None.
    """

    def __init__(self, run: Run, batches: OpenBatches) -> None:
        self._run = run
        self._batches = batches
        self._filling: dict[tuple[str, str], Filling] = {}
        self._refused: list[tuple[int, int, Any, Exception]] = []
        self.is_full = False
        self.too_few: str | None = None

    async def submit(self) -> None:
        """Submit every row that is to be asked and is in no batch."""
        run, self.is_full, self.too_few = self._run, False, None
        away = {number for batch in self._batches.by_mark.values() for number in numbers_in(batch.rows)}
        wanted = FAILED if run.options.retry else NEW
        try:
            for row in read_rows(run.settings.inputs):
                if run.stopping is not None:
                    break
                if run.standing.of(row.number) != wanted or row.number in away or row.number in run.look.bad:
                    continue
                try:
                    await self._add(row)
                except (BadRowError, PipelexError) as error:
                    self._refuse(row, error)
            self._write_refused()
            for place in list(self._filling):
                await self._send_last(self._filling.pop(place))
        finally:
            for each in self._filling.values():
                each.discard()
                if each.before is not None:
                    each.before.discard()
            self._filling = {}

    def _refuse(self, row: Row, error: Exception) -> None:
        """A row goes into no batch, and is failed; where that is so of each of the first rows, the run ends before any is."""
        self._refused.append((row.number, row.digest, row.fields.get("id", row.number), error))
        if self._filling or self._batches.by_mark:
            self._write_refused()
        elif len(self._refused) >= _HOPELESS:
            self._refused.clear()
            self._run.stop(f"none of the first {_HOPELESS} rows can go into a batch, and nothing was sent: {error}")

    def _write_refused(self) -> None:
        """Write rows down that go into no batch."""
        run = self._run
        for number, digest, identity, error in self._refused:
            run.journal.begin(number, digest)
            run.standing.begin(number, digest)
            run.write(error_line(number, identity, error, run.standing.failed_cost(number)))
        self._refused.clear()

    async def _add(self, row: Row) -> None:
        """Put a row into the batch of its model; a full one is sent, unless the next might lack rows of it."""
        requested = await request_of(self._run, self._run.checker.maker.make(row))
        runner, request = requested.runner, requested.request
        limits = runner.batch_limits(request)
        if limits is None:
            msg = f"backend '{requested.spec.backend}' has no batches of such requests"
            raise UnsupportedInputError(msg)
        place = (requested.spec.name, runner.batch_group(request))
        into = self._filling.get(place)
        if into is None:
            into = self._filling[place] = Filling(runner, requested, limits, place[1], self._batches.lines)
        line = await runner.batch_line(into.key(row.number), request)
        if len(line) + 1 > limits.bytes:
            msg = f"the row is too long for a batch: {len(line)} bytes, and it takes {limits.bytes}"
            raise UnsupportedInputError(msg)
        most = _most(requested)
        if not self._fits(most):
            return
        if not into.has_room(line):
            full, into = into, Filling(runner, requested, limits, place[1], self._batches.lines)
            self._filling[place] = into
            into.before = full
            line = await runner.batch_line(into.key(row.number), request)
        into.add(Line(row.number, row.digest, line, most))
        if into.before is not None and not into.lacks:
            full, into.before = into.before, None
            await self._send(full)

    async def _send_last(self, last: Filling) -> None:
        """Submit the last batch of a model; where it has too few rows, it gets some of the one before."""
        full = last.before
        if full is not None:
            if 0 < last.lacks <= len(full.numbers) - full.limits.fewest:
                await self._level(full, last)
            last.before = None
            await self._send(full)
        await self._send(last)

    async def _level(self, full: Filling, last: Filling) -> None:
        """Move rows from the end of a full batch to the beginning of the last one."""
        run, moved, lines = self._run, set(full.cut(last.lacks)), []
        for row in read_rows(run.settings.inputs):
            if row.number in moved:
                requested = await request_of(run, run.checker.maker.make(row), last.requested.spec.name)
                line = await last.runner.batch_line(last.key(row.number), requested.request)
                lines.append(Line(row.number, row.digest, line, _most(requested)))
                if len(lines) == len(moved):
                    break
        last.put_before(lines)

    def _fits(self, most: Decimal | None) -> bool:
        """Whether the budget has room for a row; if not, nothing further is submitted after what has it."""
        run, budget = self._run, self._run.options.budget
        if budget is None:
            return True
        if most is None:
            run.stop(
                "the budget cannot hold rows whose batch price is unknown: give the model `batch` prices and max_tokens"
            )
            return False
        held = [each.most for each in self._filling.values()]
        held += [each.before.most for each in self._filling.values() if each.before is not None]
        held += [None if each.most is None else Decimal(each.most) for each in self._batches.by_mark.values()]
        reserved = sum((each or Decimal(0) for each in held), Decimal(0))
        if run.standing.spent + reserved + most <= budget:
            return True
        self.is_full = True
        return False

    async def _send(self, into: Filling) -> None:
        """Submit a batch once: written down before, its id after."""
        run, spec = self._run, into.requested.spec
        if not into.numbers or run.stopping is not None:
            into.discard()
            return
        if into.lacks:
            self.too_few = (
                f"{len(into.numbers)} rows are too few for a batch at {spec.backend}, which takes {into.limits.fewest} or "
                "more: ask for them by calls, with --via calls"
            )
            into.discard()
            return
        try:
            into.close()
        except OSError:
            into.discard()
            raise
        at = datetime.now(UTC).isoformat(timespec="seconds")
        batch = Batch(
            mark=into.mark,
            model=spec.name,
            model_id=spec.model_id,
            group=into.group,
            rows=as_ranges(into.numbers),
            most=None if into.most is None else f"{into.most:f}",
            at=at,
        )
        for number, digest in zip(into.numbers, into.digests, strict=True):
            run.journal.put(number, digest)
            run.standing.put(number, digest)
        facts = {"mark": batch.mark, "model": batch.model, "model_id": batch.model_id, "group": batch.group}
        run.record("batch_intent", **facts, rows=batch.rows, most=batch.most)
        if run.journal.failure is not None:
            into.discard()
            run.stop(f"the journal cannot be written: {run.journal.failure.strerror}")
            return
        self._batches.by_mark[batch.mark] = batch
        try:
            batch.id = await into.runner.submit_batch(
                into.path, model_id=spec.model_id, group=into.group, mark=batch.mark
            )
        except CallError as error:
            if error.status is not None and 400 <= error.status < 500:
                self._batches.forget(batch, "it was refused")
            run.stop(f"a batch of {spec.name} was not taken: {error}")
            return
        run.record("batch_submitted", mark=batch.mark, id=batch.id)
        run.note(f"the batch {batch.id} of {len(into.numbers)} rows is at {spec.backend}")


def _most(requested: RowRequest) -> Decimal | None:
    """The most that a row may cost in a batch."""
    expected = requested.plan.capability.expect(requested.request)
    return most_cost(requested.spec.costs, expected, "batch")
