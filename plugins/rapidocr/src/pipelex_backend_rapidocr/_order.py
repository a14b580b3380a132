"""Lines of a page, found anywhere, in the order in which people read them."""

from __future__ import annotations

from statistics import median
from typing import TYPE_CHECKING

from attrs import frozen

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

GUTTER = 1.5
"""Heights of a line from which a gap that runs down the page parts two columns."""

GAP = 0.1
"""Heights of a line from which a gap that runs across the page parts what is above from what is below."""

RUNNING = 12
"""Characters of a line from which it is running text, and not the cell of a table."""

DEEPEST = 50
"""Cuts within cuts; a page of more is put in order by rows from there on."""


@frozen(kw_only=True)
class Line:
    """A line of text and its place, in pixels from the upper left corner."""

    left: float
    top: float
    right: float
    bottom: float
    text: str

    @property
    def width(self) -> float:
        """In pixels."""
        return self.right - self.left

    @property
    def height(self) -> float:
        """In pixels."""
        return self.bottom - self.top

    @property
    def middle(self) -> float:
        """Half-way down."""
        return (self.top + self.bottom) / 2


def text_in_order(lines: Sequence[Line]) -> str:
    """The text, a line each; what is side by side in one row is parted by two spaces."""
    return "\n".join("  ".join(line.text.strip() for line in row) for row in _rows_in_order(list(lines), 0))


def _rows_in_order(lines: list[Line], depth: int) -> list[list[Line]]:
    """Cut at the widest gap, columns before rows, and the same with both parts: a recursive XY cut.

    Across a page any gap will do; down a page it has to part columns, not the cells of a table.
    """
    if len(lines) < 2 or depth > DEEPEST:
        return _rows(lines)
    height = median(line.height for line in lines)
    for is_column, least in ((True, GUTTER), (False, GAP)):
        parts = _cut(lines, is_column, least * height)
        if parts and (not is_column or _are_columns(*parts)):
            before, after = parts
            return _rows_in_order(before, depth + 1) + _rows_in_order(after, depth + 1)
    return _rows(lines)


def _are_columns(left: list[Line], right: list[Line]) -> bool:
    """Whether two parts side by side are read one after the other, and not row by row as a table is.

    They have two rows each, or more; and both run on, in lines of several words, or their rows do not face each other.
    """
    rows = [_rows(part) for part in (left, right)]
    fewer, more = sorted(rows, key=len)
    if len(fewer) < 2:
        return False
    if all(median(len(line.text) for line in part) >= RUNNING for part in (left, right)):
        return True
    facing = sum(any(_is_beside(row[0], other[0]) for other in more) for row in fewer)
    return facing * 2 < len(fewer)


def _is_beside(one: Line, other: Line) -> bool:
    return abs(one.middle - other.middle) < min(one.height, other.height) / 2


def _cut(lines: list[Line], is_column: bool, least: float) -> tuple[list[Line], list[Line]] | None:
    """The lines before and after the widest gap, where it has as many pixels."""

    def span(line: Line) -> tuple[float, float]:
        return (line.left, line.right) if is_column else (line.top, line.bottom)

    ordered = sorted(lines, key=lambda line: span(line)[0])
    widest, at, end = least, 0, span(ordered[0])[1]
    for number, line in enumerate(ordered[1:], 1):
        begin, own_end = span(line)
        if begin - end > widest:
            widest, at = begin - end, number
        end = max(end, own_end)
    return (ordered[:at], ordered[at:]) if at else None


def _rows(lines: Iterable[Line]) -> list[list[Line]]:
    """Lines beside each other in one row, rows from the top."""
    rows: list[list[Line]] = []
    for line in sorted(lines, key=lambda line: line.middle):
        if rows and _is_beside(line, rows[-1][0]):
            rows[-1].append(line)
        else:
            rows.append([line])
    return [sorted(row, key=lambda line: line.left) for row in rows]
