"""Every header and every pair of a TOML text with its place, those in inline tables too: what an edit starts from.

tomlkit keeps comments too, but it takes no byte-order mark, and writes its own line ends into files that have others;
here, what is not replaced is not touched at all.
"""

from __future__ import annotations

from attrs import field, frozen

from pipelex_core.toml.scanner import Head, Pair, Path, statements
from pipelex_core.toml.tokens import Part, children

__all__ = ["Head", "Pair", "Part", "Path", "Syntax", "line_end", "line_start", "scan"]


@frozen
class Syntax:
    """The places of keys and values in a text; pairs of inline tables come after the pair whose value they are in."""

    heads: list[Head] = field(factory=list)
    pairs: list[Pair] = field(factory=list)


def scan(text: str) -> Syntax:
    """Find every header and pair of a sound text, those in inline tables too, but for those inside lists."""
    found = Syntax()
    for statement in statements(text):
        if isinstance(statement, Head):
            found.heads.append(statement)
            continue
        waiting = [statement]
        while waiting:
            pair = waiting.pop()
            found.pairs.append(pair)
            if text[pair.start] == "{":
                inner = [
                    Pair((*pair.path, *(part.name for part in parts)), parts, start, end, pair.head, inline=True)
                    for parts, start, end in children(text, pair.start)
                ]
                waiting += reversed(inner)
    return found


def line_end(text: str, at: int) -> int:
    """Behind the end of the line that holds a place."""
    end = text.find("\n", at)
    return len(text) if end < 0 else end + 1


def line_start(text: str, at: int) -> int:
    """The beginning of the line that holds a place; a byte-order mark belongs to no line."""
    start = text.rfind("\n", 0, at) + 1
    return start + 1 if start == 0 and text.startswith("\ufeff") else start
