"""Pieces of text and where they stand, and the paper they stand on."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING, TypeAlias

from attrs import evolve, frozen

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

Box: TypeAlias = tuple[float, float, float, float]
"""Left, bottom, right and top; coordinates grow to the right and upwards."""

GUTTER = 0.9
"""From how many line heights on a gap separates more than words."""


@frozen(kw_only=True)
class Fragment:
    """A piece of text on one line without a wide gap in it.

    Attributes:
        text: The text, without spaces around it.
        left: Left edge.
        bottom: Lower edge of the line, descenders included.
        right: Right edge.
        top: Upper edge of the line.
        order: When it was drawn: its place in the PDF's own order.
        is_field: Whether it was filled into a field of a form.
    """

    text: str
    left: float
    bottom: float
    right: float
    top: float
    order: int
    is_field: bool = False

    @property
    def height(self) -> float:
        """Height of its line."""
        return self.top - self.bottom


@frozen
class Paper:
    """What is known of a page besides its text.

    Attributes:
        left: Left edge of the page.
        right: Right edge of the page.
        shapes: Gives the boxes of the lines and areas drawn on it; asked only where it matters.
    """

    left: float
    right: float
    shapes: Callable[[], Sequence[Box]] = tuple


def rows_of(fragments: Sequence[Fragment]) -> list[list[Fragment]]:
    """Fragments that stand on one line, from the top; each row from the left."""
    rows: list[list[Fragment]] = []
    for fragment in sorted(fragments, key=lambda f: (-(f.top + f.bottom), f.left)):
        for row in rows[-8:]:
            if _beside(row[0], fragment) and not any(_above(other, fragment) for other in row):
                row.append(fragment)
                break
        else:
            rows.append([fragment])
    return [sorted(row, key=lambda f: f.left) for row in rows]


def _beside(one: Fragment, other: Fragment) -> bool:
    shared = min(one.top, other.top) - max(one.bottom, other.bottom)
    return shared >= 0.5 * min(one.height, other.height)


def _above(one: Fragment, other: Fragment) -> bool:
    """Whether one is, for a good part, above the other."""
    shared = min(one.right, other.right) - max(one.left, other.left)
    return shared > 0.3 * min(one.right - one.left, other.right - other.left)


def joined(row: Sequence[Fragment], *, mirrored: bool = False) -> Fragment:
    """The fragments of a row as one line, with two spaces where there is a wide gap.

    Args:
        row: The fragments, from the left.
        mirrored: Whether they stand as in a mirror, so that writing from right to left begins at the left.
    """
    if len(row) == 1:
        return row[0]
    if mostly_leftwards(row) != mirrored:
        row = row[::-1]
    text = row[0].text
    for before, fragment in pairwise(row):
        gap = max(fragment.left - before.right, before.left - fragment.right)
        narrow = " " if gap > 0.12 * fragment.height else ""
        text += ("  " if gap > GUTTER * fragment.height else narrow) + fragment.text
    return evolve(
        row[0],
        text=text,
        left=min(fragment.left for fragment in row),
        right=max(fragment.right for fragment in row),
        bottom=min(fragment.bottom for fragment in row),
        top=max(fragment.top for fragment in row),
    )


def mostly_leftwards(fragments: Sequence[Fragment]) -> bool:
    """Whether more than half of them begin with a letter of a script written from right to left."""
    return 2 * sum(map(_reads_leftwards, fragments)) > len(fragments)


def _reads_leftwards(fragment: Fragment) -> bool:
    if fragment.text.isascii():
        return False
    from unicodedata import bidirectional

    return next((bidirectional(character) in {"R", "AL"} for character in fragment.text if character.isalpha()), False)
