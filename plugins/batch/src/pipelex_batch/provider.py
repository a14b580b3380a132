"""Rows by a provider's batch API: written down before they are submitted, found again after a crash, never submitted twice.

A batch's life is three events of the journal: `batch_intent` with its mark and its rows, on the disk before anything is sent;
`batch_submitted` with the provider's id; `batch_collected` when every outcome that came is written down. An intent without an
id is looked for at the provider by its mark, and submitted only where it is not there. Rows of which nothing came, because the
batch expired or was cancelled, are new again, and go into another batch.
"""

from __future__ import annotations

import asyncio
from contextlib import suppress
from datetime import datetime
from typing import TYPE_CHECKING

from pipelex_batch.collecting import Collection
from pipelex_batch.inputs import read_rows
from pipelex_batch.interrupts import Interrupts
from pipelex_batch.open_batches import OpenBatches, runner_of
from pipelex_batch.standing import NEW
from pipelex_batch.submitting import Submission
from pipelex_core.errors import CallError, OverloadedError, ProviderConnectionError, RateLimitError, ServerError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pipelex_batch.open_batches import Batch
    from pipelex_batch.progress import Progress
    from pipelex_batch.running import Run

_ROUNDS = 5
"""How often rows of which nothing came are submitted again."""
_LOOKS = 3
"""How often a batch is looked for whose submission may have been cut off: a list may be a moment late."""
_SLOWEST_POLL = 60.0


async def by_provider(run: Run, progress: Progress) -> bool:
    """Have the providers' batch APIs answer every row that has no outcome yet.

    Returns:
        Whether the rows that remain are for calls: too few for a batch, where it is the run's to choose.
    """
    return await _ByProvider(run, progress).run()


class _ByProvider:
    """A run by the batch APIs of its models' providers."""

    def __init__(self, run: Run, progress: Progress) -> None:
        self._run = run
        self._progress = progress
        self._batches = OpenBatches(run)
        self._submission = Submission(run, self._batches)
        self._collection = Collection(run, self._batches)

    async def run(self) -> bool:
        """Submit every row, wait for the batches, and write down what came; again for rows of which nothing came."""
        run = self._run
        with Interrupts(run):
            await self._find_again()
            for _ in range(_ROUNDS):
                await self._submission.submit()
                if self._submission.is_full and not self._batches.by_mark:
                    run.stop("the budget has no room for a further row at batch prices")
                if self._submission.too_few and not self._batches.by_mark:
                    if run.options.via == "auto" and run.stopping is None:
                        return True
                    run.stop(self._submission.too_few)
                if run.options.detach or run.stopping is not None:
                    break
                if not self._batches.by_mark:
                    return False
                await self._wait()
                if run.stopping is not None:
                    break
        if self._batches.by_mark:
            run.submitted = len(self._batches.by_mark)
        elif run.stopping is None and any(run.standing.state[number] == NEW for number in self._numbers()):
            run.stop(f"after {_ROUNDS} batches there are rows of which nothing came")
        return False

    def _numbers(self) -> Iterator[int]:
        return (
            row.number for row in read_rows(self._run.settings.inputs) if row.number < len(self._run.standing.state)
        )

    async def _find_again(self) -> None:
        """Look for batches whose submission may have been cut off; one that is nowhere is submitted no more as it was."""
        for batch in [each for each in self._batches.by_mark.values() if each.id is None]:
            runner = await runner_of(batch, self._run.client)
            for look in range(_LOOKS):
                batch.id = await runner.find_batch(
                    batch.mark,
                    count=sum(last - start + 1 for start, last in batch.rows),
                    since=datetime.fromisoformat(batch.at),
                )
                if batch.id is not None or look == _LOOKS - 1:
                    break
                await asyncio.sleep(self._run.options.poll_s)
            if batch.id is None:
                self._batches.forget(batch, "it is not at the provider")
            else:
                self._run.journal.event("batch_submitted", mark=batch.mark, id=batch.id)
                self._run.note(f"the batch {batch.id}, whose submission had been cut off, is found again")

    async def _wait(self) -> None:
        """Ask how far the batches are, ever less often, and collect those that have ended, until all have."""
        run, pause = self._run, self._run.options.poll_s
        while self._batches.by_mark and run.stopping is None:
            try:
                ended = await self._ended()
                if ended:
                    await self._collection.collect(ended)
                    pause = run.options.poll_s
                    continue
            except (ProviderConnectionError, RateLimitError, OverloadedError, ServerError) as error:
                run.note(f"the provider cannot be asked at the moment, and is asked again: {error}")
            except CallError as error:
                run.stop(f"the provider cannot be asked about its batches: {error}")
                return
            self._progress.update()
            await self._sleep(pause)
            pause = min(pause * 1.5, max(_SLOWEST_POLL, run.options.poll_s))

    async def _ended(self) -> list[Batch]:
        """The batches that have ended, each asked for."""
        ended = []
        for batch in self._batches.by_mark.values():
            runner = await runner_of(batch, self._run.client)
            assert batch.id is not None  # noqa: S101 -- it was found, or submitted, or is forgotten
            batch.status = await runner.poll_batch(batch.id)
            if batch.status.state != "running":
                ended.append(batch)
        return ended

    async def _sleep(self, seconds: float) -> None:
        """Wait, but not for an interrupt."""
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._run.stopped.wait()
