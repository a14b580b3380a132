"""A TOML text with one value changed, added, or a table appended; the rest stays as it is, byte by byte.

What came of it is read again: it must say what was there before with that one change, else nothing is changed at all.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import tomli

from pipelex_cli.edits.syntax import Path, line_end, line_start, scan
from pipelex_core.errors import PipelexError

if TYPE_CHECKING:
    from pipelex_cli.edits.syntax import Pair, Syntax


def read(text: str) -> dict[str, Any]:
    """The tables of a text, a byte-order mark before it or not; floats stay as they are written."""
    return tomli.loads(text.removeprefix("\ufeff"), parse_float=str)


def literal(value: Any) -> str:
    """A value as TOML writes it."""
    import tomlkit

    return str(tomlkit.item(value).as_string())


def key(name: str) -> str:
    """A key as TOML writes it: in quotes where it has to be."""
    import tomlkit

    return tomlkit.key(name).as_string()


def put(text: str, path: Path, value: Any, written: str | None = None) -> str:
    """The text with a value at a path: in place of the one there, else where its table is, else in a new one.

    Args:
        text: A sound TOML text.
        path: The value's tables and its key.
        value: The value, as `read` would give it.
        written: How to write it, where TOML has several ways.

    Raises:
        PipelexError: The text is written in a way in which that cannot be done by itself.
    """
    wanted = read(text)
    table: Any = wanted
    for part in path[:-1]:
        table = table.setdefault(part, {}) if isinstance(table, dict) else {}
    if not isinstance(table, dict):
        table = {}
    if path[-1] in table and table[path[-1]] == value and type(table[path[-1]]) is type(value):
        return text
    table[path[-1]] = value
    return _checked(_put(text, path, written or literal(value)), wanted, ".".join(path))


def append(text: str, block: str) -> str:
    """The text with a block of tables at its end, after an empty line, in its own line ends."""
    newline = newline_of(text)
    wanted = _merged(read(text), read(block))
    before = text if not text or text.endswith("\n") else text + newline
    gap = newline if before.removeprefix("\ufeff").strip() and not before.endswith(newline * 2) else ""
    return _checked(before + gap + block.replace("\n", newline), wanted, "a table")


def with_first_line(text: str, line: str) -> str:
    """The text with a comment above everything, behind its byte-order mark."""
    mark = text[: text.startswith("\ufeff")]
    return mark + line.replace("\n", newline_of(text)) + text.removeprefix(mark)


def newline_of(text: str) -> str:
    """The line end of a text: that of its first line."""
    first = text.find("\n")
    return "\r\n" if first > 0 and text[first - 1] == "\r" else "\n"


def replaced(text: str, changes: list[tuple[int, int, str]]) -> str:
    """The text with pieces replaced, each given by where it begins, where it ends, and what comes there."""
    for start, end, new in sorted(changes, reverse=True):
        text = text[:start] + new + text[end:]
    return text


def _merged(one: dict[str, Any], other: dict[str, Any]) -> dict[str, Any]:
    both = dict(one)
    for name, value in other.items():
        there = both.get(name)
        both[name] = _merged(there, value) if isinstance(there, dict) and isinstance(value, dict) else value
    return both


def _checked(text: str, wanted: dict[str, Any], what: str) -> str:
    try:
        stated = read(text)
    except tomli.TOMLDecodeError:
        stated = None
    if stated != wanted:
        msg = f"{what} cannot be written by itself into a file of this form; write it there yourself"
        raise PipelexError(msg)
    return text


def _put(text: str, path: Path, value: str) -> str:
    """The changed text, not yet checked."""
    syntax = scan(text)
    for pair in syntax.pairs:
        if pair.path == path:
            return replaced(text, [(pair.start, pair.end, value)])
    table, line = path[:-1], f"{key(path[-1])} = {value}"
    written = _put_in_table(text, syntax, table, line)
    if written is not None:
        return written
    if not table:
        return _put_first(text, syntax, line)
    block = f"[{'.'.join(map(key, table))}]\n{line}\n"
    for head in syntax.heads:
        if head.path[: len(table)] == table:
            at = line_start(text, head.start)
            return replaced(text, [(at, at, (block + "\n").replace("\n", newline_of(text)))])
    return append(text, block)


def _put_in_table(text: str, syntax: Syntax, table: Path, line: str) -> str | None:
    """The text with a line more in a table that is written as an inline table, a header or dotted keys."""
    for pair in syntax.pairs:
        if pair.path == table and text[pair.start] == "{":
            return _put_inline(text, pair, syntax, line)
    for number, head in enumerate(syntax.heads):
        if head.path == table and not head.array:
            own = [pair for pair in syntax.pairs if pair.head == number and not pair.inline]
            return _put_line(text, own[-1].end if own else head.end, line)
    dotted = [pair for pair in syntax.pairs if not pair.inline and _reaches_into(pair, table)]
    return _put_dotted(text, dotted[-1], table, line) if dotted else None


def _reaches_into(pair: Pair, table: Path) -> bool:
    """Whether a pair's own key leads from outside a table, or its very beginning, to something inside it."""
    outside = len(pair.path) - len(pair.parts)
    return outside <= len(table) < len(pair.path) and pair.path[: len(table)] == table


def _put_line(text: str, after: int, line: str, indent: str = "") -> str:
    """A line below the one in which something ends."""
    newline = newline_of(text)
    at = line_end(text, after)
    if text[at - 1] != "\n":
        return text + newline + indent + line
    return replaced(text, [(at, at, indent + line + newline)])


def _put_inline(text: str, pair: Pair, syntax: Syntax, line: str) -> str:
    """A first pair of an inline table: what follows the others, a comma or a comment, stays as it is."""
    at = pair.start + 1
    empty = not any(inner.inline and pair.start < inner.start < pair.end for inner in syntax.pairs)
    return replaced(text, [(at, at, f" {line}" + (" " if empty else ","))])


def _put_dotted(text: str, last: Pair, table: Path, line: str) -> str:
    """A line below the last of those that make a table by dotted keys."""
    prefix = text[last.parts[0].start : last.parts[-(len(last.path) - len(table))].start]
    start = line_start(text, last.parts[0].start)
    return _put_line(text, last.end, prefix + line, text[start : last.parts[0].start])


def _put_first(text: str, syntax: Syntax, line: str) -> str:
    """A line above the first header, and above the comment that belongs to that."""
    if not syntax.heads:
        return append(text, line + "\n")
    at = line_start(text, syntax.heads[0].start)
    while at > 0 and text[line_start(text, at - 1) : at].lstrip().startswith("#"):
        above = line_start(text, at - 1)
        if above == at:
            break
        at = above
    newline = newline_of(text)
    return replaced(text, [(at, at, line + newline * 2)])
