"""`pipelex batch results`."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

from attrs import evolve
from cyclopts import Parameter

from pipelex_batch.journal import read_settings, rows_of
from pipelex_batch.outputs import in_order, write_output
from pipelex_batch.settings import BatchError
from pipelex_batch.standing import is_failed
from pipelex_core.command_line import Context


def results(
    output: Path,
    *,
    to: Annotated[Path | None, Parameter(name=["--to", "-o"])] = None,
    failed: bool = False,
    context: Annotated[Context, Parameter(parse=False)],
) -> int:
    """Write what a run has so far in another form, or print it as JSONL, in the order of its rows.

    Args:
        output: The output of the run.
        to: A file .jsonl, .csv or .parquet, or a folder; stdout where it is left out.
        failed: Print only the rows that failed.
    """
    settings = read_settings(output)
    if not rows_of(output).is_file():
        msg = f"'{output}' has no outcome yet"
        raise BatchError(msg)
    if to is not None:
        if to.exists() and to.resolve() != output.resolve():
            msg = f"'{to}' exists: name another file, or remove it"
            raise BatchError(msg)
        write_output(settings, to, evolve(settings, output=str(to)).form)
        context.note(f"written: {to}")
        return 0
    for line in in_order(rows_of(output)):
        if not failed or is_failed(line):
            sys.stdout.write(line.decode())
    return 0
