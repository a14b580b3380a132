"""`pipelex set-key`."""

from __future__ import annotations

import re
import sys
from typing import TYPE_CHECKING, Annotated, Any

from cyclopts import Parameter

from pipelex_cli.completion import backends
from pipelex_cli.editing import carry_out, env_file, inference_folder, shipped
from pipelex_core.command_line import Context
from pipelex_core.errors import ModelsManagerError, PipelexError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from pipelex_cli.edits.files import FileChange

_VARIABLE = re.compile(r"(?<!\$)\$\{([^}]*)\}")


def set_key(
    backend: Annotated[str, Parameter(completer=backends)],
    *,
    variable: str | None = None,
    dry_run: bool = False,
    json: bool = False,
    context: Annotated[Context, Parameter(parse=False)],
) -> int:
    """Put a backend's key into `.env`, which only you may read then, and which git is made to ignore.

    The key is asked for on the terminal, unseen, or read from stdin; it is never an argument, and never shown.

    Args:
        backend: Its name.
        variable: Another of its variables, such as AWS_REGION; the one of its `api_key` where it is left out.
        dry_run: Show what would change, and write nothing.
        json: Print one JSON document.
    """
    from pipelex_cli.edits.backends import table_of
    from pipelex_cli.edits.dotenv import with_variable
    from pipelex_cli.edits.files import FileChange, as_text, read_bytes
    from pipelex_cli.edits.folder import read_text

    folder = inference_folder(context)
    tables = read_text(folder / "backends.toml").tables
    name = _variable(backend, table_of(backend, tables, shipped(context.plugins())), variable)
    file = env_file(context, folder)
    old = read_bytes(file)
    text = as_text(old or b"", file)
    value = _secret(f"{name} ({backend}): ")
    change = FileChange(path=file, old=old, new=with_variable(text, name, value).encode(), secret=True)
    more, notes = _kept_out_of_git(file)
    carry_out([*more, change], dry_run=dry_run, json=json, notes=[f"{name} is set in {file}", *notes])
    return 0


def _variable(backend: str, table: Mapping[str, Any], requested: str | None) -> str:
    """The variable that holds the key.

    Raises:
        ModelsManagerError: There is none.
    """
    from pipelex_cli.edits.backends import unknown_name

    read = {key: _names(value) for key, value in table.items()}
    names = list(dict.fromkeys(name for found in read.values() for name in found))
    if requested is not None:
        if requested not in names:
            raise ModelsManagerError(
                problems=[unknown_name("unknown-key", f"variable of '{backend}'", requested, names)]
            )
        return requested
    if read.get("api_key"):
        return read["api_key"][0]
    if "api_key" in table:
        msg = f"the key of '{backend}' is in backends.toml itself; write there: api_key = \"{_example(backend)}\""
    elif names:
        msg = f"backend '{backend}' has no api_key; name one of its variables with --variable: {', '.join(names)}"
    else:
        msg = (
            f"backend '{backend}' reads no key; if it needs one, write in its table: api_key = \"{_example(backend)}\""
        )
    raise ModelsManagerError(msg)


def _example(backend: str) -> str:
    return "${" + re.sub(r"\W", "_", backend.upper()) + "_API_KEY}"


def _names(value: Any) -> list[str]:
    """The variables of the environment that a value reads, at any depth."""
    if isinstance(value, str):
        parts = [part for inner in _VARIABLE.findall(value) for part in inner.partition(":-")[0].split("|")]
        return [part.removeprefix("env:") for part in parts if not part.startswith("secret:")]
    if isinstance(value, dict):
        return [name for item in value.values() for name in _names(item)]
    return [name for item in value for name in _names(item)] if isinstance(value, list) else []


def _secret(prompt: str) -> str:
    """What is typed unseen, or what stdin holds; blanks around it are dropped.

    Raises:
        PipelexError: There is none.
    """
    from getpass import getpass

    if sys.stdin is None:
        value = ""
    elif sys.stdin.isatty():
        try:
            value = getpass(prompt)
        except EOFError:
            value = ""
    else:
        try:
            value = sys.stdin.buffer.read().decode("utf-8-sig")
        except UnicodeDecodeError:
            msg = "the key on stdin is not UTF-8; nothing was written"
            raise PipelexError(msg) from None
    if not value.strip():
        msg = "no key was given; nothing was written"
        raise PipelexError(msg)
    return value.strip()


def _kept_out_of_git(file: Path) -> tuple[list[FileChange], list[str]]:
    """What has to be written so that no commit takes the file, and what to tell."""
    from pipelex_cli.edits.ignored import Ignored, ask_git, ignoring

    found = ask_git(file)
    if found is Ignored.EXPOSED:
        return [ignoring(file)], [f"git did not ignore {file}; now .gitignore has a line for it"]
    if found is Ignored.TRACKED:
        mend = f"Run: git rm --cached {file.name}; then write /{file.name} in .gitignore"
        return [], [f"WARNING: git tracks {file}: the key will be in the next commit. {mend}"]
    return [], []
