"""`pipelex import`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

from cyclopts import Parameter

from pipelex_core.command_line import Context
from pipelex_core.errors import PipelexError

if TYPE_CHECKING:
    from pipelex_import.imported import Imported


def import_configuration(
    tool: Literal["litellm", "llm"],
    source: Path | None = None,
    *,
    folder: Path = Path(),
    force: bool = False,
    dry_run: bool = False,
    json: bool = False,
    context: Annotated[Context, Parameter(parse=False)],
) -> int:
    """Make another tool's configuration into `.pipelex/` and `.env`.

    Keys that are written out move to `.env`, which only you may read. What has no counterpart is listed.

    Args:
        tool: `litellm`, for the config.yaml of its proxy, or `llm`, for the folder of the command llm.
        source: The config.yaml, or the folder; of llm, the one that it uses by default.
        folder: The project's folder.
        force: Replace files that are there.
        dry_run: Show what would be written, and write nothing.
        json: Print one JSON document.
    """
    from pipelex_cli.editing import show
    from pipelex_cli.edits.files import write_all
    from pipelex_import.writing import changes_of

    imported = _read(tool, source, context)
    changes = changes_of(imported, folder, force=force)
    if not json:
        show([change for change in changes if not change.secret])
    if not dry_run:
        write_all(changes)
    if json:
        files = [str(change.path) for change in changes]
        context.print_json({"dry_run": dry_run, "files": files, "notes": imported.notes()})
        return 0
    for change in changes:
        context.note(f"{'not yet written' if dry_run else 'written':15} {change.path}")
    for note in imported.notes():
        context.note(note)
    context.note("\nNext: pipelex validate")
    return 0


def _read(tool: str, source: Path | None, context: Context) -> Imported:
    from pipelex_import.catalogue import Known

    known = Known.of(context.unlocked_plugins())
    if tool == "litellm":
        if source is None:
            msg = "name the configuration of LiteLLM: pipelex import litellm config.yaml"
            raise PipelexError(msg)
        from pipelex_import.litellm import read_litellm

        return read_litellm(source, known)
    from pipelex_import.llm import read_llm

    return read_llm(source, known)
