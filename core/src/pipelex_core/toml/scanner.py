"""Every header and every pair of a TOML text, in the order of the text.

tomlkit keeps comments too, but it takes no byte-order mark, and writes its own line ends into files that have others;
here, what is not replaced is not touched at all.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from attrs import field, frozen

from pipelex_core.toml.tokens import Part, children, read_key, skip_between, skip_blank, value_end

if TYPE_CHECKING:
    from collections.abc import Iterator

Path = tuple[str, ...]

__all__ = ["Head", "Pair", "Part", "Path", "Syntax", "line_end", "line_start", "scan", "statements"]


@frozen
class Pair:
    """One `key = value`.

    Attributes:
        path: The whole way to it, from the root of the file.
        parts: Its own key, as it is written.
        start: Where its value begins.
        end: Where its value ends.
        head: The header above it, a number of `Syntax.heads`; -1 above the first.
        inline: Whether it is in an inline table.
    """

    path: Path
    parts: tuple[Part, ...]
    start: int
    end: int
    head: int
    inline: bool


@frozen
class Head:
    """One `[header]`.

    Attributes:
        path: The table it begins.
        parts: Its parts, as they are written.
        start: Where its first bracket is.
        end: Behind its last bracket.
        array: Whether it is one of `[[an array]]`.
    """

    path: Path
    parts: tuple[Part, ...]
    start: int
    end: int
    array: bool


@frozen
class Syntax:
    """The places of keys and values in a text; pairs of inline tables come after the pair whose value they are in."""

    heads: list[Head] = field(factory=list)
    pairs: list[Pair] = field(factory=list)


def statements(text: str) -> Iterator[Head | Pair]:
    """Every header, and every pair that is not in an inline table.

    Raises:
        ValueError: The text is not TOML.
    """
    base: Path = ()
    head = -1
    at = skip_between(text, 1 if text.startswith("\ufeff") else 0)
    while at < len(text):
        if text[at] == "[":
            array = text.startswith("[[", at)
            parts, end = read_key(text, at + 1 + array)
            end += 1 + array
            base, head = tuple(part.name for part in parts), head + 1
            yield Head(base, parts, at, end, array)
        else:
            parts, at = read_key(text, at)
            start = skip_blank(text, at + 1)  # behind the `=`
            end = value_end(text, start)
            yield Pair((*base, *(part.name for part in parts)), parts, start, end, head, inline=False)
        at = skip_between(text, end)


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
