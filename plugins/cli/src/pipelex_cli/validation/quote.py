"""The line of a fault with a caret under what is wrong: as wide as a terminal takes, without secrets or tricks."""

from __future__ import annotations

import re
import unicodedata
from pathlib import Path
from typing import TYPE_CHECKING

from attrs import frozen

from pipelex_cli.validation.masking import masked

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from pipelex_core.errors import Problem

WIDEST = 100
"""Columns of a line that are shown."""

_BEFORE = 40
_TAB = 4
_LONGEST_LINE = 200_000
_LARGEST_FILE = 50_000_000
_TOKEN = re.compile(r'"(?:\\.|[^"\\])*"?|\'[^\']*\'?|[][{}]|[^][\s=,{}#]+')


@frozen(kw_only=True)
class Quote:
    """A line, ready to be shown.

    Attributes:
        text: The line, or the part of it around the fault.
        indent: Columns before the caret.
        width: Columns to underline.
    """

    text: str
    indent: int
    width: int

    @property
    def caret(self) -> str:
        """The line below: spaces and carets."""
        return " " * self.indent + "^" * self.width


class Quotes:
    """The lines of files: of a document that was read, as it was read; each other file is read once.

    Args:
        secrets: Values that must not be shown.
        texts: File -> its text, of the documents that were read.
    """

    def __init__(self, secrets: Collection[str] = (), texts: Mapping[str, str] | None = None) -> None:
        self._secrets = sorted(secrets, key=len, reverse=True)
        self._texts = texts or {}
        self._lines: dict[str, list[bytes]] = {}

    def of(self, problem: Problem) -> Quote | None:
        """The line of a problem; None where it has none."""
        if problem.file is None or problem.line is None:
            return None
        lines = self._lines_of(problem.file)
        if not 0 < problem.line <= len(lines) or len(lines[problem.line - 1]) > _LONGEST_LINE:
            return None
        line = lines[problem.line - 1].decode("utf-8", "replace").rstrip("\r")
        column = min(problem.column or _indent_of(line) + 1, len(line) + 1)
        length = _length(line, column - 1)
        name = Path(problem.file).name
        shown = masked(line, self._secrets, is_env=name.endswith(".env") or name.startswith(".env"))
        return _cut(shown, column - 1, length)

    def _lines_of(self, file: str) -> list[bytes]:
        if file not in self._lines:
            text = self._texts.get(file)
            self._lines[file] = _read_lines(Path(file)) if text is None else _split(text.encode())
        return self._lines[file]


def _read_lines(path: Path) -> list[bytes]:
    try:
        if path.stat().st_size > _LARGEST_FILE:
            return []
        return _split(path.read_bytes())
    except (OSError, ValueError):  # gone since, or a name that no file can have
        return []


def _split(content: bytes) -> list[bytes]:
    return content.removeprefix(b"\xef\xbb\xbf").split(b"\n")


def _length(line: str, start: int) -> int:
    """How many characters of a line are at fault from a place on: a key or value, a list or inline table as a whole."""
    depth, at = 0, start
    while found := _TOKEN.match(line, at):
        token, at = found[0], found.end()
        depth += (token in {"[", "{"}) - (token in {"]", "}"})
        if depth <= 0:
            break
        at += len(line[at:]) - len(line[at:].lstrip(" \t,="))
    return max(1, len(line[start:at].rstrip()))


def _indent_of(line: str) -> int:
    return len(line) - len(line.lstrip())


def _cut(line: str, start: int, length: int) -> Quote:
    """The part of a line around what is to be underlined."""
    first = _first_shown(line, start)
    cells: list[str] = []
    used = indent = width = 0
    end = first
    for end in range(first, len(line)):
        text, columns = _cell(line[end], used)
        if used + columns > WIDEST:
            break
        if end < start:
            indent += columns
        elif end < start + length:
            width += columns
        cells.append(text)
        used += columns
    else:
        end = len(line)
    text = "".join(cells)
    if first > 0:
        text, indent = f"…{text}", indent + 1
    if end < len(line):
        text += "…"
    return Quote(text=text, indent=indent, width=max(1, width))


def _first_shown(line: str, start: int) -> int:
    """Where to begin, so that what is to be underlined is in sight."""
    if sum(_cell(char, 0)[1] for char in line[: WIDEST * 2]) <= WIDEST and len(line) <= WIDEST * 2:
        return 0
    columns, first = 0, start
    while first > 0 and columns < _BEFORE:
        first -= 1
        columns += _cell(line[first], 0)[1]
    return 0 if columns < _BEFORE else first


def _cell(char: str, used: int) -> tuple[str, int]:
    """What a character is shown as, and how many columns that takes."""
    if char == "\t":
        columns = _TAB - used % _TAB
        return " " * columns, columns
    if char.isascii() and char.isprintable():
        return char, 1
    category = unicodedata.category(char)
    if category in {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"}:  # would move the cursor, or turn the text around
        return (chr(0x2400 + ord(char)) if ord(char) < 0x20 else "�"), 1
    if category in {"Mn", "Me"}:
        return char, 0
    return char, 2 if unicodedata.east_asian_width(char) in {"W", "F"} else 1
