"""What `enable` and `disable` do, and what a backend that was switched on still needs."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

from pipelex_cli.editing import carry_out, env_file, inference_folder, shipped

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    from pipelex_core.command_line import Context


def switch_backends(names: Sequence[str], *, on: bool, dry_run: bool, json: bool, context: Context) -> int:
    """Switch backends of the configuration on or off."""
    from pipelex_cli.edits.backends import decided, switch, table_of
    from pipelex_cli.edits.document import read
    from pipelex_cli.edits.folder import read_text

    folder = inference_folder(context)
    known = shipped(context.plugins())
    file = read_text(folder / "backends.toml")
    text = switch(file.text, names, known, on=on)
    notes: list[str] = []
    tables = {name: table_of(name, read(text), known) for name in names}
    if on:
        notes = list(_needs(tables, env_file(context, folder)))
    else:
        having = [name for name in names if not list(_needs({name: tables[name]}, env_file(context, folder)))]
        text = decided(text, having)  # it has its key, and is not wanted
    carry_out([file.changed(text)], dry_run=dry_run, json=json, notes=notes)
    return 0


def _needs(tables: Mapping[str, Mapping[str, Any]], file: Path) -> Iterator[str]:
    """What backends still lack before their models can be used."""
    from pipelex_core.config.environment import expand, read_environment
    from pipelex_core.config.problems import Faults

    environment = read_environment(os.environ, file, Faults())
    for name, table in tables.items():
        for key, value in table.items():
            for variable in expand(value, environment).missing:
                how = f"pipelex set-key {name}" if key == "api_key" else f"pipelex set-key {name} --variable {variable}"
                if " or " in variable:
                    how = f"pipelex set-key {name}"
                yield f"{name} needs {variable}, which is not set; run: {how}"
