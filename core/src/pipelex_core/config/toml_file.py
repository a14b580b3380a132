"""Reading one TOML file. Every fault becomes a problem; nothing else is raised."""

from __future__ import annotations

import errno
import os
import stat
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pipelex_core.errors import ConfigError, ModelDeckNotFoundError
from pipelex_core.specs import Source
from pipelex_core.toml import LARGEST, TomlDocument, TomlError, parse

if TYPE_CHECKING:
    from collections.abc import Callable
    from importlib.resources.abc import Traversable

    from pipelex_core.config.problems import Faults

_PIPE = errno.ESPIPE
"""The number of the error that a pipe in the place of a file is."""


def read_toml(
    file: Path | Traversable,
    faults: Faults,
    kind: type[ConfigError],
    *,
    source: Source | None = None,
    parse_float: Callable[[str], Any] = float,
) -> TomlDocument | None:
    """A file, or None where it has a fault, which is reported.

    Args:
        file: The file, which need not exist.
        faults: Where to report; later faults of the file find their places in the document that was read.
        kind: The error class its faults belong to.
        source: What names the file in a message; by default its path.
        parse_float: Makes a number of a float's text; `Decimal` where it must stay exact.
    """
    named = source or Source(file=str(file))
    try:
        content = _content(file)
    except FileNotFoundError:
        message = f"the file {file.name} is missing"
        faults.error(ModelDeckNotFoundError, "missing-file", message, named, suggestion="run: pipelex init")
        return None
    except OSError as error:
        message = f"the file {file.name} cannot be read: {error.strerror or type(error).__name__}"
        expected = "a file" if error.errno == _PIPE else None
        faults.error(kind, "unreadable-file", message, named, expected=expected)
        return None
    try:
        document = parse(content, parse_float=parse_float)
    except TomlError as error:
        message = f"the file {file.name} {error.message}"
        faults.error(kind, error.code, message, named, line=error.line, column=error.column, expected=error.expected)
        return None
    if named.file is not None:
        faults.documents[named.file] = document
    return document


def _content(file: Path | Traversable) -> bytes:
    """The bytes of a file, no more than one above the number that is read at most."""
    if not isinstance(file, Path):
        return file.read_bytes()
    status = os.stat(file)  # noqa: PTH116 -- of the many files of a load, a path's own methods would take much longer
    if stat.S_ISFIFO(status.st_mode):
        raise OSError(_PIPE, "it is a pipe, which may never end")
    with open(file, "rb") as stream:  # noqa: PTH123 -- as above
        return stream.read(min(status.st_size, LARGEST) + 1) + (b"" if status.st_size else stream.read(LARGEST))


def read_filled(file: Path, faults: Faults, kind: type[ConfigError]) -> TomlDocument | None:
    """As `read_toml`, but an empty file is a fault too."""
    read = read_toml(file, faults, kind)
    if read is not None and not read.tables:
        report_empty(file, faults, kind)
        return None
    return read


def report_empty(file: Path, faults: Faults, kind: type[ConfigError]) -> None:
    """Report a file without a table or key where one is needed."""
    message = f"the file {file.name} is empty"
    faults.error(kind, "empty-file", message, Source(file=str(file)), suggestion="run: pipelex init")
