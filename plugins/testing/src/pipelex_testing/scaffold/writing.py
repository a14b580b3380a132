"""A new folder with its files: whole, or not at all."""

from __future__ import annotations

import os
import shutil
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from pipelex_core.errors import PipelexError

if TYPE_CHECKING:
    from collections.abc import Mapping


def write_folder(folder: Path, files: Mapping[str, str]) -> None:
    """Write a folder beside its place, then move it there.

    Args:
        folder: A folder that is not there yet; the one it is to stand in is made.
        files: Path in it -> text.

    Raises:
        PipelexError: There is something of that name already, or the files cannot be written.
    """
    if folder.exists() or folder.is_symlink():
        msg = f"'{folder}' is there already; nothing was written. Move it away, or choose another name or --into"
        raise PipelexError(msg)
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        draft = Path(tempfile.mkdtemp(dir=folder.parent, prefix=f".{folder.name}."))
        try:
            for name, text in files.items():
                file = draft / name
                file.parent.mkdir(parents=True, exist_ok=True)
                file.write_bytes(text.encode())
            draft.chmod(0o777 & ~_umask())
            draft.rename(folder)
        except BaseException:
            shutil.rmtree(draft, ignore_errors=True)
            raise
    except OSError as error:
        msg = f"'{folder}' cannot be written: {error.strerror or error}"
        raise PipelexError(msg) from error


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask
