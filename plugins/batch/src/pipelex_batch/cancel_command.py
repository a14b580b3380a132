"""`pipelex batch cancel`."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from pipelex_batch.journal import Journal, is_running, read_settings
from pipelex_batch.open_batches import Batch, open_batches, runner_of
from pipelex_batch.options import client_of
from pipelex_batch.settings import BatchError
from pipelex_batch.standing import read_standing
from pipelex_core.command_line import Context


def cancel(output: Path, *, context: Annotated[Context, Parameter(parse=False)]) -> int:
    """End a run: nothing further is sent.

    Args:
        output: The output of the run.
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
    batches = [each for each in open_batches(read_standing(output).batches).values() if each.id is not None]
    journal = Journal(settings)
    try:
        if batches:
            asyncio.run(_cancel(batches, context))
        journal.event("cancelled", reason="cancelled; `pipelex batch run` goes on")
    finally:
        journal.close()
    return 0


async def _cancel(batches: list[Batch], context: Context) -> None:
    """Cancel batches; what they answered by then is collected by the next run."""
    async with client_of(context) as client:
        for batch in batches:
            runner = await runner_of(batch, client)
            await runner.cancel_batch(batch.id or "")
            context.note(f"the batch {batch.id} ends; the next run collects what it has answered")
