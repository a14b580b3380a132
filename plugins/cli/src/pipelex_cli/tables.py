"""Tables that fit a terminal: one line a row, columns cut or left out, reasons in notes below.

Where there is no terminal nothing is cut, and reasons stand in the row, so that `grep` finds them.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from attrs import evolve, frozen

from pipelex_cli.terminal import folded, near_path, plain

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

_GAP = "  "
_BREAKS = re.compile(r"(?<=\w)[-_](?=\w)")
"""Where a name may go on in the next line."""


@frozen
class Column:
    """One column.

    Attributes:
        heading: Its heading.
        least: Columns of the screen below which it is rather left out than cut further.
        rank: The column with the highest is left out first; those of 0 stay.
        from_end: Whether the beginning is cut, as of a path, and not the end.
    """

    heading: str
    least: int = 8
    rank: int = 0
    from_end: bool = False


def table_lines(
    columns: Sequence[Column], rows: Sequence[Sequence[str]], *, width: int | None, notes: str | None = None
) -> tuple[list[str], list[str]]:
    """The lines of a table, and the headings of the columns that were left out.

    Args:
        columns: What the columns are.
        rows: The cells of each row, one a column.
        width: Columns of the terminal; None for no limit.
        notes: The heading of a column whose texts are printed below the table, each once, where there is a limit.
    """
    cells = [[plain(near_path(cell)) for cell in row] for row in rows]
    if width is None:
        return _drawn(columns, cells, _natural(columns, cells)), []
    reported: list[str] = []
    number = next((place for place, column in enumerate(columns) if column.heading == notes), None)
    if number is not None:
        texts = dict.fromkeys(row[number] for row in cells if row[number])
        marks = {text: f"[{place}]" for place, text in enumerate(texts, start=1)}
        cells = [[*row[:number], marks.get(row[number], ""), *row[number + 1 :]] for row in cells]
        widest = max(map(len, marks.values()), default=1)
        columns = [
            evolve(column, heading="", least=widest) if column.heading == notes else column for column in columns
        ]
        reported = [line for text, mark in marks.items() for line in folded(f"{mark} {text}", width, len(mark) + 1)]
    left_out: list[str] = []
    while not (widths := _fitted(columns, cells, width)):
        worst = max(range(len(columns)), key=lambda place: columns[place].rank)
        left_out.append(columns[worst].heading)
        columns = [column for place, column in enumerate(columns) if place != worst]
        cells = [[cell for place, cell in enumerate(row) if place != worst] for row in cells]
    return [*_drawn(columns, cells, widths), *([""] if reported else []), *reported], left_out


def wrapped_lines(headings: Sequence[str], rows: Sequence[Sequence[str]], *, width: int | None) -> list[str]:
    """The lines of a table whose cells go on in further lines, broken between words where there are any.

    Args:
        headings: Of the columns.
        rows: The cells of each row, one a column; those of a column that is empty in all rows are left out.
        width: Columns of the terminal; None for no limit.
    """
    cells = [[plain(near_path(cell)) for cell in row] for row in rows]
    used = [place for place in range(len(headings)) if not place or any(row[place] for row in cells)]
    columns = [Column(headings[place], rank=0) for place in used]
    cells = [[row[place] for place in used] for row in cells]
    widths = _natural(columns, cells)
    if width is None:
        return _drawn(columns, cells, widths)
    room = width - len(_GAP) * (len(columns) - 1)
    texts = [[column.heading, *(row[place] for row in cells)] for place, column in enumerate(columns)]
    for least in (_longest(texts, str.split), _longest(texts, _pieces), [1] * len(texts)):
        while sum(widths) > room:
            spare = [place for place in range(len(columns)) if widths[place] > least[place]]
            if not spare:
                break
            widths[max(spare, key=lambda place: widths[place])] -= 1
    lines: list[str] = []
    for row in [[column.heading for column in columns], *cells]:
        folded_cells = [_folded_cell(cell, size) for cell, size in zip(row, widths, strict=True)]
        for number in range(max(map(len, folded_cells))):
            parts = [cell[number] if number < len(cell) else "" for cell in folded_cells]
            lines.append(
                _GAP.join(_sized(part, size, from_end=False) for part, size in zip(parts, widths, strict=True)).rstrip()
            )
    return lines


def _pieces(text: str) -> list[str]:
    """The parts of a text that are not broken, as long as there is room for each."""
    return _BREAKS.sub(r"\g<0> ", text).split()


def _longest(texts: Sequence[Sequence[str]], parts_of: Callable[[str], list[str]]) -> list[int]:
    """The width of the widest part in each column."""
    from rich.cells import cell_len

    return [max((cell_len(part) for text in column for part in parts_of(text)), default=1) for column in texts]


def _folded_cell(text: str, width: int) -> list[str]:
    """A cell in lines: broken at blanks; where a word is wider than the column behind its hyphens; else anywhere."""
    from rich.cells import cell_len, chop_cells

    lines: list[str] = [""]
    for word in text.split():
        joined = f"{lines[-1]} {word}".lstrip()
        if cell_len(joined) <= width:
            lines[-1] = joined
            continue
        lines.append("")
        for piece in _pieces(word):
            if cell_len(lines[-1] + piece) <= width:
                lines[-1] += piece
            else:
                lines += chop_cells(piece, width)
    return [line for line in lines if line] or [""]


def _natural(columns: Sequence[Column], rows: Sequence[Sequence[str]]) -> list[int]:
    from rich.cells import cell_len

    return [
        max([cell_len(column.heading), *(cell_len(row[place]) for row in rows)]) for place, column in enumerate(columns)
    ]


def _fitted(columns: Sequence[Column], rows: Sequence[Sequence[str]], width: int) -> list[int]:
    """The width of each column; empty where they do not fit and one could be left out."""
    widths = _natural(columns, rows)
    room = width - len(_GAP) * (len(columns) - 1)
    can_leave = any(column.rank for column in columns)
    while sum(widths) > room:
        spare = [place for place in range(len(columns)) if widths[place] > (columns[place].least if can_leave else 1)]
        if not spare:
            return [] if can_leave else widths
        widths[max(spare, key=lambda place: widths[place])] -= 1
    return widths


def _drawn(columns: Sequence[Column], rows: Sequence[Sequence[str]], widths: Sequence[int]) -> list[str]:
    lines = []
    for row in [[column.heading for column in columns], *rows]:
        cells = [
            _sized(cell, width, from_end=column.from_end)
            for cell, width, column in zip(row, widths, columns, strict=True)
        ]
        lines.append(_GAP.join(cells).rstrip())
    return lines


def _sized(text: str, width: int, *, from_end: bool) -> str:
    """A text exactly so wide: filled with blanks, or cut with an ellipsis."""
    from rich.cells import cell_len, set_cell_size

    if cell_len(text) <= width:
        return text + " " * (width - cell_len(text))
    if not from_end:
        return set_cell_size(text, width - 1) + "…"
    while cell_len(text) > width - 1:
        text = text[1:]
    return "…" + " " * (width - 1 - cell_len(text)) + text
