"""Runs: by calls from here or from a cluster, or by the batch API of the models' provider."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from pipelex_batch.calls import make_calls
from pipelex_batch.choosing import chosen
from pipelex_batch.provider import by_provider
from pipelex_batch.run_options import RunOptions
from pipelex_batch.running import Run

if TYPE_CHECKING:
    from collections.abc import Callable

    from pipelex_batch.report import Report
    from pipelex_batch.settings import BatchSettings
    from pipelex_core.client import AsyncClient

__all__ = ["Run", "RunOptions", "run", "run_batch"]


def run(settings: BatchSettings, client: AsyncClient, **options: Any) -> Report:
    """Run, or go on with, a batch; it returns when every row has an outcome, or nothing further can be sent.

    Args:
        settings: What to do.
        client: Who makes the calls; it is closed at the end.
        options: Those of `RunOptions`.

    Raises:
        BatchError: It cannot begin: rows that cannot be called, an output that is something else, another run of it.
    """

    async def main() -> Report:
        async with client:
            return await run_batch(settings, client, RunOptions(**options), lambda _: None)

    return asyncio.run(main())


async def run_batch(
    settings: BatchSettings, client: AsyncClient, options: RunOptions, note: Callable[[str], None]
) -> Report:
    """Run, or go on with, a batch, inside an event loop; `note` gets lines for people.

    Raises:
        BatchError: As `run`.
    """
    return await Run(settings, client, options, note).run(_send)


async def _send(run: Run, progress: Any) -> None:
    if await chosen(run) == "provider":
        are_few = await by_provider(run, progress)
        if not are_few:
            return
        run.note("the rows that remain are too few for a batch, and are called")
    if run.options.engine == "ray":
        from pipelex_batch.cluster import make_calls_on_cluster

        await make_calls_on_cluster(run, progress)
    else:
        await make_calls(run, progress)
