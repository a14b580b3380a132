"""`pipelex record`."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from pipelex_core.command_line import Context
from pipelex_core.errors import PipelexError
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
        add: Keep what was recorded before; otherwise the folder's cassettes are replaced.
    """
    if not command:
        msg = "there is no command to run; write: pipelex record -- pytest"
        raise PipelexError(msg)
    found = shutil.which(command[0])
    if found is None:
        msg = f"there is no command '{command[0]}'"
        raise PipelexError(msg)
    folder = Path(to).absolute()
    if replay and not any(folder.glob("*.jsonl")):
        msg = f"there are no recordings in '{to}'; run: pipelex record --to {to} -- {' '.join(command)}"
        raise PipelexError(msg)
    if not replay and not add:
        for file in folder.glob("*.jsonl"):
            file.unlink()
    environ = {name: value for name, value in os.environ.items() if name not in {RECORD, REPLAY}}
    code = subprocess.run(  # noqa: S603 -- the command is what the user wrote
        [found, *command[1:]], env={**environ, REPLAY if replay else RECORD: str(folder)}, check=False
    ).returncode
    if not replay:
        _tell(folder, to, context)
    return code if code >= 0 else 128 - code  # as a shell tells a signal


def _tell(folder: Path, to: str, context: Context) -> None:
    many = sum(file.read_bytes().count(b"\n") for file in folder.glob("*.jsonl"))
    context.note(f"{many} attempts recorded in {to}" if many else "no call was made: nothing is recorded")
