"""Text for people, as wide as their terminal; where there is none, nothing is folded, so that `grep` finds it."""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

_NARROWEST = 40


def terminal_width() -> int | None:
    """The columns of the terminal; None where stdout is none."""
    return max(shutil.get_terminal_size().columns, _NARROWEST) if sys.stdout.isatty() else None


def plain(text: object) -> str:
    """A text of one line: what would move the cursor or colour the screen is written out."""
    shown = str(text)
    if shown.isprintable():
        return shown
    return "".join(each if each.isprintable() else repr(each)[1:-1] for each in shown)


def near_path(text: str) -> str:
    """A text in which files below the working directory are named from there."""
    try:
        here = f"{Path.cwd()}{os.sep}"
    except OSError:  # it was deleted
        return text
    return text.replace(here, "")


def entry(
    label: str, text: str, place: str | None = None, *, width: int | None, indent: int = 0, column: int = 12
) -> Iterator[str]:
    """A label, what belongs to it, and where that was written: on one line if it fits, else folded below itself."""
    start = f"{' ' * indent}{plain(label)}".ljust(indent + column - 1) + " "
    shown, where = plain(near_path(text)), f"({plain(near_path(place))})" if place else ""
    whole = f"{start}{shown}  {where}".rstrip()
    if width is None or len(whole) <= width:
        yield whole
        return
    yield from folded(f"{start}{shown}", width, len(start))
    if where:
        yield from folded(f"{' ' * (indent + column)}{where}", width, len(start))


def folded(text: str, width: int, indent: int) -> list[str]:
    """A text in lines of a width, those after the first moved in."""
    from textwrap import wrap

    return wrap(
        text,
        width,
        subsequent_indent=" " * min(indent, width // 2),
        drop_whitespace=True,
        break_on_hyphens=False,
        replace_whitespace=False,
    )
