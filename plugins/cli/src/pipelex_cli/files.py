"""Files a command writes: whole, or not at all."""

from __future__ import annotations

import os
import stat
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from pipelex_cli.edits.files import umask, written_beside
from pipelex_cli.output import note
from pipelex_core.errors import PipelexError

if TYPE_CHECKING:
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
        PipelexError: It is a folder, cannot be a file's name, or no file can be written beside it.
    """
    try:
        is_folder = stat.S_ISDIR(path.stat().st_mode)
    except (FileNotFoundError, NotADirectoryError):
        is_folder = False
    except (OSError, ValueError) as error:
        msg = f"'{path}' cannot be written: {getattr(error, 'strerror', None) or error}"
        raise PipelexError(msg) from error
    if is_folder:
        msg = f"'{path}' is a folder: name a file in it"
        raise PipelexError(msg)
    folder = next(parent for parent in path.absolute().parents if parent.exists())
    if not folder.is_dir():
        msg = f"'{path}' cannot be written: {folder} is not a folder"
        raise PipelexError(msg)
    if not os.access(folder, os.W_OK):
        msg = f"'{path}' cannot be written: {folder} takes no files of yours"
        raise PipelexError(msg)


def write_image(path: Path, image: Image) -> tuple[Path, bool]:
    """Write an image; a path without a suffix gets the one of its type.

    Returns:
        As `write_paid`.
    """
    target = path if path.suffix else path.with_name(path.name + _SUFFIXES.get(image.content_type, ""))
    return write_paid(target, image.data)


def write_paid(path: Path, data: bytes) -> tuple[Path, bool]:
    """Write what a call has already paid for; where its place does not take it, to the system's temporary folder.

    Returns:
        Where it is, and whether that is its place; a line on stderr names the other one, and the reason.

    Raises:
        PipelexError: Neither takes it.
    """
    try:
        write_atomically(path, data)
    except PipelexError as error:
        try:
            other = Path(tempfile.mkdtemp(prefix="pipelex-")) / f"result{path.suffix}"
            write_atomically(other, data)
        except (OSError, PipelexError):
            raise error from None
        note(f"{error}; the result is kept in {other}")
        return other, False
    return path, True
