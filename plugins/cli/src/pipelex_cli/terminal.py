"""Text for people, as wide as their terminal; where there is none, nothing is folded, so that `grep` finds it."""

from __future__ import annotations

import os
import re
import shutil
import sys
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import TextIO

_NARROWEST = 40
_STEERING = re.compile(
    r"\r(?!\n)|[\x00-\x08\x0b\x0e-\x1f\x7f-\x9f\xad\u061c\u180e\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb"
    r"\U000e0000-\U000e007f]"
)
"""The joiners U+200C and U+200D are not among them: scripts and pictures are written with them."""


def terminal_width() -> int | None:
    """The columns of the terminal; None where stdout is not a terminal."""
    return max(shutil.get_terminal_size().columns, _NARROWEST) if sys.stdout.isatty() else None


def shown(text: str, stream: TextIO | None = None) -> str:
    """A text as it may be written to a stream: as it is, but on a terminal what would steer the terminal is written out.

    That is control characters (ESC and C1 among them) but for line feed, tab and form feed, marks that change the direction of
    text, and characters that nobody sees.

    Args:
        text: From a model, a provider, a plugin or a file.
        stream: Where it goes; None for stdout.
    """
    if text.isascii() and text.isprintable():
        return text
    stream = stream or sys.stdout
    return _STEERING.sub(lambda found: found[0].encode("unicode_escape").decode(), text) if stream.isatty() else text


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
