"""What came of batches, into outcomes: fetched whole into a file, then written down in one pass over the input."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from pipelex_batch.answers import outcome_line
from pipelex_batch.asking import request_of
from pipelex_batch.inputs import read_rows
from pipelex_batch.open_batches import runner_of
from pipelex_batch.outcomes import error_line
from pipelex_batch.ranges import numbers_in
from pipelex_batch.results import Results, fetch
from pipelex_batch.standing import FAILED, NEW
from pipelex_batch.templates import BadRowError
from pipelex_core.errors import BadRequestError, CallError, InvalidAnswerError, PipelexError

if TYPE_CHECKING:
    from typing import BinaryIO

    from pipelex_batch.open_batches import Batch, OpenBatches
    from pipelex_batch.rows import Row
    from pipelex_batch.running import Run


class Collection:
    """Collects the batches of a run."""

    def __init__(self, run: Run, batches: OpenBatches) -> None:
        self._run = run
        self._batches = batches

    async def collect(self, batches: list[Batch]) -> dict[str, CallError]:
        """Write down what came of batches that have ended, in one pass over the input.

        Returns:
            Mark -> why the results of a batch could not be fetched; it stays open.
        """
        run = self._run
        results: list[Results] = []
        failed: dict[str, CallError] = {}
        for batch in batches:
            if batch.status is None or batch.status.state != "refused":
                try:
                    runner = await runner_of(batch, run.client)
                    results.append(await fetch(runner, batch, self._batches.results(batch.mark)))
                except CallError as error:
                    failed[batch.mark] = error
                    continue
                for note in results[-1].notes():
                    run.note(note)
        fetched = [batch for batch in batches if batch.mark not in failed]
        is_whole = await self._write_down(fetched, results)
        run.journal.sync()
        if is_whole and run.journal.failure is None:
            for batch in fetched:
                self._end(batch)
        return failed

    async def _write_down(self, batches: list[Batch], results: list[Results]) -> bool:
        """Write the outcomes; whether there was one for everything that came."""
        came = {number: each for each in results for number in each.places}
        faults = _refused(batches)
        for each in results:
            words = f"its answer is not in the results of batch {each.batch.id}; it may have been paid"
            faults |= {number: (each.batch, InvalidAnswerError(words)) for number in each.lost}
        files = {each.batch.mark: each.path.open("rb") for each in results}
        try:
            for row in read_rows(self._run.settings.inputs):
                if (found := came.pop(row.number, None)) is not None:
                    if not self._is_open(row.number, found.batch):
                        continue
                    if not await self._write_answer(row, found, files[found.batch.mark]):
                        return False
                elif (fault := faults.get(row.number)) is not None and self._is_open(row.number, fault[0]):
                    self._write_fault(row, *fault)
        finally:
            for file in files.values():
                file.close()
        if came:
            self._run.note(f"{len(came)} results are of rows that are no longer in the input: left out")
        return True

    def _is_open(self, number: int, batch: Batch) -> bool:
        """Whether a row has no outcome, or one that the batch was to better."""
        standing = self._run.standing
        state = standing.of(number)
        return state == NEW or (state == FAILED and standing.failed_in(number) != batch.id)

    def _write_fault(self, row: Row, batch: Batch, fault: PipelexError) -> None:
        """A row without an answer: unpaid where its line was refused, and where its answer is lost nobody knows."""
        run = self._run
        before = None if isinstance(fault, InvalidAnswerError) else run.standing.failed_cost(row.number)
        run.write(error_line(row.number, _identity(row), fault, before, batch=batch.id))

    async def _write_answer(self, row: Row, found: Results, file: BinaryIO) -> bool:
        """A row with an answer; False where the row cannot be made again, and its answer has to wait."""
        run, batch = self._run, found.batch
        file.seek(found.places[row.number])
        data: Any = msgspec.json.decode(file.readline())["data"]
        try:
            job = run.checker.maker.make(row)
            requested = await request_of(run, job, batch.model)
        except (BadRowError, PipelexError) as error:
            run.stop(
                f"the answer to row {row.number} has come, and cannot be read without the row: {error}; put it back, and give "
                "the same command again"
            )
            return False
        before = run.standing.failed_cost(row.number)
        run.write(outcome_line(job, requested, data, run.files, before, batch=batch.id))
        return True

    def _end(self, batch: Batch) -> None:
        status = batch.status
        if status is not None and status.state == "refused" and not status.faults:
            self._run.stop(f"the batch {batch.id} was refused: {status.message or status.word}")
        self._batches.forget(batch, status.word if status else "")


def _refused(batches: list[Batch]) -> dict[int, tuple[Batch, PipelexError]]:
    """Row -> what the provider found wrong with it, of batches that were refused for some of their lines."""
    found: dict[int, tuple[Batch, PipelexError]] = {}
    for batch in batches:
        if batch.status is not None and batch.status.faults:
            numbers = list(numbers_in(batch.rows))
            for line, fault in batch.status.faults.items():
                if 0 < line <= len(numbers):
                    found[numbers[line - 1]] = batch, BadRequestError(fault)
    return found


def _identity(row: Row) -> Any:
    return row.fields.get("id", row.number)
