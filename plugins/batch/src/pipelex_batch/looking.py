"""How far a run is, seen from outside: its files are read, and nothing is changed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pipelex_batch.inputs import read_rows
from pipelex_batch.journal import is_running, read_settings
from pipelex_batch.report import report_of
from pipelex_batch.settings import BatchError
from pipelex_batch.standing import read_standing

if TYPE_CHECKING:
    from pathlib import Path

    from pipelex_batch.report import Report

_ENDED = ("finished", "stopped", "cancelled", "submitted")


def look(output: Path) -> Report:
    """Tell how far a run is.

    Raises:
        BatchError: There is no such run.
    """
    settings = read_settings(output)
    standing = read_standing(output)
    last = standing.events["last"]
    reason = None
    if is_running(output):
        state = "running"
    elif last["event"] in _ENDED:
        state, reason = last["event"], last.get("reason")
    else:
        state = "interrupted"
    try:
        rows: int | None = sum(1 for _ in read_rows(settings.inputs))
    except BatchError:
        rows = last.get("rows")  # the input is elsewhere now
    return report_of(output, standing, state=state, rows=rows, reason=reason)
