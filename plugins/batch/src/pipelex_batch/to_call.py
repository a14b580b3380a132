"""The rows for which a call is to be made: new ones as they are read, and those that were handed back."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING

from pipelex_batch.inputs import read_rows
from pipelex_batch.outcomes import error_line
from pipelex_batch.standing import FAILED, NEW
from pipelex_batch.templates import BadRowError
from pipelex_core.errors import AuthenticationError, ModelsManagerError, NotFoundError, PermissionDeniedError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pipelex_batch.jobs import RowJob
    from pipelex_batch.running import Run

_HOPELESS = 20
"""So many calls, all of which ended with such an error, are enough."""
LASTING = (AuthenticationError, PermissionDeniedError, NotFoundError, ModelsManagerError)


class RowsToCall:
    """The calls that a run has to make.

    Attributes:
        is_all: Whether there was no further one when one was last asked for.
    """

    def __init__(self, run: Run) -> None:
        self._run = run
        self._new = self._read()
        self._handed_back: deque[RowJob] = deque()
        self.is_all = False

    def next(self) -> RowJob | None:
        """The next call, written down before it is sent; None where there is none, or nothing further is to be sent."""
        run = self._run
        if run.stopping is not None:
            return None
        job = self._handed_back.popleft() if self._handed_back else next(self._new, None)
        self.is_all = job is None
        if job is None:
            return None
        run.journal.begin(job.number, job.digest)
        if run.journal.failure is not None:
            run.stop(f"the journal cannot be written: {run.journal.failure.strerror}")
            return None
        run.standing.begin(job.number, job.digest)
        return job

    def hand_back(self, job: RowJob) -> None:
        """Take a call back that was not sent after all."""
        self._handed_back.append(job)
        self._run.journal.unsent(job.number)
        self._run.standing.close(job.number)

    def lose(self, jobs: list[RowJob]) -> None:
        """Take calls back of which nobody knows whether they were sent: they are written down as such, and made again."""
        self._run.lose([job.number for job in jobs])
        self._handed_back.extend(jobs)

    def _read(self) -> Iterator[RowJob]:
        run = self._run
        wanted = FAILED if run.options.retry else NEW
        for row in read_rows(run.settings.inputs):
            if run.standing.of(row.number) != wanted or row.number in run.look.bad:
                continue
            try:
                yield run.checker.maker.make(row)
            except BadRowError as error:  # a file that is gone since it was looked at
                run.journal.begin(row.number, row.digest)
                run.write(error_line(row.number, row.number, error, run.standing.failed_cost(row.number)))


class Hope:
    """Whether a run may still come to something: where every call ends with an error that will not pass, it ends."""

    def __init__(self, run: Run) -> None:
        self._run = run
        self._answers = self._lasting_errors = 0

    def weigh(self, error: object, *, lasts: bool) -> None:
        """Take in how a call ended."""
        self._answers += not lasts
        self._lasting_errors += lasts
        if not self._answers and self._lasting_errors >= _HOPELESS:
            self._run.stop(f"the first {self._lasting_errors} calls all failed, the last with {error}")
