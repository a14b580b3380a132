"""Rows by a provider's batch API: written down before they are submitted, found again after a crash, never submitted twice.

A batch's life is three events of the journal: `batch_intent` with its mark and its rows, on the disk before anything is sent;
`batch_submitted` with the provider's id; `batch_collected` when every outcome that came is written down. An intent without an
id is looked for at the provider by its mark, and submitted only where it is not there. Rows of which nothing came, because the
batch expired or was cancelled, are new again, and go into another batch.
"""

from __future__ import annotations

import asyncio
import errno
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
_PASSING = (ProviderConnectionError, RateLimitError, OverloadedError, ServerError)
"""What a provider answers with that cannot be asked for a moment."""


_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EROFS, errno.EIO)
"""What a file system answers with that takes no more."""


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
        with Interrupts(run, "the batches stay at the provider; the same command again collects them"):
            try:
                if await self._rounds():
                    return True
            except OSError as error:
                if error.errno not in _FULL:
                    raise
                run.stop(f"the disk takes no more ({error.strerror}): make room and give the same command again")
        if self._batches.by_mark:
            run.submitted = len(self._batches.by_mark)
        elif run.stopping is None and any(run.standing.state[number] == NEW for number in self._numbers()):
            run.stop(f"after {_ROUNDS} batches there are rows of which nothing came")
        return False

    async def _rounds(self) -> bool:
        """Submit and wait, until nothing is to be submitted; whether what remains is for calls."""
        run = self._run
        if not await self._find_again():
            return False
        for _ in range(_ROUNDS):
            await self._submission.submit()
            if self._submission.is_full and not self._batches.by_mark:
                run.stop("the budget has no room for a further row at batch prices")
            if self._submission.too_few and not self._batches.by_mark:
                if run.options.via == "auto" and run.stopping is None:
                    return True
                run.stop(self._submission.too_few)
            if run.options.detach or run.stopping is not None or not self._batches.by_mark:
                return False
            await self._wait()
            if run.stopping is not None:
                return False
        return False

    def _numbers(self) -> Iterator[int]:
        return (
            row.number for row in read_rows(self._run.settings.inputs) if row.number < len(self._run.standing.state)
        )

    async def _find_again(self) -> bool:
        """Look for batches whose submission may have been cut off; one that is nowhere is submitted no more as it was.

        Returns:
            Whether the provider could be asked.
        """
        for batch in [each for each in self._batches.by_mark.values() if each.id is None]:
            look, pause = 0, self._run.options.poll_s
            while batch.id is None and look < _LOOKS:
                if look:
                    await self._sleep(pause)
                try:
                    batch.id = await self._look_for(batch)
                    look += 1
                except _PASSING as error:
                    self._note_passing(error)
                    look, pause = max(look, 1), min(pause * 1.5, max(_SLOWEST_POLL, self._run.options.poll_s))
                except CallError as error:
                    self._stop_asking(error)
                if self._run.stopping is not None:
                    return False
            if batch.id is None:
                self._batches.forget(batch, "it is not at the provider")
            else:
                self._run.record("batch_submitted", mark=batch.mark, id=batch.id)
                self._run.note(f"the batch {batch.id}, whose submission had been cut off, is found again")
        return True

    async def _look_for(self, batch: Batch) -> str | None:
        runner = await runner_of(batch, self._run.client)
        count = sum(last - start + 1 for start, last in batch.rows)
        return await runner.find_batch(batch.mark, count=count, since=datetime.fromisoformat(batch.at))

    async def _wait(self) -> None:
        """Ask how far the batches are, ever less often, and collect those that have ended, until all have."""
        run, pause = self._run, self._run.options.poll_s
        gone: dict[str, CallError] = {}
        while run.stopping is None and (waiting := [each for each in self._open() if each.mark not in gone]):
            ended, failed = await self._poll(waiting)
            failed |= await self._collection.collect(ended) if ended else {}
            for mark, error in failed.items():
                if isinstance(error, _PASSING):
                    self._note_passing(error)
                else:
                    gone[mark] = error
            if ended and not failed:
                pause = run.options.poll_s
                continue
            self._progress.update(self._under_way())
            if len(gone) < len(waiting):
                await self._sleep(pause)
            pause = min(pause * 1.5, max(_SLOWEST_POLL, run.options.poll_s))
        for error in gone.values():
            self._stop_asking(error)

    def _open(self) -> list[Batch]:
        return list(self._batches.by_mark.values())

    def _under_way(self) -> str:
        """How many requests of how many batches the provider has answered, as far as it says."""
        statuses = [each.status for each in self._open() if each.status is not None]
        answered, total = sum(each.done or 0 for each in statuses), sum(each.total or 0 for each in statuses)
        batches = f"{len(statuses)} batch{'' if len(statuses) == 1 else 'es'} at the provider"
        return f"{batches}, {answered} of {total} requests answered" if total else batches

    async def _poll(self, batches: list[Batch]) -> tuple[list[Batch], dict[str, CallError]]:
        """Those that have ended, each asked for; and of those that cannot be asked, mark -> why."""
        ended, failed = [], {}
        for batch in batches:
            runner = await runner_of(batch, self._run.client)
            assert batch.id is not None  # noqa: S101 -- it was found, or submitted, or is forgotten
            try:
                batch.status = await runner.poll_batch(batch.id)
            except CallError as error:
                failed[batch.mark] = error
                continue
            if batch.status.state != "running":
                ended.append(batch)
        return ended, failed

    def _note_passing(self, error: Exception) -> None:
        self._run.note(f"the provider cannot be asked at the moment, and is asked again: {error}")

    def _stop_asking(self, error: Exception) -> None:
        self._run.stop(
            f"the provider cannot be asked about its batches: {error}. If they are gone, `pipelex batch cancel "
            f"{self._run.settings.output} --lost` gives them up"
        )

    async def _sleep(self, seconds: float) -> None:
        """Wait, but not for an interrupt."""
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._run.stopped.wait()
