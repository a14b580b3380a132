"""Whether git would take a file into a commit, and the line of `.gitignore` that keeps it out."""

from __future__ import annotations

import subprocess
from enum import Enum
from typing import TYPE_CHECKING

from pipelex_cli.edits.document import newline_of
from pipelex_cli.edits.files import FileChange, as_text, read_bytes

if TYPE_CHECKING:
    from pathlib import Path


class Ignored(Enum):
    """What git makes of a file."""

    NO_REPOSITORY = "no repository"
    IGNORED = "ignored"
    EXPOSED = "exposed"
    TRACKED = "tracked"


def ask_git(file: Path) -> Ignored:
    """What git makes of a file, which need not exist; without git, there is no repository."""
    if _git(file, "rev-parse", "--is-inside-work-tree") != 0:
        return Ignored.NO_REPOSITORY
    if _git(file, "ls-files", "--error-unmatch", "--", file.name) == 0:
        return Ignored.TRACKED
    return Ignored.IGNORED if _git(file, "check-ignore", "--quiet", "--", file.name) == 0 else Ignored.EXPOSED


def ignoring(file: Path) -> FileChange:
    """The `.gitignore` beside a file, with a line for it."""
    path = file.parent / ".gitignore"
    old = read_bytes(path)
    text = as_text(old or b"", path)
    newline = newline_of(text)
    before = text if not text or text.endswith("\n") else text + newline
    return FileChange(path=path, old=old, new=f"{before}/{file.name}{newline}".encode())


def _git(file: Path, *command: str) -> int:
    try:
        done = subprocess.run(["git", *command], cwd=file.parent, capture_output=True, check=False)  # noqa: S603, S607 -- the user's own git, and words of ours
    except OSError:
        return -1  # there is no git, or no such folder
    return done.returncode
