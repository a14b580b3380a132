"""Line and column of what a source names, for messages and for people."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

from pipelex_core.toml import Places

if TYPE_CHECKING:
    from pipelex_core.specs import Source


def position(source: Source, *, value: bool = False) -> tuple[str, int | None, int | None]:
    """File, line and column (both from 1) of a key or its value; the nearest table around it where it is not in the file.

    A plugin's package data has a name and version in place of the file, and no line.
    """
    if source.file is None or not source.key:
        return str(source), None, None
    try:
        status = Path(source.file).stat()
        places = _places_of(source.file, status.st_mtime_ns, status.st_size)
    except (OSError, UnicodeDecodeError):
        return source.file, None, None
    return (source.file, *(places.find(source.key, value=value) or (None, None)))


@lru_cache(maxsize=64)
def _places_of(file: str, _modified: int, _size: int) -> Places:
    return Places(Path(file).read_bytes().decode())
