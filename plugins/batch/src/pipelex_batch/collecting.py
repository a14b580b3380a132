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
from pipelex_batch.standing import FAILED, NEW
from pipelex_core.errors import BadRequestError

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator
    from pathlib import Path

    from pipelex_batch.open_batches import Batch, OpenBatches
    from pipelex_batch.running import Run
    from pipelex_core.batches import BatchRunner


class Collection:
    """Collects the batches of a run."""

    def __init__(self, run: Run, batches: OpenBatches) -> None:
        self._run = run
        self._batches = batches

    async def collect(self, batches: list[Batch]) -> None:
        """Write down what came of batches that have ended, in one pass over the input."""
        run = self._run
        places: dict[int, tuple[Batch, int]] = {}
        for batch in batches:
            if batch.status is not None and batch.status.state == "refused":
                continue
            runner = await runner_of(batch, run.client)
            await self._fetch(runner, batch)
            for number, start in _places(self._batches.results(batch.mark)):
                places[number] = (batch, start)
        refused = self._refused(batches)
        files = {mark: self._batches.results(mark).open("rb") for mark in {batch.mark for batch, _ in places.values()}}
        try:
            for row in read_rows(run.settings.inputs):
                place, fault = places.get(row.number), refused.get(row.number)
                if (place is None and fault is None) or run.standing.of(row.number) not in (NEW, FAILED):
                    continue
                job, before = run.checker.maker.make(row), run.standing.failed_cost(row.number)
                if place is None:
                    run.write(error_line(row.number, job.id, BadRequestError(fault or ""), before))
                    continue
                batch, start = place
                files[batch.mark].seek(start)
                data = msgspec.json.decode(files[batch.mark].readline())["data"]
                requested = await request_of(run, job, batch.model)
                run.write(outcome_line(job, requested, data, run.files, before))
        finally:
            for file in files.values():
                file.close()
        run.journal.sync()
        for batch in batches:
            self._end(batch)

    def _end(self, batch: Batch) -> None:
        status = batch.status
        if status is not None and status.state == "refused" and not status.faults:
            self._run.stop(f"the batch {batch.id} was refused: {status.message or status.word}")
        self._batches.forget(batch, status.word if status else "")

    @staticmethod
    def _refused(batches: list[Batch]) -> dict[int, str]:
        """Row -> what the provider found wrong with it, of batches that were refused for some of their lines."""
        found: dict[int, str] = {}
        for batch in batches:
            if batch.status is not None and batch.status.faults:
                numbers = list(numbers_in(batch.rows))
                for line, fault in batch.status.faults.items():
                    if 0 < line <= len(numbers):
                        found[numbers[line - 1]] = fault
        return found

    async def _fetch(self, runner: BatchRunner, batch: Batch) -> None:
        """Fetch what came of a batch into a file, whole; once more from the beginning where it breaks off."""
        target = self._batches.results(batch.mark)
        part = target.with_name(f"{target.name}.part")
        assert batch.id is not None  # noqa: S101 -- it has ended
        lines: AsyncIterator[Any] = runner.collect_batch(batch.id)
        with part.open("wb") as file:
            async for line in lines:
                if line.data is not None and line.key.startswith(f"{batch.mark}-"):
                    file.write(msgspec.json.encode({"key": line.key, "data": line.data}) + b"\n")
        part.replace(target)


def _places(path: Path) -> Iterator[tuple[int, int]]:
    """Of each line of results, its row and where it begins."""
    start = 0
    with path.open("rb") as lines:
        for line in lines:
            key = msgspec.json.decode(line)["key"]
            yield int(key.rpartition("-")[2]), start
            start += len(line)
