"""Two texts side by side that were drawn line by line in turn: columns to read one after the other, or a table?"""

from __future__ import annotations

from statistics import median
from typing import TYPE_CHECKING

from pipelex_backend_internal._fragments import rows_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pipelex_backend_internal._fragments import Fragment, Paper

FEWEST_LINES = 3

PROSE = 16
"""Letters in a line, by the median, from which it is one of running text."""

WORDS = 6
"""Letters in a line, by the median, that are enough where the columns halve the page."""

Rows = list[list["Fragment"]]


def are_columns(left: Sequence[Fragment], right: Sequence[Fragment], paper: Paper) -> bool:
    """Whether the texts on both sides of a gutter are columns, by the look of them.

    Columns have lines of running text, or halve the page and hold words rather than figures; a table may have both,
    but has rules or shades between its rows as well.
    """
    left_rows, right_rows = rows_of(left), rows_of(right)
    if min(len(left_rows), len(right_rows)) < FEWEST_LINES:
        return False
    letters = min(_letters(left_rows), _letters(right_rows))
    if letters < PROSE and (letters < WORDS or not _halve_the_page(left_rows, right_rows, paper)):
        return False
    return not _is_ruled([*left, *right], paper)


def _letters(rows: Rows) -> float:
    return median(sum(character.isalpha() for fragment in row for character in fragment.text) for row in rows)


def _halve_the_page(left: Rows, right: Rows, paper: Paper) -> bool:
    """Whether both keep a left edge, one near the page's edge and the other just behind its middle."""
    width = paper.right - paper.left
    starts = []
    for rows in (left, right):
        edge = median(row[0].left for row in rows)
        if sum(abs(row[0].left - edge) < rows[0][0].height for row in rows) < 0.8 * len(rows):
            return False
        starts.append((edge - paper.left) / width)
    return starts[0] < 0.25 and 0.48 < starts[1] < 0.62


def _is_ruled(fragments: Sequence[Fragment], paper: Paper) -> bool:
    """Whether edges of drawn shapes run along most of the text's width, at two heights or more within the text."""
    left, right = min(f.left for f in fragments), max(f.right for f in fragments)
    highest = max(f.bottom for f in fragments)
    lowest = min(f.top for f in fragments)
    lengths: dict[int, float] = {}
    for shape in paper.shapes():
        length = min(shape[2], right) - max(shape[0], left)
        for height in {round(shape[1]), round(shape[3])}:
            if length > 0 and lowest - 3 < height < highest + 3:
                lengths[height] = lengths.get(height, 0) + length
    return sum(length > 0.6 * (right - left) for length in lengths.values()) >= 2
