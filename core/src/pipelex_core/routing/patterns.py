"""Patterns in which `*` stands for anything: whether a name fits one, and which of very many it fits first."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

_PIECE = 24
"""Most characters of a piece: a name is searched for pieces of each length that occurs."""
_Pieces = dict[int, dict[str, list[int]]]


def fits(pattern: str, name: str) -> bool:
    """Whether a name fits a pattern; one without a star fits itself alone."""
    return _fits(pattern.split("*"), name)


class PatternIndex:
    """Finds the patterns a name fits without trying every one.

    Exact names are looked up. Every other pattern waits under a piece of text that a name must have to fit: what it
    begins with, else what it ends with, else the longest text between its stars; only those whose piece a name has are
    tried.
    """

    def __init__(self, patterns: Sequence[str]) -> None:
        self._parts = [pattern.split("*") for pattern in patterns]
        self._exact: dict[str, list[int]] = {}
        self._by_head: _Pieces = {}
        self._by_tail: _Pieces = {}
        self._by_part: _Pieces = {}
        self._any: list[int] = []
        for number, parts in enumerate(self._parts):
            self._add(number, parts)

    def _add(self, number: int, parts: list[str]) -> None:
        if len(parts) == 1:
            self._exact.setdefault(parts[0], []).append(number)
        elif parts[0]:
            self._by_head.setdefault(len(parts[0]), {}).setdefault(parts[0], []).append(number)
        elif parts[-1]:
            self._by_tail.setdefault(len(parts[-1]), {}).setdefault(parts[-1], []).append(number)
        elif any(parts):
            piece = max(parts, key=len)[:_PIECE]
            self._by_part.setdefault(len(piece), {}).setdefault(piece, []).append(number)
        else:
            self._any.append(number)

    def find(self, name: str) -> Iterator[int]:
        """The numbers of the patterns a name fits: exact ones first, then the others in their order."""
        yield from self._exact.get(name, ())
        for number in sorted(self._candidates(name)):
            if _fits(self._parts[number], name):
                yield number

    def _candidates(self, name: str) -> list[int]:
        found = [*self._any]
        for length, pieces in self._by_head.items():
            if (head := name[:length]) in pieces:
                found += pieces[head]
        for length, pieces in self._by_tail.items():
            if length <= len(name) and (tail := name[-length:]) in pieces:
                found += pieces[tail]
        for length, pieces in self._by_part.items():
            for piece in {name[start : start + length] for start in range(len(name) - length + 1)}:
                found += pieces.get(piece, ())
        return found


def _fits(parts: list[str], name: str) -> bool:
    """Whether a name fits a pattern that was split at its stars; in time that grows with the name alone."""
    if len(parts) == 1:
        return parts[0] == name
    end = len(name) - len(parts[-1])
    if end < len(parts[0]) or not name.startswith(parts[0]) or not name.endswith(parts[-1]):
        return False
    position = len(parts[0])
    for part in parts[1:-1]:
        found = name.find(part, position, end)
        if found < 0:
            return False
        position = found + len(part)
    return True
