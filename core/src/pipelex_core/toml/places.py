"""Line and column of any key or value of a text, inside inline tables and lists too.

Headers and pairs are indexed with the first question, the inside of a value when something in it is looked for.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from functools import cached_property

from attrs import define, field

from pipelex_core.toml.scanner import Head, Path, statements
from pipelex_core.toml.tokens import Part, children

Spot = tuple[int, int]
"""Where a key begins, and where its value does."""


@define(eq=False)
class _Table:
    """The pairs under one header, or of one inline table, or the items of a list."""

    start: int
    pairs: dict[Path, Spot] = field(factory=dict)
    beginnings: dict[Path, Spot] = field(factory=dict)

    def add(self, parts: tuple[Part, ...], value: int) -> None:
        """Note a pair; the beginnings of a dotted key are tables, which begin where it does."""
        names = tuple(part.name for part in parts)
        key = parts[0].start
        self.pairs.setdefault(names, (key, value))
        for length in range(1, len(names)):
            self.beginnings.setdefault(names[:length], (key, key))


class Places:
    """The places of a sound text.

    Args:
        text: The text, with its line ends, and its byte-order mark where it has one.
    """

    def __init__(self, text: str) -> None:
        self._text = text
        self._inner: dict[int, _Table] = {}

    def find(self, path: Path, *, value: bool = False) -> tuple[int, int] | None:
        """Line and column, both from 1, of a key or its value; where it is not written, of the nearest table around it.

        Items of lists have their number in the path. Where the whole text is not TOML, nothing is found.

        Args:
            path: The tables, and the key.
            value: Whether the value is looked for, not its key; a table with a header is where the header is.
        """
        try:
            for length in range(len(path), 0, -1):
                spot = self._spot(path[:length])
                if spot is not None:
                    return self.place(spot[value and length == len(path)])
        except ValueError:
            return None
        return None

    def place(self, at: int) -> tuple[int, int]:
        """Line and column of a character; a byte-order mark takes no column."""
        line = bisect_right(self._lines, at)
        start = self._lines[line - 1]
        mark = line == 1 and self._text.startswith("\ufeff")
        return line, at - start + 1 - mark

    def _spot(self, path: Path) -> Spot | None:
        tables, headers = self._index
        for split in range(len(path), -1, -1):
            for table in tables.get(path[:split], ()):
                if split == len(path):
                    return table.start, table.start
                spot = self._within(table, path[split:])
                if spot is not None:
                    return spot
        return headers.get(path)

    def _within(self, table: _Table, path: Path) -> Spot | None:
        """A path inside one table, through inline tables and lists."""
        while True:
            spot = table.pairs.get(path)
            if spot is not None:
                return spot
            for length in range(len(path) - 1, 0, -1):
                outer = table.pairs.get(path[:length])
                if outer is not None and self._text[outer[1]] in "[{":
                    table, path = self._inside(outer[1]), path[length:]
                    break
            else:
                return table.beginnings.get(path)

    def _inside(self, at: int) -> _Table:
        """What is directly inside the inline table or list at a place."""
        table = self._inner.get(at)
        if table is None:
            table = self._inner[at] = _Table(at)
            for number, (parts, start, _) in enumerate(children(self._text, at)):
                if parts:
                    table.add(parts, start)
                else:
                    table.pairs[str(number),] = (start, start)
        return table

    @cached_property
    def _lines(self) -> list[int]:
        """Where each line begins."""
        return [0, *(found.end() for found in re.finditer("\n", self._text))]

    @cached_property
    def _index(self) -> tuple[dict[Path, list[_Table]], dict[Path, Spot]]:
        """The tables by the path in their header, and the first header that leads into a table without one.

        A table of `[[an array]]` has two paths: with its number, and without.
        """
        root = _Table(0)
        tables: dict[Path, list[_Table]] = {}
        headers: dict[Path, Spot] = {}
        counts: dict[Path, int] = {}
        current = root
        for statement in statements(self._text):
            if isinstance(statement, Head):
                current = _Table(statement.parts[0].start)
                numbered = _numbered(statement, counts)
                for path in {statement.path, numbered}:
                    tables.setdefault(path, []).append(current)
                    for length in range(1, len(path) + 1):
                        headers.setdefault(path[:length], (current.start, current.start))
            else:
                current.add(statement.parts, statement.start)
        tables[()] = [root]
        return tables, headers


def _numbered(head: Head, counts: dict[Path, int]) -> Path:
    """A header's path with the number of each table of an array in it."""
    path: Path = ()
    for number, name in enumerate(head.path):
        path = (*path, name)
        last = number == len(head.path) - 1
        if last and head.array:
            counts[path] = counts.get(path, -1) + 1
        if path in counts:
            path = (*path, str(counts[path]))
    return path
