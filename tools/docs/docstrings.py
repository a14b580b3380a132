"""What docstrings say, and tables made of it."""

from __future__ import annotations

import inspect
import re
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence


def sentence(text: str) -> str:
    """A text with a capital first and no full stop last, for the cell of a table."""
    return (text[:1].upper() + text[1:]).removesuffix(".")


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A Markdown table; empty where there is no row."""
    lines = [f"| {' | '.join(map(_cell, row))} |" for row in rows]
    return "\n".join([f"| {' | '.join(head)} |", f"|{'---|' * len(head)}", *lines]) if lines else ""


def _cell(text: str) -> str:
    """A text as it may stand in a table: no tags, no bars, and nothing for those who read the sources."""
    return re.sub(r" \(see `\w+\.py`\)", "", text).replace("<", "&lt;").replace("|", "\\|")


def summary(thing: object) -> str:
    """The first paragraph of a docstring."""
    return " ".join((inspect.getdoc(thing) or "").partition("\n\n")[0].split())


def attributes_of(thing: Any, section: str = "Attributes") -> dict[str, str]:
    """Name -> text of a docstring's section."""
    lines = (inspect.getdoc(thing) or "").splitlines()
    if f"{section}:" not in lines:
        return {}
    texts: dict[str, str] = {}
    name = ""
    for line in lines[lines.index(f"{section}:") + 1 :]:
        if line and not line.startswith(" "):
            break
        started = re.match(r" {4}(\w+): (.*)", line)
        if started:
            name, texts[started[1]] = started[1], started[2]
        elif line.strip():
            texts[name] += f" {line.strip()}"
    return texts
