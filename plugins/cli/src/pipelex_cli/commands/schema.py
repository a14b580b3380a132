"""`pipelex schema`."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Annotated, Literal

from cyclopts import Parameter

from pipelex_cli.editing import carry_out, inference_folder
from pipelex_core.command_line import Context

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from pipelex_cli.edits.files import FileChange
    from pipelex_core.plugins import Plugins


def schema(
    name: Literal["backends", "models", "routing_profiles", "deck"] | None = None,
    *,
    write: bool = False,
    dry_run: bool = False,
    json: bool = False,
    context: Annotated[Context, Parameter(parse=False)],
) -> int:
    """Show the JSON schema of one of the configuration's files, or of all of them by name.

    Editors with a TOML language server complete and check a file whose first line names its schema.

    Args:
        name: backends.toml, the files of models, routing_profiles.toml, or the files of a deck.
        write: Write the schemas to .pipelex/schemas/, and their names into the first lines of the files.
        dry_run: With --write: show what would change, and write nothing.
        json: With --write: print one JSON document.
    """
    from pipelex_cli.schemas import SCHEMAS, as_text
    from pipelex_cli.schemas import schema as make_schema

    plugins = context.plugins()
    if write:
        changes = list(_changes(inference_folder(context), plugins))
        carry_out(changes, dry_run=dry_run, json=json)
    else:
        made = make_schema(name, plugins) if name else {each: make_schema(each, plugins) for each in SCHEMAS}
        sys.stdout.write(as_text(made))
    return 0


def _changes(folder: Path, plugins: Plugins) -> Iterator[FileChange]:
    """The schemas, and the files that do not yet name theirs."""
    from pipelex_cli.edits.document import with_first_line
    from pipelex_cli.edits.files import FileChange, read_bytes
    from pipelex_cli.edits.folder import read_text
    from pipelex_cli.schemas import FOLDER, schema_files, schema_line

    for name, text in schema_files(plugins).items():
        path = folder.parent / name.removeprefix(f"{FOLDER.partition('/')[0]}/")
        yield FileChange(path=path, old=read_bytes(path), new=text.encode())
    files = [folder / "backends.toml", folder / "routing_profiles.toml"]
    for part in ("backends", "deck"):
        files += sorted((folder / part).rglob("*.toml"))
    for path in files:
        file = read_text(path)
        if "#:schema" not in file.text:
            line = schema_line(path.relative_to(folder).as_posix())
            yield file.changed(with_first_line(file.text, line))
