"""Reading order: from pieces of text and where they stand on a page to the text as a person reads it.

A PDF holds its text in the order in which a program drew it. Here it is put in order by position: line by line from
the top, and where lines leave a gutter free between them, column by column or row by row. Both a page set in columns
and a table have gutters; the order of drawing tells them apart, and where it does not, `_columns` looks closer.
"""

from __future__ import annotations

from itertools import pairwise
from statistics import median
from typing import TYPE_CHECKING

from attrs import evolve, frozen

from pipelex_backend_internal._columns import are_columns
from pipelex_backend_internal._fragments import GUTTER, Paper, joined, mostly_leftwards, rows_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pipelex_backend_internal._fragments import Fragment


def page_text(fragments: Sequence[Fragment], paper: Paper) -> str:
    """The text of a page: a line feed between two lines, a blank line where the page leaves room or a column begins."""
    mirrored = mostly_leftwards(fragments)
    if mirrored:  # columns and cells begin at the right: in a mirror, they begin at the left
        fragments = [evolve(fragment, left=-fragment.right, right=-fragment.left) for fragment in fragments]
        shapes = paper.shapes
        paper = Paper(-paper.right, -paper.left, lambda: [(-box[2], box[1], -box[0], box[3]) for box in shapes()])
    text = ""
    before: Fragment | None = None
    for line in _Region(paper, mirrored).lines(fragments):
        if before is not None:
            room = before.bottom - line.top
            text += "\n\n" if room > 0.9 * line.height or line.bottom >= before.top else "\n"
        text += line.text
        before = line
    return text


@frozen
class _Region:
    """A part of a page; `lines` splits it at its gutters until there is none."""

    paper: Paper
    mirrored: bool

    def lines(self, fragments: Sequence[Fragment]) -> list[Fragment]:
        """The lines, each put together, in reading order."""
        if not fragments:
            return []
        width = GUTTER * median(fragment.height for fragment in fragments)
        lines: list[Fragment] = []
        for band in _bands(rows_of(fragments), width):
            members = [fragment for row in band for fragment in row]
            columns = _columns(members, width)
            if len(columns) == 1 or len(band) == 1:
                lines += [joined(row, mirrored=self.mirrored) for row in band]
                continue
            _, edge = max((after[0] - before[1], before[1]) for before, after in pairwise(columns))
            left = [fragment for fragment in members if fragment.right <= edge]
            lines += self._across(left, [fragment for fragment in members if fragment.right > edge])
        return lines

    def _across(self, left: list[Fragment], right: list[Fragment]) -> list[Fragment]:
        """The lines on both sides of a gutter: two columns, or the cells of rows, as they were drawn."""
        if min(f.bottom for f in right) >= max(f.top for f in left):
            return [*self.lines(right), *self.lines(left)]
        cells = _cells(left, right)
        is_form = any(fragment.is_field for fragment in (*left, *right))
        if cells is None or (
            not is_form and all(_is_line(*cell) for cell in cells) and are_columns(left, right, self.paper)
        ):
            return [*self.lines(left), *self.lines(right)]
        lines: list[Fragment] = []
        for cell in cells:
            lines += self._side_by_side(*map(self.lines, cell))
        return lines

    def _side_by_side(self, left: list[Fragment], right: list[Fragment]) -> list[Fragment]:
        """The lines of two cells: one after the other, but a single line is put beside its neighbour."""
        if len(left) != 1 and len(right) != 1:
            return [*left, *right]
        single, others = (left[0], right) if len(left) == 1 else (right[0], left)
        for index, line in enumerate(others):
            row = rows_of([single, line])
            if len(row) == 1:
                return [*others[:index], joined(row[0], mirrored=self.mirrored), *others[index + 1 :]]
        return sorted([single, *others], key=lambda line: -line.top)


def _bands(rows: list[list[Fragment]], width: float) -> list[list[list[Fragment]]]:
    """Rows in groups, from the top: a new group begins where a row closes, or opens, a gutter of that width."""
    bands: list[list[list[Fragment]]] = []
    columns: list[tuple[float, float]] = []
    for row in rows:
        own = _columns(row, width)
        together = _merged([*columns, *own], width)
        if bands and (len(together) > 1 or len(columns) == len(own) == 1):
            bands[-1].append(row)
            columns = together
        else:
            bands.append([row])
            columns = own
    return bands


def _columns(fragments: Sequence[Fragment], width: float) -> list[tuple[float, float]]:
    """The left and right edges of what is between gutters of that width, from the left."""
    return _merged([(fragment.left, fragment.right) for fragment in fragments], width)


def _merged(intervals: list[tuple[float, float]], width: float) -> list[tuple[float, float]]:
    """Intervals, those put together that are less than a gutter apart."""
    merged: list[tuple[float, float]] = []
    for left, right in sorted(intervals):
        if merged and left - merged[-1][1] < width:
            merged[-1] = (merged[-1][0], max(right, merged[-1][1]))
        else:
            merged.append((left, right))
    return merged


def _cells(left: list[Fragment], right: list[Fragment]) -> list[tuple[list[Fragment], list[Fragment]]] | None:
    """What was drawn before the pen went back to the left, pair by pair; None where a pair is not below the last."""
    cells: list[tuple[list[Fragment], list[Fragment]]] = []
    on_left = set(left)
    last = 1
    for fragment in _as_drawn([*left, *right]):
        side = 0 if fragment in on_left else 1
        if not cells or side < last:
            cells.append(([], []))
        cells[-1][side].append(fragment)
        last = side
    for (one, other), (next_one, next_other) in pairwise(cells):
        height = max(f.top for f in (*next_one, *next_other))
        if height > min(f.bottom for f in (*one, *other)) + 0.5 * next_one[0].height:
            return None
    return cells


def _as_drawn(fragments: list[Fragment]) -> list[Fragment]:
    """Fragments in the order of drawing; a row that was drawn at one go, from the left."""
    drawn = sorted(fragments, key=lambda fragment: fragment.order)
    place = {fragment: index for index, fragment in enumerate(drawn)}
    for row in rows_of(fragments):
        first = min(place[fragment] for fragment in row)
        if max(place[fragment] for fragment in row) - first == len(row) - 1:
            drawn[first : first + len(row)] = row
    return drawn


def _is_line(left: list[Fragment], right: list[Fragment]) -> bool:
    return len(rows_of([*left, *right])) == 1
