"""What precedes a run: its settings have to be those it began with, and each of its rows is looked at before anything is sent."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from attrs import evolve

from pipelex_batch.checking import Faults, refuse
from pipelex_batch.inputs import list_inputs, read_rows, spool
from pipelex_batch.journal import journal_of, read_settings
from pipelex_batch.open_batches import open_batches
from pipelex_batch.outcomes import error_line
from pipelex_batch.ranges import numbers_in
from pipelex_batch.report import counted
from pipelex_batch.settings import BatchError
from pipelex_batch.standing import FAILED, NEW
from pipelex_batch.templates import BadRowError

if TYPE_CHECKING:
    from collections.abc import Callable

    from pipelex_batch.checking import Checker
    from pipelex_batch.journal import Journal
    from pipelex_batch.rows import Row
    from pipelex_batch.run_options import RunOptions
    from pipelex_batch.settings import BatchSettings
    from pipelex_batch.standing import Standing


class Beginning(Protocol):
    """What the beginning of a run needs of it: see `Run`."""

    settings: BatchSettings
    options: RunOptions
    standing: Standing
    checker: Checker
    journal: Journal
    note: Callable[[str], None]
    look: Look

    def write(self, line: bytes) -> None:
        """Write an outcome down."""


def same_settings(settings: BatchSettings) -> BatchSettings:
    """The settings, where a run with this output was made with the same, or there is none; rows from stdin are kept beside it.

    Raises:
        BatchError: It was made with others, or an input does not exist.
    """
    output = settings.path
    is_begun = journal_of(output).exists()
    if "-" in settings.inputs:
        kept = output.with_name(f"{output.name}.stdin.jsonl")
        if not is_begun:
            spool(sys.stdin.buffer, kept)
        settings = evolve(settings, inputs=tuple(str(kept) if each == "-" else each for each in settings.inputs))
    if is_begun:
        differing = settings.differences(read_settings(output))
        if differing:
            msg = (
                f"'{output}' is of a run with another {' and another '.join(differing)}: name another output, or run it "
                "as it was"
            )
            raise BatchError(msg)
    list_inputs(settings.inputs)
    _refuse_inside(settings)
    return settings


def _refuse_inside(settings: BatchSettings) -> None:
    """Refuse an output in a folder of the input, whose files would be rows of the next run."""
    output = settings.path.resolve()
    folder = next(
        (each for each in settings.inputs if Path(each).is_dir() and Path(each).resolve() in output.parents), None
    )
    if folder is not None:
        msg = f"the output '{settings.output}' is in the folder '{folder}', whose files are rows: name a place outside"
        raise BatchError(msg)


class Look:
    """A look at every row of a run.

    Attributes:
        total: How many rows there are.
        bad: The numbers of those that cannot be called.
    """

    def __init__(self, run: Beginning) -> None:
        self._run = run
        self.total = 0
        self.bad: set[int] = set()

    def look(self) -> None:
        """Read every row: those that are new are checked, those that are answered, or in a batch, must not have changed.

        Raises:
            BatchError: Some cannot be called, or have changed.
        """
        run, standing = self._run, self._run.standing
        faults, changed = Faults(), Faults()
        in_batches = {number for each in open_batches(standing.batches).values() for number in numbers_in(each.rows)}
        begun = 0
        for row in read_rows(run.settings.inputs):
            self.total += 1
            state = standing.of(row.number)
            if state != NEW or row.number in in_batches:
                begun += 1
                if self._has_changed(row):
                    changed.add(row.number, "it holds something else than when it was asked")
            if state != (FAILED if run.options.retry else NEW) or row.number in in_batches:
                continue
            try:
                run.checker.job(row)
            except BadRowError as error:
                faults.add(row.number, str(error))
                self.bad.add(row.number)
        missing = standing.done + standing.failed + sum(standing.of(number) == NEW for number in in_batches) - begun
        if run.options.changed == "refuse":
            _refuse_changed(changed, missing)
        if not run.settings.skip_bad:
            refuse(faults)

    def _has_changed(self, row: Row) -> bool:
        digests = self._run.standing.digests
        before = digests[row.number] if row.number < len(digests) else 0
        return before not in {0, row.digest}

    def write_bad(self) -> None:
        """Write the rows that cannot be called as failed."""
        if not self.bad:
            return
        run = self._run
        for row in read_rows(run.settings.inputs):
            if row.number in self.bad:
                try:
                    run.checker.job(row)
                except BadRowError as fault:
                    run.journal.begin(row.number, row.digest)
                    run.standing.begin(row.number, row.digest)
                    identity, before = row.fields.get("id", row.number), run.standing.failed_cost(row.number)
                    run.write(error_line(row.number, identity, fault, before))
        run.note(
            f"{counted(len(run.look.bad))} cannot be called, written as failed: `pipelex batch results {run.settings.output} "
            "--failed` shows why"
        )


def _refuse_changed(changed: Faults, missing: int) -> None:
    """Refuse a run whose input is another."""
    if not changed.count and not missing:
        return
    found = []
    if changed.count:
        found.append(f"{counted(changed.count)} changed since they were asked")
    if missing:
        found.append(f"{counted(missing)} of those that were asked no longer there")
    msg = (
        f"the input has changed: {', and '.join(found)}. --changed keep keeps their answers; another output answers all rows "
        f"anew{':' if changed.count else ''}\n{changed.describe()}"
    )
    raise BatchError(msg.rstrip())
