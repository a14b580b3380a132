"""The rows of a run as calls of its client: so many at once, each outcome written down before the next row is begun."""

from __future__ import annotations

import asyncio
from contextlib import aclosing, nullcontext, suppress
from decimal import Decimal
from typing import TYPE_CHECKING, Any, cast

from pipelex_batch.interrupts import Interrupts
from pipelex_batch.outcomes import error_line, line_of
from pipelex_batch.pace import Pace
from pipelex_batch.to_call import LASTING, Hope, RowsToCall
from pipelex_core.errors import BudgetExceededError

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator
    from contextlib import AbstractContextManager

    from pipelex_batch.jobs import RowJob
    from pipelex_batch.progress import Progress
    from pipelex_batch.running import Run
    from pipelex_core.client.mapping import Done


async def make_calls(run: Run, progress: Progress) -> None:
    """Call for every row that has no outcome yet."""
    with Interrupts(run):
        await _Calling(run, progress).run()


class _Calling:
    """The calls of a run, in passes.

    Where the budget has no room for a row, those under way end first, and free theirs. Where a limit of the provider is near,
    another pass begins, whose calls wait for their turn.
    """

    def __init__(self, run: Run, progress: Progress) -> None:
        self._run = run
        self._progress = progress
        self._concurrency = run.options.concurrency
        self._rows = RowsToCall(run)
        self._hope = Hope(run)
        self._pace = Pace(run.options.concurrency)
        self._is_paced = False
        self._refusal: BudgetExceededError | None = None

    async def run(self) -> None:
        """Call for the rows, as long as some get through."""
        run = self._run
        with self._budget(), self._pace.hearing():
            while True:
                self._refusal, ended = None, run.standing.done + run.standing.failed
                await self._pass()
                if run.stopping is not None:
                    return
                if self._refusal is None:
                    if self._rows.is_all:
                        return
                    self._is_paced = True
                    continue
                if run.standing.done + run.standing.failed == ended:
                    run.stop(f"the budget has no room for a further row: {self._refusal.message}")
                    return
                self._concurrency = max(self._concurrency // 2, 1)

    def _budget(self) -> AbstractContextManager[Any]:
        options, spent = self._run.options, self._run.standing.spent
        if options.budget is None:
            return nullcontext()
        return self._run.client.budget(usd=max(options.budget - spent, Decimal(0)))

    async def _pass(self) -> None:
        run = self._run
        outcomes = run.client.map(
            self._in_turn() if self._is_paced else self._begun(),
            operation=run.settings.called,
            concurrency=self._concurrency,
            model=run.settings.model,
            **run.checker.arguments,
        )
        async with aclosing(outcomes):
            async for done in outcomes:
                self._write(done)
                self._progress.update()

    def _begun(self) -> Iterator[RowJob]:
        """The calls of this pass, as long as no limit is near."""
        while self._refusal is None and not self._pace.interval() and (job := self._rows.next()) is not None:
            yield job

    async def _in_turn(self) -> AsyncIterator[RowJob]:
        """The calls of this pass, each at its turn."""
        while self._refusal is None and self._run.stopping is None:
            if wait := self._pace.turn():
                with suppress(TimeoutError):
                    async with asyncio.timeout(wait):
                        await self._run.stopped.wait()
            job = self._rows.next()
            if job is None:
                return
            yield job

    def _write(self, done: Done) -> None:
        run, job = self._run, cast("RowJob", done.job)
        before = run.standing.failed_cost(job.number)
        if isinstance(done.error, BudgetExceededError) and all(each.is_free for each in done.error.attempts):
            self._refusal = done.error
            self._rows.hand_back(job)
            return
        if done.error is None:
            usage = done.result.usage
            self._pace.used((usage.input_tokens or 0) + (usage.output_tokens or 0))
            run.write(line_of(job, done.result, run.files, before))
        else:
            run.write(error_line(job.number, job.id, done.error, before))
        self._hope.weigh(done.error, lasts=isinstance(done.error, LASTING))
