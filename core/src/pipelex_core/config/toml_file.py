"""Reading one TOML file: its bytes, its encoding, its syntax. Every fault becomes a problem; nothing else is raised."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import tomli
from attrs import frozen

from pipelex_core.errors import ModelDeckNotFoundError
from pipelex_core.specs import Source

if TYPE_CHECKING:
    from collections.abc import Callable
    from importlib.resources.abc import Traversable

    from pipelex_core.config.problems import Faults
    from pipelex_core.errors import ConfigError


@frozen(eq=False, repr=False)
class TomlFile:
    """A file that was read.

    Attributes:
        tables: Its tables.
        variables: How many `${` there are in it; where there are none, no value has to be searched for one.
    """

    tables: dict[str, Any]
    variables: int


def read_toml(
    file: Path | Traversable,
    faults: Faults,
    kind: type[ConfigError],
    *,
    source: Source | None = None,
    parse_float: Callable[[str], Any] = float,
) -> TomlFile | None:
    """A file, or None where it has a fault, which is reported; a BOM and CRLF are accepted.

    Args:
        file: The file, which need not exist.
        faults: Where to report.
        kind: The error class its faults belong to.
        source: What names the file in a message; its path where none is given.
        parse_float: Makes a number of a float's text; `Decimal` where it must stay exact.
    """
    named = source or Source(file=str(file))
    if isinstance(file, Path) and file.is_fifo():
        message = f"the file {file.name} cannot be read: it is a pipe, which may never end"
        faults.error(kind, "unreadable-file", message, named, expected="a file")
        return None
    try:
        content = file.read_bytes()
    except FileNotFoundError:
        message = f"the file {file.name} is missing"
        faults.error(ModelDeckNotFoundError, "missing-file", message, named, suggestion="run: pipelex init")
        return None
    except OSError as error:
        reason = error.strerror or type(error).__name__
        faults.error(kind, "unreadable-file", f"the file {file.name} cannot be read: {reason}", named)
        return None
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        before = content[content.rfind(b"\n", 0, error.start) + 1 : error.start]
        column = len(before.removeprefix(b"\xef\xbb\xbf").decode("utf-8", "replace")) + 1
        message = f"the file {file.name} is not UTF-8: byte 0x{content[error.start]:02x}"
        faults.error(kind, "bad-encoding", message, named, line=line, column=column, expected="text in UTF-8")
        return None
    try:
        return TomlFile(tomli.loads(text, parse_float=parse_float), text.count("${"))
    except tomli.TOMLDecodeError as error:
        message = f"this is no TOML: {error.msg[:1].lower()}{error.msg[1:]}"
        faults.error(kind, "bad-toml", message, named, line=error.lineno, column=error.colno)
    except RecursionError:
        faults.error(kind, "bad-toml", "tables or lists are nested too deeply", named)
    except (ValueError, ArithmeticError):  # a number with thousands of digits, or an exponent out of every range
        faults.error(kind, "bad-toml", "a number is too long", named)
    return None


def read_filled(file: Path, faults: Faults, kind: type[ConfigError]) -> TomlFile | None:
    """As `read_toml`, but a file with nothing in it is a fault too."""
    read = read_toml(file, faults, kind)
    if read is not None and not read.tables:
        report_empty(file, faults, kind)
        return None
    return read


def report_empty(file: Path, faults: Faults, kind: type[ConfigError]) -> None:
    """Report a file that says nothing where something has to be said."""
    message = f"the file {file.name} is empty"
    faults.error(kind, "empty-file", message, Source(file=str(file)), suggestion="run: pipelex init")
