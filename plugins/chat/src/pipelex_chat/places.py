"""Where the log is, and what switches it on."""

from __future__ import annotations

import os
from pathlib import Path

VARIABLE = "PIPELEX_LOGS"
"""The variable that names the file of the log, and switches it on."""


def folder() -> Path:
    """Where this machine's conversations and log are kept."""
    base = os.environ.get("XDG_DATA_HOME")
    return (Path(base) if base else Path.home() / ".local" / "share") / "pipelex"


def switch() -> Path:
    """The file that `pipelex logs on` writes."""
    return folder() / "logs.json"


def database() -> Path:
    """The file of the log and of the conversations."""
    named = os.environ.get(VARIABLE)
    return Path(named).expanduser() if named else folder() / "logs.db"
