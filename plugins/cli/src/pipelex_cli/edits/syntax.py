"""Where the tables, keys and values of a TOML text stand.

The text is sound: tomli has read it. tomlkit keeps comments too, but it takes no byte-order mark, and writes its own line
ends into files that have others; here, what is not replaced is not touched at all. TOML 1.1 is read as tomli reads it.
"""

from __future__ import annotations

import re

import tomli
from attrs import field, frozen

Path = tuple[str, ...]

_BLANK = re.compile(r"[ \t]*")
_BETWEEN = re.compile(r"(?:[ \t\r\n,]|#[^\n]*)*")
_BARE = re.compile(r"[^\s.=\]\"']+")
_SCALAR = re.compile(r"[^,\]}#\r\n]*")
_STRINGS = (
    ('"""', re.compile(r'"""(?:\\.|[^\\])*?"{3,5}(?!")', re.DOTALL)),
    ("'''", re.compile(r"'''.*?'{3,5}(?!')", re.DOTALL)),
    ('"', re.compile(r'"(?:\\.|[^"\\])*"')),
    ("'", re.compile(r"'[^']*'")),
)
_IN_ARRAY = re.compile(r"[^\[\]\"'#]+|#[^\n]*")


@frozen
class Part:
    """One part of a dotted key: its name, and where it is written."""

    name: str
    start: int
    end: int


@frozen
class Pair:
    """One `key = value`.

    Attributes:
        path: The whole way to it, from the root of the file.
        parts: Its own key, as it is written.
        start: Where its value begins.
        end: Where its value ends.
        head: The header it stands under, a number of `Syntax.heads`; -1 above the first.
        inline: Whether it stands in an inline table.
    """

    path: Path
    parts: tuple[Part, ...]
    start: int
    end: int
    head: int
    inline: bool


@frozen
class Head:
    """One `[header]`.

    Attributes:
        path: The table it begins.
        parts: Its parts, as they are written.
        start: Where its first bracket is.
        end: Behind its last bracket.
        array: Whether it is one of `[[an array]]`.
    """

    path: Path
    parts: tuple[Part, ...]
    start: int
    end: int
    array: bool


@frozen
class Syntax:
    """What stands where in a text; pairs of inline tables come after the pair whose value they are in."""

    heads: list[Head] = field(factory=list)
    pairs: list[Pair] = field(factory=list)


def scan(text: str) -> Syntax:
    """Find every header and pair of a sound text."""
    found = Syntax()
    at = _skip(text, 1 if text.startswith("\ufeff") else 0)
    while at < len(text):
        if text[at] == "[":
            at = _scan_head(text, at, found)
        else:
            base = found.heads[-1].path if found.heads else ()
            at = _scan_pair(text, at, base, found, inline=False)
        at = _skip(text, at)
    return found


def line_end(text: str, at: int) -> int:
    """Behind the end of the line that holds a place."""
    end = text.find("\n", at)
    return len(text) if end < 0 else end + 1


def line_start(text: str, at: int) -> int:
    """The beginning of the line that holds a place; a byte-order mark belongs to no line."""
    start = text.rfind("\n", 0, at) + 1
    return start + 1 if start == 0 and text.startswith("\ufeff") else start


def _skip(text: str, at: int) -> int:
    return _end(_BETWEEN, text, at)


def _end(pattern: re.Pattern[str], text: str, at: int) -> int:
    found = pattern.match(text, at)
    if found is None:
        msg = f"the text is no TOML at character {at}"
        raise ValueError(msg)
    return found.end()


def _scan_head(text: str, at: int, found: Syntax) -> int:
    array = text.startswith("[[", at)
    parts, end = _scan_key(text, at + 1 + array)
    end += 1 + array
    found.heads.append(Head(tuple(part.name for part in parts), parts, at, end, array))
    return end


def _scan_pair(text: str, at: int, base: Path, found: Syntax, *, inline: bool) -> int:
    parts, end = _scan_key(text, at)
    start = _end(_BLANK, text, end + 1)  # behind the `=`
    path = (*base, *(part.name for part in parts))
    place = len(found.pairs)
    end = _scan_value(text, start, path, found)
    found.pairs.insert(place, Pair(path, parts, start, end, len(found.heads) - 1, inline))
    return end


def _scan_key(text: str, at: int) -> tuple[tuple[Part, ...], int]:
    """The parts of a key, and where what follows it begins."""
    parts = []
    while True:
        start = _end(_BLANK, text, at)
        quoted = text[start] in "\"'"
        end = _end(_STRINGS[2 if text[start] == '"' else 3][1] if quoted else _BARE, text, start)
        written = text[start:end]
        parts.append(Part(tomli.loads(f"k={written}")["k"] if quoted else written, start, end))
        at = _end(_BLANK, text, end)
        if text[at] != ".":
            return tuple(parts), at
        at += 1


def _scan_value(text: str, at: int, path: Path, found: Syntax) -> int:
    """Where a value ends; the pairs of an inline table are found on the way."""
    string = _string_end(text, at)
    if string is not None:
        return string
    if text[at] == "[":
        return _array_end(text, at)
    if text[at] != "{":
        end = _end(_SCALAR, text, at)
        return at + len(text[at:end].rstrip())
    at = _skip(text, at + 1)
    while text[at] != "}":
        at = _skip(text, _scan_pair(text, at, path, found, inline=True))
    return at + 1


def _string_end(text: str, at: int) -> int | None:
    for quotes, pattern in _STRINGS:
        if text.startswith(quotes, at):
            return _end(pattern, text, at)
    return None


def _array_end(text: str, at: int) -> int:
    depth = 0
    while True:
        string = _string_end(text, at)
        if string is not None:
            at = string
        elif text[at] in "[]":
            depth += 1 if text[at] == "[" else -1
            at += 1
            if not depth:
                return at
        else:
            at = _end(_IN_ARRAY, text, at)
