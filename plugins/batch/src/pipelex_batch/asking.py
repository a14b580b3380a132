"""A row as the request that a batch takes: of the first model of its chain whose provider has batches of such requests."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from pipelex_batch.answers import RowRequest
from pipelex_core.batches import BatchRunner
from pipelex_core.errors import CallError, UnsupportedInputError
from pipelex_core.requests import EmbeddingRequest

if TYPE_CHECKING:
    from pipelex_batch.jobs import RowJob
    from pipelex_batch.running import Run


async def request_of(run: Run, job: RowJob, model: str | None = None) -> RowRequest:
    """The request of a row, for that model or the first that has batches.

    Raises:
        CallError: No model of its chain takes it in a batch.
    """
    plan = await asyncio.to_thread(run.checker.plan, job) if _has_files(job) else run.checker.plan(job)
    refused: CallError | None = None
    for member in plan.members:
        assert member.spec is not None  # noqa: S101 -- only available members are in a plan
        if model is not None and member.spec.name != model:
            continue
        try:
            backend, request = await run.client._execution.prepare(plan, member)  # noqa: SLF001 -- a tool of core's
        except CallError as error:
            refused = refused or error
            continue
        most = member.spec.max_inputs
        if isinstance(request, EmbeddingRequest) and most is not None and len(request.texts) > most:
            msg = f"the row has {len(request.texts)} texts, and a request to '{member.spec.name}' takes {most}"
            refused = refused or UnsupportedInputError(msg)
        elif isinstance(backend, BatchRunner) and backend.batch_limits(request) is not None:
            return RowRequest(plan, member, member.spec, request, backend, run.checker.kind)
    if refused is not None:
        raise refused
    msg = f"no model of '{plan.handle}' has a batch API for row {job.number}: run it without --via provider"
    raise UnsupportedInputError(msg)


def _has_files(job: RowJob) -> bool:
    return not isinstance(job.source, str) or bool(job.arguments)
