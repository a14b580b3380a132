"""What follows a run: its output is written, and how it ended."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from pipelex_batch.outputs import write_output
from pipelex_batch.report import report_of
from pipelex_batch.settings import BatchError

if TYPE_CHECKING:
    from collections.abc import Callable

    from pipelex_batch.journal import Journal
    from pipelex_batch.report import Report
    from pipelex_batch.settings import BatchSettings
    from pipelex_batch.standing import Standing

INTERRUPTED = "interrupted"
"""Why a run stopped at Ctrl-C."""


class Ending(Protocol):
    """What the end of a run needs of it: see `Run`."""

    settings: BatchSettings
    standing: Standing
    journal: Journal
    stopping: str | None
    submitted: int
    form: str
    total: int
    note: Callable[[str], None]


def end(run: Ending) -> Report:
    """Write the output, and how the run ended."""
    failure, output, standing = run.journal.failure, run.settings.path, run.standing
    if failure is not None:
        return report_of(output, standing, state="stopped", rows=run.total, reason=_why_full(run, failure))
    ended = standing.done + standing.failed
    state = "finished" if run.stopping is None and ended >= run.total else "stopped"
    if run.submitted and run.stopping in (None, INTERRUPTED):
        run.stopping = f"{run.submitted} batches are at the provider; the same command again collects them"
        state = "submitted"
    if state == "finished" or run.form != ".jsonl":
        _write_output(run)
    run.journal.event(state, reason=run.stopping, rows=run.total)
    return report_of(output, standing, state=state, rows=run.total, reason=run.stopping)


def _why_full(run: Ending, failure: OSError) -> str:
    rows = run.journal.rows
    reason = f"the disk takes no more ({failure.strerror}): make room and give the same command again"
    if rows.rescue is not None:
        reason += f"; the last outcomes are in '{rows.rescue}', and the next run takes them from there"
    if rows.lost:
        reason += f"; {rows.lost} outcomes could be written nowhere, and are called again"
    return reason


def _write_output(run: Ending) -> None:
    """Write the output; one that is JSONL is there already, and is put in order where there is room to."""
    output, form = run.settings.path, run.form
    run.journal.rows.free()
    if form != ".jsonl":
        write_output(run.settings, output, form)
    elif not run.standing.in_order:
        run.journal.event("compacted")
        try:
            write_output(run.settings, output, form)
        except BatchError as error:
            run.note(f"the rows are in the order in which they were answered, and not in that of the input: {error}")
