"""The bundles of a project: `.plx` and `.mthds` files below a folder, none of them twice."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

SUFFIXES = (".plx", ".mthds")

_SKIPPED = {"node_modules", "__pycache__", "site-packages", "venv", "env", "build", "dist"}
"""Folders of tools; so is every one whose name begins with a dot, and every virtual environment."""


def bundle_files(folder: Path) -> list[Path]:
    """Every bundle, in path order. A link is followed, each folder once, so that links may lead in a circle."""
    return sorted(_found(folder))


def _found(folder: Path) -> Iterator[Path]:
    waiting = [folder]
    seen: set[tuple[int, int]] = set()
    while waiting:
        current = waiting.pop()
        try:
            status = current.stat()
            entries = list(os.scandir(current))
        except OSError:  # gone, no folder, or not ours to read
            continue
        if (status.st_dev, status.st_ino) in seen or (current != folder and _is_environment(entries)):
            continue
        seen.add((status.st_dev, status.st_ino))
        for entry in entries:
            if entry.name.startswith("."):
                continue
            if entry.name.endswith(SUFFIXES):
                if _is(entry, "file"):
                    yield Path(entry.path)
            elif entry.name not in _SKIPPED and _is(entry, "dir"):
                waiting.append(Path(entry.path))


def _is(entry: os.DirEntry[str], what: str) -> bool:
    try:
        return entry.is_file() if what == "file" else entry.is_dir()
    except OSError:  # a link that leads in a circle by itself
        return False


def _is_environment(entries: list[os.DirEntry[str]]) -> bool:
    return any(entry.name == "pyvenv.cfg" for entry in entries)
