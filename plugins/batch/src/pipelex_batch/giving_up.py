"""Batches that nothing more can come of: they are gone at the provider, or their results are."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pipelex_batch.inputs import read_rows
from pipelex_batch.open_batches import runner_of
from pipelex_batch.outcomes import error_line
from pipelex_batch.ranges import numbers_in
from pipelex_batch.results import fetch
from pipelex_batch.settings import BatchError
from pipelex_batch.standing import NEW
from pipelex_core.errors import CallError, InvalidAnswerError

if TYPE_CHECKING:
    from pathlib import Path

    from pipelex_batch.journal import Journal
    from pipelex_batch.open_batches import Batch
    from pipelex_batch.settings import BatchSettings
    from pipelex_batch.standing import Standing
    from pipelex_core.client import AsyncClient


async def why_lost(batch: Batch, client: AsyncClient, folder: Path) -> str | None:
    """Why nothing can come of a batch any more; None where something can.

    Raises:
        CallError: The provider cannot be asked at the moment.
    """
    assert batch.id is not None  # noqa: S101 -- others are looked for by a run
    runner = await runner_of(batch, client)
    try:
        status = await runner.poll_batch(batch.id)
        if status.state == "ended":
            await fetch(runner, batch, folder / f"{batch.mark}.results.jsonl")
    except CallError as error:
        if error.status == 404 or isinstance(error, InvalidAnswerError):
            return str(error)
        raise
    return None


def give_up(batch: Batch, why: str, settings: BatchSettings, standing: Standing, journal: Journal) -> int:
    """Write the rows of a batch that have no outcome down as failed; how many there are.

    Whether they were paid nobody knows: their cost is unknown.
    """
    rows = {number for number in numbers_in(batch.rows) if standing.of(number) == NEW}
    count, error = len(rows), InvalidAnswerError(f"batch {batch.id} was given up, and may have been paid: {why}")
    try:
        for row in read_rows(settings.inputs):
            if row.number in rows:
                rows.discard(row.number)
                identity = row.fields.get("id", row.number)
                journal.rows.append(error_line(row.number, identity, error, None, batch.id))
    except BatchError:
        pass  # the input is elsewhere now: the rows have their numbers
    for number in sorted(rows):
        journal.rows.append(error_line(number, number, error, None, batch.id))
    journal.sync()
    journal.event("batch_collected", mark=batch.mark, reason=f"given up: {why}")
    return count
