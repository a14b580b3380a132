"""`pipelex batch cancel`."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter

from pipelex_batch.giving_up import give_up, why_lost
from pipelex_batch.journal import Journal, is_running, read_settings
from pipelex_batch.open_batches import open_batches, runner_of
from pipelex_batch.options import client_of
from pipelex_batch.settings import BatchError
from pipelex_batch.standing import read_standing
from pipelex_core.command_line import Context
from pipelex_core.errors import CallError

if TYPE_CHECKING:
    from pipelex_batch.open_batches import Batch
    from pipelex_batch.settings import BatchSettings
    from pipelex_batch.standing import Standing
    from pipelex_core.client import AsyncClient


def cancel(output: Path, *, lost: bool = False, context: Annotated[Context, Parameter(parse=False)]) -> int:
    """End a run: nothing further is sent.

    Args:
        output: The output of the run.
        lost: Give up batches that the provider has no more, or whose results are gone: their rows are failed, and may have been
            paid; `retry` asks for them again.
    """
    settings = read_settings(output)
    if is_running(output):
        started = read_standing(output).events.get("started", {})
        if started.get("host") != socket.gethostname():
            msg = f"'{output}' is running on {started.get('host')}: cancel it there"
            raise BatchError(msg)
        os.kill(started["pid"], signal.SIGTERM)
        context.note(f"process {started['pid']} ends when its calls under way have ended")
        return 0
    journal = Journal(settings)
    try:
        standing = read_standing(output)
        batches = [each for each in open_batches(standing.batches).values() if each.id is not None]
        failed = asyncio.run(_End(settings, standing, journal, context).end(batches, lost=lost)) if batches else 0
        journal.event("cancelled", reason="cancelled; `pipelex batch run` goes on")
    finally:
        journal.close()
    return 1 if failed else 0


class _End:
    """The end of a run that is not under way."""

    def __init__(self, settings: BatchSettings, standing: Standing, journal: Journal, context: Context) -> None:
        self._settings = settings
        self._standing = standing
        self._journal = journal
        self._context = context

    async def end(self, batches: list[Batch], *, lost: bool) -> int:
        """Cancel batches, or give up those that are lost; how many could be neither."""
        failed = 0
        async with client_of(self._context) as client:
            for batch in batches:
                try:
                    if not (lost and await self._give_up(batch, client)):
                        await self._cancel(batch, client)
                except CallError as error:
                    failed += 1
                    self._context.note(f"the batch {batch.id} cannot be cancelled: {error}")
        return failed

    async def _give_up(self, batch: Batch, client: AsyncClient) -> bool:
        with TemporaryDirectory() as folder:
            why = await why_lost(batch, client, Path(folder))
        if why is None:
            return False
        count = give_up(batch, why, self._settings, self._standing, self._journal)
        self._context.note(f"the batch {batch.id} is given up ({why}): {count} rows are failed")
        return True

    async def _cancel(self, batch: Batch, client: AsyncClient) -> None:
        """Cancel a batch; what it answered by then is collected by the next run. One that has ended is as it is."""
        runner = await runner_of(batch, client)
        status = await runner.poll_batch(batch.id or "")
        if status.state != "running":
            self._context.note(
                f"the batch {batch.id} has ended ({status.word}); the next run collects what it has answered"
            )
            return
        await runner.cancel_batch(batch.id or "")
        self._context.note(f"the batch {batch.id} ends; the next run collects what it has answered")
