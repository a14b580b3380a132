"""A JSON document as far as it has come: what a model has written of an object, while it writes it."""

from __future__ import annotations

import json
import re
from typing import Any

_MARK = re.compile(r'["{}\[\],:]')
_IN_STRING = re.compile(r'["\\]')
_HANGING = re.compile(
    r"(?<!\\)(?:\\\\)*(\\(?:u(?:[0-9a-fA-F]{0,3}|[dD][89abAB][0-9a-fA-F]{2}(?:\\(?:u[0-9a-fA-F]{0,3})?)?))?)\Z"
)
_TAIL = 64
"""Characters in which the beginning of an escape, that is not whole, is looked for."""

_SHARE = 32
"""A part of what is there by which it has to grow before it is read again: a long document is read a bounded number of times."""

NOTHING: Any = object()
"""No value is there yet, or none that differs from the last one."""


class PartialJson:
    """An object, closed wherever its text has been cut: unfinished strings as they are, unfinished keys, numbers and words left out.

    What comes before its first brace, such as a fence, is passed over, and so is what comes after its last one. Text that is
    not JSON gives no value.
    """

    def __init__(self) -> None:
        self._pieces: list[str] = []
        self._length = 0
        self._closers = ""
        self._in_string = self._is_key = self._expects_key = self._is_escaped = self._has_ended = False
        self._cut = (0, "")
        self._read_at = 0
        self._last = NOTHING

    def feed(self, piece: str) -> Any:
        """Take a piece of the text; the object as it is now, or `NOTHING`."""
        if not self._pieces:
            start = piece.find("{")
            piece = piece[start:] if start >= 0 else ""
        if self._has_ended or not piece:
            return NOTHING
        self._pieces.append(piece)
        self._scan(piece)
        self._length += len(piece)
        if self._closers and self._length - self._read_at < self._length // _SHARE:
            return NOTHING
        self._read_at = self._length
        value = self._value()
        if value is NOTHING or value == self._last:
            return NOTHING
        self._last = value
        return value

    def _scan(self, piece: str) -> None:
        """Find where the document could be cut, and what would close it there."""
        at = 0
        while at < len(piece) and not self._has_ended:
            if self._is_escaped:
                self._is_escaped, at = False, at + 1
                continue
            found = (_IN_STRING if self._in_string else _MARK).search(piece, at)
            if found is None:
                return
            at = found.end()
            self._take(found[0], self._length + at)

    def _take(self, mark: str, end: int) -> None:
        """Take a mark, which ends there."""
        if self._in_string:
            self._is_escaped = mark == "\\"
            self._in_string = self._is_escaped
            if not self._in_string and not self._is_key:
                self._cut = (end, self._closers)
        elif mark == '"':
            self._in_string, self._is_key = True, self._expects_key
        elif mark in "{[":
            self._closers = ("}" if mark == "{" else "]") + self._closers
            self._expects_key = mark == "{"
            self._cut = (end, self._closers)
        elif mark in "}]":
            self._closers = self._closers[1:]
            self._cut = (end, self._closers)
            self._has_ended = not self._closers
        elif mark == ",":
            self._cut = (end - 1, self._closers)
            self._expects_key = self._closers.startswith("}")
        else:
            self._expects_key = False

    def _value(self) -> Any:
        text = "".join(self._pieces)
        self._pieces = [text]
        if self._in_string and not self._is_key:
            hanging = _HANGING.search(text[-_TAIL:])
            text = f'{text[: len(text) - (len(hanging[1]) if hanging else 0)]}"{self._closers}'
        else:
            end, closers = self._cut
            text = text[:end] + closers
        try:
            return json.loads(text)
        except (ValueError, RecursionError):
            return NOTHING
