"""The tokens of TOML 1.1: where a key, a value, or what separates them ends.

https://toml.io/en/v1.1.0 has the grammar.
Every function takes a text and a place in it, never recurses, and takes time in proportion to what it passes over.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import tomli
from attrs import frozen

if TYPE_CHECKING:
    from collections.abc import Iterator

DEEPEST = 50
"""How many tables and lists may be inside each other, and how many parts a dotted key may have."""

_STRING = (
    r'"""(?:[^"\\]++|\\[\s\S]|"{1,2}(?!"))*+"{3,5}'
    r"|'''(?:[^']++|'{1,2}(?!'))*+'{3,5}"
    r'|"(?:[^"\\\n]++|\\.)*+"'
    r"|'[^'\n]*+'"
)
_BLANK = re.compile(r"[ \t]*+")
_BETWEEN = re.compile(r"(?:[ \t\r\n,]++|#[^\n]*+)*+")
_BARE = re.compile(r"[^\s.=\]\"'#,{}\[]++")
_QUOTED = re.compile(r'"(?:[^"\\\n]++|\\.)*+"|\'[^\'\n]*+\'')
_SCALAR = re.compile(r"[^,\]}#\r\n]++")
_TOKEN = re.compile(rf"(?P<text>{_STRING}|#[^\n]*+)|(?P<open>[\[{{])|(?P<close>[\]}}])|[^\"'#\[\]{{}}]++")
_SEPARATOR = re.compile(rf"(?P<text>{_STRING}|#[^\n]*+)|(?P<dot>\.)|(?P<open>[\[{{])|(?P<close>[\]}}])|(?P<end>[=,\n])")


@frozen
class Part:
    """One part of a dotted key: its name, and where it is written."""

    name: str
    start: int
    end: int


def skip_blank(text: str, at: int) -> int:
    """Behind spaces and tabs."""
    return _end(_BLANK, text, at)


def skip_between(text: str, at: int) -> int:
    """Behind everything that separates statements and items: blanks, line ends, commas, comments."""
    return _end(_BETWEEN, text, at)


def read_key(text: str, at: int) -> tuple[tuple[Part, ...], int]:
    """The parts of a key, and where what follows it begins."""
    parts: list[Part] = []
    while True:
        start = skip_blank(text, at)
        quoted = text[start : start + 1] in {'"', "'"}
        end = _end(_QUOTED if quoted else _BARE, text, start)
        written = text[start:end]
        if quoted:
            name = tomli.loads(f"k={written}")["k"] if "\\" in written and written[0] == '"' else written[1:-1]
        else:
            name = written
        parts.append(Part(name, start, end))
        at = skip_blank(text, end)
        if text[at : at + 1] != ".":
            return tuple(parts), at
        at += 1


def value_end(text: str, at: int) -> int:
    """Where a value ends that begins at a place."""
    if text[at : at + 1] in {'"', "'"}:
        return _end(_TOKEN, text, at)
    if text[at : at + 1] not in {"[", "{"}:
        end = _end(_SCALAR, text, at)
        return at + len(text[at:end].rstrip())
    depth = 0
    while True:
        token = _TOKEN.match(text, at)
        if token is None:
            raise _unsound(at)
        at = token.end()
        depth += (token.lastgroup == "open") - (token.lastgroup == "close")
        if not depth:
            return at


def children(text: str, at: int) -> Iterator[tuple[tuple[Part, ...], int, int]]:
    """What is directly inside the inline table or list that begins at a place: its key, and where its value is.

    An item of a list has no key.
    """
    keyed = text[at : at + 1] == "{"
    at = skip_between(text, at + 1)
    while text[at : at + 1] not in {"]", "}"}:
        parts: tuple[Part, ...] = ()
        if keyed:
            parts, at = read_key(text, at)
            at = skip_blank(text, at + 1)  # behind the `=`
        end = value_end(text, at)
        yield parts, at, end
        at = skip_between(text, end)


def first_too_deep(text: str) -> int | None:
    """Where a text, sound or not, first nests lists and tables, or parts of a key, deeper than `DEEPEST`."""
    depth = dots = 0
    for token in _SEPARATOR.finditer(text):
        kind = token.lastgroup
        if kind == "dot":
            dots += 1
        elif kind != "text":
            dots = 0
            depth += (kind == "open") - (kind == "close")
        if depth > DEEPEST or dots >= DEEPEST:
            return token.start()
    return None


def _end(pattern: re.Pattern[str], text: str, at: int) -> int:
    found = pattern.match(text, at)
    if found is None:
        raise _unsound(at)
    return found.end()


def _unsound(at: int) -> ValueError:
    return ValueError(f"the text is not TOML at character {at}")
