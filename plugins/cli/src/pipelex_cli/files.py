"""Files a command writes: whole, or not at all."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from pipelex_cli.edits.files import umask, written_beside
from pipelex_core.errors import PipelexError

if TYPE_CHECKING:
    from pathlib import Path

    from pipelex_core.results import Image

_SUFFIXES = {"image/png": ".png", "image/jpeg": ".jpg", "image/webp": ".webp", "image/gif": ".gif"}


def write_atomically(path: Path, data: bytes) -> None:
    """Write a file beside its place, then move it there; folders are made.

    Raises:
        PipelexError: The file cannot be written.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with written_beside(path, data) as written:
            written.chmod(0o666 & ~umask())
            written.replace(path)
    except OSError as error:
        msg = f"'{path}' cannot be written: {error.strerror or error}"
        raise PipelexError(msg) from error


def check_place(path: Path) -> None:
    """Refuse a place where no file can be, before what is to be in it is paid for.

    Raises:
        PipelexError: It is a folder, or no file can be written beside it.
    """
    if path.is_dir():
        msg = f"'{path}' is a folder: name a file in it"
        raise PipelexError(msg)
    folder = next(parent for parent in path.absolute().parents if parent.exists())
    if not folder.is_dir():
        msg = f"'{path}' cannot be written: {folder} is no folder"
        raise PipelexError(msg)
    if not os.access(folder, os.W_OK):
        msg = f"'{path}' cannot be written: {folder} takes no files of yours"
        raise PipelexError(msg)


def write_image(path: Path, image: Image) -> Path:
    """Write an image; a path without a suffix gets the one of its type."""
    target = path if path.suffix else path.with_name(path.name + _SUFFIXES.get(image.content_type, ""))
    write_atomically(target, image.data)
    return target
