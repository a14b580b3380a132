"""`pipelex init`."""

from __future__ import annotations

import os
from io import StringIO
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from attrs import frozen
from cyclopts import Parameter

from pipelex_cli.editing import show
from pipelex_cli.output import note, print_json
from pipelex_cli.text_input import file_text
from pipelex_core.command_line import Context

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from pipelex_cli.edits.files import FileChange
    from pipelex_cli.starter.backend import ShippedBackend


def init(
    folder: Path = Path(),
    *,
    force: bool = False,
    dry_run: bool = False,
    json: bool = False,
    context: Annotated[Context, Parameter(parse=False)],
) -> int:
    """Write the configuration of a project for the installed plugins.

    Backends whose key is in the environment or in `.env` are enabled, and those that need none. Files that are there
    keep every line; running it again adds what newly installed plugins bring, and switches on the backends whose key came
    later, and shows it. What you switched off stays off.

    Args:
        folder: The project's folder.
        force: Replace files that are there.
        dry_run: Show what would change, and write nothing.
        json: Print one JSON document.
    """
    from pipelex_cli.edits.files import write_all
    from pipelex_cli.starter import shipped_backends, starter_files

    plugins, environ = context.plugins(), _environ(folder, context.env_file)
    ready = {backend.name: backend for backend in shipped_backends(plugins) if backend.enabled(environ)}
    done = list(_steps(folder, starter_files(plugins, environ), ready, force=force))
    if not json:
        show([step.change for step in done if step.outcome == "added to"])
    if not dry_run:
        write_all(step.change for step in done)
    if json:
        print_json([{"file": step.name, "outcome": step.outcome} for step in done])
        return 0
    for step in done:
        note(f"{step.outcome:9} {folder / step.name}")
    if dry_run:
        note("\nNothing was written.")
    else:
        note("\nNext: pipelex set-key BACKEND, pipelex enable BACKEND; pipelex validate")
    return 0


@frozen
class _Step:
    """What becomes of one file: its path below the project, what happens to it in a word, and its bytes."""

    name: str
    outcome: str
    change: FileChange


def _steps(
    folder: Path, files: Mapping[str, str], ready: Mapping[str, ShippedBackend], *, force: bool
) -> Iterator[_Step]:
    from pipelex_cli.edits.additions import additions
    from pipelex_cli.edits.backends import switch, waiting
    from pipelex_cli.edits.files import FileChange, as_text, read_bytes
    from pipelex_cli.edits.folder import read_text

    for name, text in files.items():
        path = folder / name
        old = read_bytes(path)
        if old is None or force:
            change = FileChange(path=path, old=old, new=text.encode())
            yield _Step(name, "written" if old is None else "replaced", change)
            continue
        there = read_text(path).text if name.endswith(".toml") else as_text(old, path)
        new = additions(name, there, text)
        if name.endswith("/backends.toml"):
            new = switch(new, [backend for backend in waiting(new) if backend in ready], ready, on=True)
        change = FileChange(path=path, old=old, new=new.encode())
        yield _Step(name, "added to" if change.changes else "kept", change)


def _environ(folder: Path, env_file: str | None) -> Mapping[str, str]:
    from dotenv import dotenv_values

    file = Path(env_file) if env_file else folder / ".env"
    values = dotenv_values(stream=StringIO(file_text(file))) if env_file or file.is_file() else {}
    return {**{name: value for name, value in values.items() if value}, **os.environ}
