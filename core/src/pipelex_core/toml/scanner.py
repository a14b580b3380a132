"""Every header and every pair of a TOML text, in the order of the text."""

from __future__ import annotations

from typing import TYPE_CHECKING

from attrs import frozen

from pipelex_core.toml.tokens import Part, read_key, skip_between, skip_blank, value_end

if TYPE_CHECKING:
    from collections.abc import Iterator

Path = tuple[str, ...]


@frozen
class Pair:
    """One `key = value`.

    Attributes:
        path: The whole way to it, from the root of the file.
        parts: Its own key, as it is written.
        start: Where its value begins.
        end: Where its value ends.
        head: The header above it, its number among the headers; -1 above the first.
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
