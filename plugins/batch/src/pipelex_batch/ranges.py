"""Numbers as ranges: fifty thousand rows of a batch in a few bytes."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator


def as_ranges(numbers: Iterable[int]) -> list[list[int]]:
    """Write ascending numbers as `[first, last]` pairs."""
    ranges: list[list[int]] = []
    for number in numbers:
        if ranges and ranges[-1][1] == number - 1:
            ranges[-1][1] = number
        else:
            ranges.append([number, number])
    return ranges


def numbers_in(ranges: Iterable[Iterable[int]]) -> Iterator[int]:
    """The numbers, in order."""
    for first, last in ranges:
        yield from range(first, last + 1)
