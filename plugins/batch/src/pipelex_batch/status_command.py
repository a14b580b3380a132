"""`pipelex batch status`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from pipelex_batch.looking import look
from pipelex_batch.options import print_report
from pipelex_core.command_line import Context


def status(output: Path, *, json: bool = False, context: Annotated[Context, Parameter(parse=False)]) -> int:
    """Show how far a run is, what it cost, and what failed.

    Args:
        output: The output of the run.
        json: Print one JSON document.
    """
    print_report(look(output), context, json=json)
    return 0
