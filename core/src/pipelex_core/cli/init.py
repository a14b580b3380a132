"""`pipelex init`."""

from __future__ import annotations

import os
from io import StringIO
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter

from pipelex_core.cli.context import Context
from pipelex_core.cli.files import write_atomically
from pipelex_core.cli.output import note, print_json
from pipelex_core.cli.text_input import file_text

if TYPE_CHECKING:
    from collections.abc import Mapping


def init(
    folder: Path = Path(),
    *,
    force: bool = False,
    json: bool = False,
    context: Annotated[Context, Parameter(parse=False)],
) -> int:
    """Write the configuration of a project for the installed plugins.

    Backends whose key is in the environment or in `.env` are enabled, and those that need none. Files that are there
    stay as they are; running it again adds what newly installed plugins bring.

    Args:
        folder: The project's folder.
        force: Replace files that are there.
        json: Print one JSON document.
    """
    from pipelex_core.starter import starter_files
    from pipelex_core.starter.additions import additions

    plugins = context.plugins()
    environ = _environ(folder, context.env_file)
    done: dict[str, str] = {}
    for name, text in starter_files(plugins, environ).items():
        path = folder / name
        if not path.exists():
            done[name] = "written"
        elif force:
            done[name] = "replaced"
        else:
            old = file_text(path)
            text = additions(name, old, text)  # noqa: PLW2901 -- what there is, and what it lacks
            done[name] = "kept" if text == old else "added to"
        if done[name] != "kept":
            write_atomically(path, text.encode())
    if json:
        print_json([{"file": name, "outcome": outcome} for name, outcome in done.items()])
    else:
        for name, outcome in done.items():
            note(f"{outcome:9} {folder / name}")
        note(
            "\nNext: copy .env.example to .env, fill in a key, set `enabled = true` in backends.toml; pipelex validate"
        )
    return 0


def _environ(folder: Path, env_file: str | None) -> Mapping[str, str]:
    from dotenv import dotenv_values

    file = Path(env_file) if env_file else folder / ".env"
    values = dotenv_values(stream=StringIO(file_text(file))) if env_file or file.is_file() else {}
    return {**{name: value for name, value in values.items() if value}, **os.environ}
