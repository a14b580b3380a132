"""`pipelex migrate`."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter

from pipelex_cli.editing import carry_out, inference_folder, show
from pipelex_cli.output import note
from pipelex_core.command_line import Context

if TYPE_CHECKING:
    from pipelex_cli.edits.files import FileChange


def migrate(
    *,
    yes: bool = False,
    dry_run: bool = False,
    check: bool = False,
    json: bool = False,
    context: Annotated[Context, Parameter(parse=False)],
) -> int:
    """Rewrite what is of the older generation of the format, or of pipelex 0.92, in the current form.

    The difference is shown first. Comments, order and line ends stay; it means the same afterwards, and what of 0.92 has no
    counterpart here is listed. It changes nothing a second time.

    Args:
        yes: Write without asking.
        dry_run: Show what would change, and write nothing.
        check: Write nothing, and fail where something would change: for CI.
        json: Print one JSON document.
    """
    from pipelex_cli.edits.migration import migrate as migrate_folder
    from pipelex_cli.edits.migration import migrate_newer

    folder, plugins = inference_folder(context), context.plugins()
    changes, notes = migrate_newer(folder, plugins)
    changes = changes or migrate_folder(folder, plugins)
    if check or dry_run or not changes or yes:
        carry_out(changes, dry_run=check or not yes or dry_run, json=json, notes=notes)
        if not changes:
            note(f"{folder} is in the current form")
        return 1 if check and changes else 0
    if json or sys.stdin is None or not sys.stdin.isatty():
        carry_out(changes, dry_run=True, json=json, notes=[*notes, "nothing was written: --yes writes it"])
        return 1
    return _requested(changes, notes)


def _requested(changes: list[FileChange], notes: list[str]) -> int:
    """Show, ask, and write."""
    show(changes)
    for text in notes:
        note(text)
    sys.stderr.write(f"\nRewrite {len(changes)} {'file' if len(changes) == 1 else 'files'}? [y/N] ")
    sys.stderr.flush()
    if sys.stdin.readline().strip().lower() not in {"y", "yes"}:
        note("nothing was written")
        return 1
    from pipelex_cli.edits.files import write_all

    write_all(changes)
    for change in changes:
        note(f"written {change.path}")
    return 0
