"""The rows of a run as calls of its client: so many at once, each outcome written down before the next row is begun."""

from __future__ import annotations

from contextlib import aclosing, nullcontext
from decimal import Decimal
from typing import TYPE_CHECKING, Any, cast

from pipelex_batch.interrupts import Interrupts
from pipelex_batch.outcomes import error_line, line_of
from pipelex_batch.to_call import LASTING, Hope, RowsToCall
from pipelex_core.errors import BudgetExceededError

if TYPE_CHECKING:
    from collections.abc import Iterator
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
    """The calls of a run, in passes: where the budget has no room for a row, those under way end first, and free theirs."""

    def __init__(self, run: Run, progress: Progress) -> None:
        self._run = run
        self._progress = progress
        self._concurrency = run.options.concurrency
        self._rows = RowsToCall(run)
        self._hope = Hope(run)
        self._refusal: BudgetExceededError | None = None

    async def run(self) -> None:
        """Call for the rows, as long as some get through."""
        run = self._run
        with self._budget():
            while True:
                self._refusal, ended = None, run.standing.done + run.standing.failed
                await self._pass()
                if self._refusal is None or run.stopping is not None:
                    return
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
            self._begun(),
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
        """The calls of this pass."""
        while self._refusal is None and (job := self._rows.next()) is not None:
            yield job

    def _write(self, done: Done) -> None:
        run, job = self._run, cast("RowJob", done.job)
        before = run.standing.failed_cost(job.number)
        if isinstance(done.error, BudgetExceededError) and all(each.is_free for each in done.error.attempts):
            self._refusal = done.error
            self._rows.hand_back(job)
            return
        if done.error is None:
            run.write(line_of(job, done.result, run.files, before))
        else:
            run.write(error_line(job.number, job.id, done.error, before))
        self._hope.weigh(done.error, lasts=isinstance(done.error, LASTING))
