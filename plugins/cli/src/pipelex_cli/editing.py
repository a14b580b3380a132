"""What the commands that edit have in common: where the files are, the difference on stdout, the writing."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING

from pipelex_cli.edits.files import write_all
from pipelex_cli.output import note, print_json
from pipelex_cli.terminal import shown

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from pipelex_cli.edits.files import FileChange
    from pipelex_cli.starter.backend import ShippedBackend
    from pipelex_core.command_line import Context
    from pipelex_core.plugins import Plugins

_COLOURS = {"+": "32", "-": "31", "@": "36"}


def inference_folder(context: Context) -> Path:
    """The `inference/` folder whose files are edited.

    Raises:
        ModelDeckNotFoundError: There is none.
    """
    from pipelex_core.locate import locate

    return locate(config=context.config)


def env_file(context: Context, folder: Path) -> Path:
    """The `.env` that belongs to a folder, or the one asked for."""
    from pathlib import Path

    from pipelex_core.locate import env_file_of

    return Path(context.env_file).expanduser() if context.env_file else env_file_of(folder)


def shipped(plugins: Plugins) -> dict[str, ShippedBackend]:
    """Every backend that the installed plugins bring, by name."""
    from pipelex_cli.starter import shipped_backends

    return {backend.name: backend for backend in shipped_backends(plugins)}


def carry_out(changes: Sequence[FileChange], *, dry_run: bool, json: bool, notes: Sequence[str] = ()) -> None:
    """Show what changes, write it unless it is a dry run, and say what a person should know besides."""
    if not json:
        show(changes)
    if not dry_run:
        write_all(changes)
    if json:
        print_json({"dry_run": dry_run, "files": [_as_json(change) for change in changes], "notes": list(notes)})
        return
    for change in changes:
        note(f"{_outcome(change, dry_run=dry_run):15} {change.path}")
    for text in notes:
        note(text)


def show(changes: Sequence[FileChange]) -> None:
    """The differences on stdout, in colours on a terminal only."""
    coloured = sys.stdout.isatty() and not os.environ.get("NO_COLOR")
    for change in changes:
        for line in change.diff().split("\n")[:-1]:
            colour = _COLOURS.get(line[:1]) if coloured else None
            text = shown(line.removesuffix("\r")) if sys.stdout.isatty() else line
            sys.stdout.write(f"\x1b[{colour}m{text}\x1b[0m\n" if colour else f"{text}\n")


def _outcome(change: FileChange, *, dry_run: bool) -> str:
    if not change.changes:
        return "as it was"
    return "not yet written" if dry_run else "written"


def _as_json(change: FileChange) -> dict[str, object]:
    return {"file": str(change.path), "changes": change.changes, "diff": change.diff()}
