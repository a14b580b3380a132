"""A TOML document: the bytes of a file decoded and parsed, once."""

from __future__ import annotations

import re
from functools import cached_property
from typing import TYPE_CHECKING, Any

import tomli
from attrs import frozen

from pipelex_core.toml.places import Places
from pipelex_core.toml.tokens import DEEPEST, first_too_deep

if TYPE_CHECKING:
    from collections.abc import Callable

LARGEST = 16_000_000
"""Bytes of a file that are read at most."""

_SIGNS_OF_DEPTH = (b"[[", b"[{", b"{[", b"{{", b"." * 12)
"""A list or table directly in another one, and a key of many parts: text without either is at most some 30 levels deep."""
_OTHERS = bytes({*range(256)} - {*b"[]{}.\n"})

_COMMENT = re.compile(r"\n[ \t]*+#[\t -~\x80-\U0010ffff]*+(?=[\r\n])")
_BOM = b"\xef\xbb\xbf"


class TomlError(ValueError):
    """A document that cannot be read.

    Attributes:
        code: `bad-encoding` or `bad-toml`.
        message: What is wrong, as it follows the name of the file.
        line: Where, from 1; None where the whole of it is at fault.
        column: The column, from 1, or None.
        expected: What would have been right, or None.
    """

    def __init__(
        self,
        message: str,
        place: tuple[int | None, int | None] = (None, None),
        *,
        code: str = "bad-toml",
        expected: str | None = None,
    ) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.line, self.column = place
        self.expected = expected


@frozen(eq=False, repr=False, slots=False)
class TomlDocument:
    """A sound document.

    Attributes:
        text: All of it, its byte-order mark and line ends included.
        tables: What it says.
    """

    text: str
    tables: dict[str, Any]

    @cached_property
    def places(self) -> Places:
        """Where its keys and values are."""
        return Places(self.text)

    @property
    def variables(self) -> int:
        """How many `${` are in it; where there are none, no value has to be searched for one."""
        return self.text.count("${")


def parse(content: bytes, *, parse_float: Callable[[str], Any] = float) -> TomlDocument:
    """Read a document; a byte-order mark and any line ends are accepted.

    Args:
        content: The bytes of a file, in UTF-8.
        parse_float: Makes a number of a float's text; `Decimal` where it must stay exact.

    Raises:
        TomlError: It is not UTF-8, not TOML, too large, or nested too deeply.
    """
    if len(content) > LARGEST:
        raise TomlError(f"is larger than {LARGEST // 1_000_000} MB")
    try:
        text = content.decode()
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        before = content[content.rfind(b"\n", 0, error.start) + 1 : error.start]
        column = len(before.removeprefix(_BOM).decode("utf-8", "replace")) + 1
        raise TomlError(
            f"is not UTF-8: byte 0x{content[error.start]:02x}",
            (line, column),
            code="bad-encoding",
            expected="text in UTF-8",
        ) from error
    parsed = _without_comments(text)
    may_be_deep = _may_be_deep(parsed)
    if may_be_deep:
        _refuse_long_keys(text)
    try:
        tables = tomli.loads(parsed.removeprefix("\ufeff"), parse_float=parse_float)
    except tomli.TOMLDecodeError as error:
        raise TomlError(
            f"is not TOML: {error.msg[:1].lower()}{error.msg[1:]}", (error.lineno, error.colno), code="bad-toml"
        ) from error
    except (RecursionError, MemoryError) as error:
        _refuse_too_deep(text)
        raise TomlError("is too large, or nested too deeply", (1, 1)) from error
    except (ValueError, ArithmeticError) as error:  # thousands of digits, or an exponent out of every range
        raise TomlError("has a number that is too long") from error
    document = TomlDocument(text, tables)
    path = _too_deep(tables) if may_be_deep else None
    if path is not None:
        raise _nested_too_deeply(document.places.find(path) or (1, 1))
    return document


def _without_comments(text: str) -> str:
    """The text, lines that are a comment alone made empty: a parser looks at every character of a comment."""
    if '"""' in text or "'''" in text:  # such a line may be in a string
        return text
    return _COMMENT.sub("\n", text)


def _may_be_deep(text: str) -> bool:
    """Whether there is a sign of depth, seen from the brackets alone, and from the dots of each line."""
    marks = text.encode().translate(None, _OTHERS)
    brackets = marks.translate(None, b".\n")
    dots = marks.translate(None, b"[]{}")
    return any(sign in brackets or sign in dots for sign in _SIGNS_OF_DEPTH)


def _refuse_long_keys(text: str) -> None:
    """Refuse keys with too many parts before they are parsed.

    A parser takes time and memory in proportion to the square of the number of a key's parts.
    """
    if any(line.count(".") >= DEEPEST for line in text.split("\n")):
        _refuse_too_deep(text)


def _refuse_too_deep(text: str) -> None:
    at = first_too_deep(text)
    if at is not None:
        raise _nested_too_deeply(Places(text).place(at))


def _nested_too_deeply(place: tuple[int, int]) -> TomlError:
    message = "has tables, lists or dotted keys that are nested too deeply"
    return TomlError(message, place, expected=f"{DEEPEST} levels at most")


def _too_deep(tables: dict[str, Any]) -> tuple[str, ...] | None:
    """The path of a table or list that is deeper than `DEEPEST` inside others, or None."""
    level: list[Any] = [tables]
    for _ in range(DEEPEST):
        level = [
            item
            for outer in level
            for item in (outer.values() if outer.__class__ is dict else outer)
            if item.__class__ is dict or item.__class__ is list
        ]
        if not level:
            return None
    waiting: list[tuple[tuple[str, ...], Any]] = [((), tables)]
    while len(waiting[-1][0]) <= DEEPEST:
        path, outer = waiting.pop()
        items = outer.items() if isinstance(outer, dict) else enumerate(outer)
        waiting += [((*path, str(key)), item) for key, item in items if isinstance(item, (dict, list))]
    return waiting[-1][0]
