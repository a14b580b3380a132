"""A worker of a cluster: a process with one client, which makes so many calls at once; it writes no file."""

from __future__ import annotations

import asyncio
import os
from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Any

from attrs import evolve, frozen

from pipelex_batch.jobs import chain_of, common_arguments
from pipelex_batch.outcomes import error_line, line_of
from pipelex_batch.to_call import LASTING
from pipelex_core.client.mapping import asking
from pipelex_core.results import EmbeddingResult, ObjectResult, TextResult

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable
    from decimal import Decimal

    from pipelex_batch.jobs import RowJob
    from pipelex_batch.pace import Pace
    from pipelex_batch.settings import BatchSettings
    from pipelex_core.client import AsyncClient


@frozen
class Handed:
    """A row that is handed to a worker.

    Attributes:
        job: Its call.
        before: What it has cost before, in vain; None where that is unknown.
        most: What it may cost now, US$; None for as much as it does.
    """

    job: RowJob
    before: Decimal | None
    most: Decimal | None = None


@frozen
class Ended:
    """How a row ended.

    Attributes:
        number: The row's number.
        line: Its outcome; None where that has bytes in it, which go to files.
        result: What was answered, where there is no line.
        error: The words of an error.
        lasts: Whether it is of the kind that will not pass.
    """

    number: int
    line: bytes | None = None
    result: Any = None
    error: str = ""
    lasts: bool = False


class Worker:
    """Makes calls; rows come by `feed`, and go by `outcomes`. It slows down by what the provider says, as if all workers did."""

    def __init__(
        self, make_client: Callable[[], AsyncClient], settings: BatchSettings, folder: str, pace: Pace
    ) -> None:
        if Path(folder).is_dir():
            os.chdir(folder)  # the names of files in rows are of there
        self._make_client = make_client
        self._settings = settings
        self._pace = pace
        self._calls: set[asyncio.Task[None]] = set()

    async def open(self) -> list[str]:
        """Make the client, and say which models the run's handle leads to, each with its backend."""
        self._client = self._make_client()
        self._ended: asyncio.Queue[Ended] = asyncio.Queue()
        arguments = common_arguments(self._settings)
        operation = self._client._execution.operation(self._settings.called)  # noqa: SLF001 -- a tool of core's
        self._ask = asking(operation, self._settings.model, arguments)
        return chain_of(self._client.deck, self._settings)

    async def feed(self, rows: list[Handed]) -> None:
        """Begin the calls of rows."""
        for row in rows:
            task = asyncio.create_task(self._call(row))
            self._calls.add(task)
            task.add_done_callback(self._calls.discard)

    async def outcomes(self) -> AsyncGenerator[list[Ended], None]:
        """Give how rows ended, as soon as they have, as many at once as there are."""
        while True:
            found = [await self._ended.get()]
            while not self._ended.empty():
                found.append(self._ended.get_nowait())
            yield found

    async def _call(self, row: Handed) -> None:
        if wait := self._pace.turn():
            await asyncio.sleep(wait)
        with self._pace.hearing():
            ended = await self._outcome(row)
        self._ended.put_nowait(ended)

    async def _outcome(self, row: Handed) -> Ended:
        job = row.job
        try:
            with nullcontext() if row.most is None else self._client.budget(usd=row.most):
                result = await self._ask(job)
        except Exception as error:  # noqa: BLE001 -- an outcome, as an answer is
            line = error_line(job.number, job.id, error, row.before)
            return Ended(job.number, line, error=str(error), lasts=isinstance(error, LASTING))
        self._pace.used((result.usage.input_tokens or 0) + (result.usage.output_tokens or 0))
        if isinstance(result, TextResult | ObjectResult | EmbeddingResult):
            return Ended(job.number, line_of(job, result, Path(), row.before))
        return Ended(job.number, result=evolve(result, raw=None))
