"""`pipelex batch retry`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from cyclopts import Parameter

from pipelex_batch.journal import read_settings
from pipelex_batch.options import amount_of, run_and_report
from pipelex_batch.run_options import RunOptions
from pipelex_core.command_line import Context


def retry(
    output: Path,
    *,
    concurrency: int = 16,
    budget: str | None = None,
    via: Literal["calls", "provider"] = "calls",
    json: bool = False,
    context: Annotated[Context, Parameter(parse=False)],
) -> int:
    """Call again for the rows that failed, and for those alone.

    Args:
        output: The output of the run.
        concurrency: Calls under way at most.
        budget: US$ that the run may cost in all, what it cost before included.
        via: Make calls, or have the provider's batch API answer.
        json: Print one JSON document.
    """
    options = RunOptions(concurrency=concurrency, budget=amount_of(budget), retry=True, via=via)
    return run_and_report(read_settings(output), options, context, json=json)
