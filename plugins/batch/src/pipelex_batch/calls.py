"""The rows of a run as calls of its client: so many at once, each outcome written down before the next row is begun."""

from __future__ import annotations

from collections import deque
from contextlib import aclosing, nullcontext
from decimal import Decimal
from typing import TYPE_CHECKING, Any, cast

from pipelex_batch.inputs import read_rows
from pipelex_batch.interrupts import Interrupts
from pipelex_batch.outcomes import error_line, line_of
from pipelex_batch.standing import FAILED, NEW
from pipelex_batch.templates import BadRowError
from pipelex_core.errors import (
    AuthenticationError,
    BudgetExceededError,
    ModelsManagerError,
    NotFoundError,
    PermissionDeniedError,
)

if TYPE_CHECKING:
    from collections.abc import Iterator
    from contextlib import AbstractContextManager

    from pipelex_batch.jobs import RowJob
    from pipelex_batch.progress import Progress
    from pipelex_batch.running import Run
    from pipelex_core.client.mapping import Done

_HOPELESS = 20
"""So many calls, all of which ended with such an error, are enough."""
_LASTING = (AuthenticationError, PermissionDeniedError, NotFoundError, ModelsManagerError)


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
        self._rows = self._new_rows()
        self._postponed: deque[RowJob] = deque()
        self._refusal: BudgetExceededError | None = None
        self._answers = self._lasting_errors = 0

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

    def _new_rows(self) -> Iterator[RowJob]:
        """The calls of the rows that are to be made."""
        run = self._run
        wanted = FAILED if run.options.retry else NEW
        for row in read_rows(run.settings.inputs):
            if run.standing.of(row.number) != wanted:
                continue
            try:
                yield run.checker.maker.make(row)
            except BadRowError as error:  # a file that is gone since it was looked at
                run.journal.begin(row.number, row.digest)
                run.write(error_line(row.number, row.number, error, run.standing.failed_cost(row.number)))

    def _begun(self) -> Iterator[RowJob]:
        """The calls of this pass, each written down before it is sent; none where nothing further is to be sent."""
        run = self._run
        while run.stopping is None and self._refusal is None:
            job = self._postponed.popleft() if self._postponed else next(self._rows, None)
            if job is None:
                return
            run.journal.begin(job.number, job.digest)
            if run.journal.failure is not None:
                run.stop(f"the journal cannot be written: {run.journal.failure.strerror}")
                return
            run.standing.begin(job.number, job.digest)
            yield job

    def _write(self, done: Done) -> None:
        run, job = self._run, cast("RowJob", done.job)
        before = run.standing.failed_cost(job.number)
        if isinstance(done.error, BudgetExceededError) and all(each.is_free for each in done.error.attempts):
            self._refusal = done.error
            self._postponed.append(job)
            run.journal.unsent(job.number)
            run.standing.close(job.number)
            return
        if done.error is None:
            run.write(line_of(job, done.result, run.files, before))
        else:
            run.write(error_line(job.number, job.id, done.error, before))
        self._give_up_hope(done)

    def _give_up_hope(self, done: Done) -> None:
        """Stop where every call ends with an error that will not pass."""
        self._answers += not isinstance(done.error, _LASTING)
        self._lasting_errors += isinstance(done.error, _LASTING)
        if not self._answers and self._lasting_errors >= _HOPELESS:
            self._run.stop(f"the first {self._lasting_errors} calls all failed, the last with {done.error}")
