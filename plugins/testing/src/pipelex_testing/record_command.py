"""`pipelex record`."""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from pipelex_core.command_line import Context
from pipelex_core.errors import PipelexError
from pipelex_testing.child import exit_code
from pipelex_testing.recording import RECORD, REPLAY


def record(
    *command: Annotated[str, Parameter(allow_leading_hyphen=True)],
    to: str = "cassettes",
    replay: bool = False,
    add: bool = False,
    context: Context,
) -> int:
    """Run a command, such as `pytest`, and record what providers answer meanwhile; or replay it, without a network.

    Args:
        command: The command and its arguments, after `--`.
        to: The folder of the cassettes. They hold the prompts and the answers; never a key.
        replay: Answer from the folder, and send nothing.
        add: Keep what was recorded before; otherwise the folder's cassettes are replaced once the command has ended, if
            it made a call.
    """
    if not command:
        msg = "there is no command to run; write: pipelex record -- pytest"
        raise PipelexError(msg)
    found = shutil.which(command[0])
    if found is None:
        msg = f"there is no command '{command[0]}'"
        raise PipelexError(msg)
    folder = Path(to).absolute()
    if replay:
        if not any(folder.glob("*.jsonl")):
            msg = f"there are no recordings in '{to}'; run: pipelex record --to {to} -- {' '.join(command)}"
            raise PipelexError(msg)
        return exit_code([found, *command[1:]], {REPLAY: str(folder)})
    place = folder if add else folder / f".recording-{os.getpid()}"
    place.mkdir(parents=True, exist_ok=True)
    try:
        code = exit_code([found, *command[1:]], {RECORD: str(place)})
        many = _count(place)
        if many and not add:
            _replace(folder, place)
    finally:
        if not add and not any(place.iterdir()):
            place.rmdir()
    context.note(f"{many} attempts recorded in {to}" if many else _nothing(folder))
    return code


def _count(folder: Path) -> int:
    return sum(file.read_bytes().count(b"\n") for file in folder.glob("*.jsonl"))


def _replace(folder: Path, new: Path) -> None:
    """Put new cassettes in the place of those in a folder."""
    names = {file.name for file in new.glob("*.jsonl")}
    for name in names:
        (new / name).replace(folder / name)
    for file in folder.glob("*.jsonl"):
        if file.name not in names:
            file.unlink()


def _nothing(folder: Path) -> str:
    kept = "; the earlier cassettes are kept" if any(folder.glob("*.jsonl")) else ""
    return f"no call was made: nothing is recorded{kept}"
