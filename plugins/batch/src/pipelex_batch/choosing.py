"""By which way a run goes: by calls, or by its provider's batch API."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pipelex_batch.inputs import read_rows
from pipelex_batch.settings import BatchError
from pipelex_batch.standing import NEW
from pipelex_core.batches import BatchRunner
from pipelex_core.errors import PipelexError
from pipelex_limits.bounds import likely_cost

if TYPE_CHECKING:
    from pipelex_batch.running import Run

_FEWEST = 20
"""Rows below which a batch is not worth its wait."""
_LOOKED_AT = 20


async def chosen(run: Run) -> str:
    """`calls` or `provider`; a run with batches at a provider goes on there.

    Raises:
        BatchError: It has batches at a provider, and is to go by calls.
    """
    from pipelex_batch.open_batches import open_batches

    via = run.options.via
    if open_batches(run.standing.batches):
        if via == "calls":
            msg = "rows of this run are in batches at a provider: go on with --via provider, or cancel them first"
            raise BatchError(msg)
        return "provider"
    if via != "auto":
        return via
    why = await _why_calls(run)
    run.note(f"by {'calls' if why else 'the batch API of the provider'}: {why or 'it is cheaper, and in time'}")
    return "calls" if why else "provider"


async def _why_calls(run: Run) -> str:
    """Why a run is better made by calls; nothing where it is not."""
    if run.options.within is None:
        return "no time is given to wait (--within)"
    rows = run.total - run.standing.done - run.standing.failed
    if rows < _FEWEST:
        return f"{rows} rows are few"
    looked = 0
    for row in read_rows(run.settings.inputs):
        if run.standing.of(row.number) != NEW:
            continue
        looked += 1
        if looked > _LOOKED_AT:
            break
        why = await _of_row(run, row, rows)
        if why:
            return f"row {row.number}: {why}"
    return ""


async def _of_row(run: Run, row: object, rows: int) -> str:
    try:
        plan = run.checker.plan(run.checker.maker.make(row))  # type: ignore[arg-type]  # a row of the input
        spec = plan.members[0].spec
        assert spec is not None  # noqa: S101 -- only available members are in a plan
        backend, request = await run.client._execution.prepare(plan, plan.members[0])  # noqa: SLF001 -- a tool of core's
    except PipelexError as error:
        return str(error)
    limits = None
    if isinstance(backend, BatchRunner):
        limits = backend.batch_limits(request)
    if limits is None:
        return f"backend '{spec.backend}' has no batches"
    if rows < limits.fewest:
        return f"{rows} rows are few: a batch takes {limits.fewest} or more"
    if limits.hours > (run.options.within or 0):
        return f"a batch may take {limits.hours:g} hours"
    expected = plan.capability.expect(request)
    now, batch = likely_cost(spec.costs, expected, spec.service_tier), likely_cost(spec.costs, expected, "batch")
    if now is None or batch is None or batch >= now:
        return f"no lower batch price of '{spec.name}' is known"
    return ""
