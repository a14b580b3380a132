"""Rows into batches: split by model and by what a provider takes, written down before they are sent, and sent once."""

from __future__ import annotations

import secrets
from datetime import UTC, datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from attrs import define, field

from pipelex_batch.asking import request_of
from pipelex_batch.inputs import read_rows
from pipelex_batch.open_batches import Batch
from pipelex_batch.outcomes import error_line
from pipelex_batch.ranges import as_ranges, numbers_in
from pipelex_batch.standing import FAILED, NEW
from pipelex_batch.templates import BadRowError
from pipelex_core.costs import most_cost
from pipelex_core.errors import CallError, PipelexError, UnsupportedInputError

if TYPE_CHECKING:
    from pipelex_batch.answers import RowRequest
    from pipelex_batch.open_batches import OpenBatches
    from pipelex_batch.running import Run
    from pipelex_core.batches import BatchLimits, BatchRunner


@define
class _Filling:
    """A batch that is being filled."""

    runner: BatchRunner
    requested: RowRequest
    limits: BatchLimits
    group: str
    mark: str = field(factory=lambda: secrets.token_hex(8))
    numbers: list[int] = field(factory=list)
    digests: list[int] = field(factory=list)
    size: int = 0
    most: Decimal | None = Decimal(0)


class Submission:
    """Submits the rows of a run.

    Attributes:
        is_full: Whether the budget had no room for a further row.
        too_few: Why rows were too few for a batch, or None.
    """

    def __init__(self, run: Run, batches: OpenBatches) -> None:
        self._run = run
        self._batches = batches
        self.is_full = False
        self.too_few: str | None = None

    async def submit(self) -> None:
        """Submit every row that is to be asked and is in no batch."""
        run, self.is_full, self.too_few = self._run, False, None
        away = {number for batch in self._batches.by_mark.values() for number in numbers_in(batch.rows)}
        wanted = FAILED if run.options.retry else NEW
        filling: dict[tuple[str, str], _Filling] = {}
        files: dict[str, Any] = {}
        try:
            for row in read_rows(run.settings.inputs):
                if run.stopping is not None:
                    break
                if run.standing.of(row.number) != wanted or row.number in away:
                    continue
                try:
                    requested = await request_of(run, run.checker.maker.make(row))
                    await self._add(filling, files, requested, row.number, row.digest)
                except (BadRowError, PipelexError) as error:
                    run.journal.begin(row.number, row.digest)
                    run.standing.begin(row.number, row.digest)
                    identity = row.fields.get("id", row.number)
                    run.write(error_line(row.number, identity, error, run.standing.failed_cost(row.number)))
            for each in list(filling.values()):
                if run.stopping is None:
                    await self._send(each, files)
        finally:
            for file in files.values():
                file.close()

    async def _add(
        self,
        filling: dict[tuple[str, str], _Filling],
        files: dict[str, Any],
        requested: RowRequest,
        number: int,
        digest: int,
    ) -> None:
        """Put a row into the batch of its model; a full one is sent before."""
        runner, request = requested.runner, requested.request
        limits = runner.batch_limits(request)
        if limits is None:
            msg = f"backend '{requested.spec.backend}' has no batches of such requests"
            raise UnsupportedInputError(msg)
        place = (requested.spec.name, runner.batch_group(request))
        into = filling.get(place)
        if into is None:
            into = filling[place] = _Filling(runner, requested, limits, place[1])
        line = await runner.batch_line(f"{into.mark}-{number}", request)
        if len(line) + 1 > limits.bytes:
            msg = f"the row is too long for a batch: {len(line)} bytes, and it takes {limits.bytes}"
            raise UnsupportedInputError(msg)
        if len(into.numbers) >= limits.requests or into.size + len(line) + 1 > limits.bytes:
            await self._send(into, files)
            into = filling[place] = _Filling(runner, requested, limits, place[1])
            line = await runner.batch_line(f"{into.mark}-{number}", request)
        most = most_cost(requested.spec.costs, requested.plan.capability.expect(request), "batch")
        if not self._fits(most, filling):
            return
        if into.mark not in files:
            files[into.mark] = self._batches.lines(into.mark).open("wb")
        files[into.mark].write(line + b"\n")
        into.numbers.append(number)
        into.digests.append(digest)
        into.size += len(line) + 1
        into.most = None if into.most is None or most is None else into.most + most

    def _fits(self, most: Decimal | None, filling: dict[tuple[str, str], _Filling]) -> bool:
        """Whether the budget has room for a row; if not, nothing further is submitted after what has it."""
        run, budget = self._run, self._run.options.budget
        if budget is None:
            return True
        if most is None:
            run.stop(
                "the budget cannot hold rows whose batch price is unknown: give the model `batch` prices and max_tokens"
            )
            return False
        held = [each.most for each in filling.values()]
        held += [None if each.most is None else Decimal(each.most) for each in self._batches.by_mark.values()]
        reserved = sum((each or Decimal(0) for each in held), Decimal(0))
        if run.standing.spent + reserved + most <= budget:
            return True
        self.is_full = True
        return False

    async def _send(self, into: _Filling, files: dict[str, Any]) -> None:
        """Submit a batch once: written down before, its id after."""
        if not into.numbers:
            return
        run, spec = self._run, into.requested.spec
        file = files.pop(into.mark)
        file.close()
        if len(into.numbers) < into.limits.fewest:
            self._batches.lines(into.mark).unlink()
            self.too_few = (
                f"{len(into.numbers)} rows are too few for a batch at {spec.backend}, which takes {into.limits.fewest} or "
                "more: ask for them by calls, with --via calls"
            )
            into.numbers = []
            return
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
        run.journal.event("batch_intent", **facts, rows=batch.rows, most=batch.most)
        self._batches.by_mark[batch.mark] = batch
        into.numbers = []
        try:
            batch.id = await into.runner.submit_batch(
                self._batches.lines(batch.mark), model_id=spec.model_id, group=into.group, mark=batch.mark
            )
        except CallError as error:
            if error.status is not None and 400 <= error.status < 500:
                self._batches.forget(batch, "it was refused")
            run.stop(f"a batch of {into.requested.spec.name} was not taken: {error}")
            return
        run.journal.event("batch_submitted", mark=batch.mark, id=batch.id)
        run.note(f"the batch {batch.id} of {sum(1 for _ in numbers_in(batch.rows))} rows is at {spec.backend}")
