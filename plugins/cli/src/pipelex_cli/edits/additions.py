"""What a new plugin adds to files that are there already: tables and keys they lack; not a line of theirs is lost."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pipelex_cli.edits.document import append, key, newline_of, put, read
from pipelex_cli.edits.syntax import scan

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from pipelex_cli.edits.syntax import Path


def additions(name: str, old: str, new: str) -> str:
    """A file's text with what the new one has besides.

    Tables of TOML files gain the tables and keys they lack, and a value that is there stays; `.env.example` gains the
    variables it lacks. What is made, such as a schema, is made anew.

    Args:
        name: The file's path below the project.
        old: Its text, sound TOML where it is TOML.
        new: What it would be in a new project.
    """
    if name.endswith(".env.example"):
        return _more_variables(old, new)
    if name.endswith(".json"):
        return new
    if "/backends/" in name or name.endswith("overrides.toml"):
        return old  # the user's own, from the first line on
    return _more_tables(old, new)


def _more_variables(old: str, new: str) -> str:
    known = {line.split("=")[0].strip() for line in old.splitlines() if "=" in line and not line.startswith("#")}
    blocks = [block for block in new.split("\n\n") if "=" in block]
    missing = [block for block in blocks if block.splitlines()[-1].split("=")[0] not in known]
    if not missing:
        return old
    newline = newline_of(old)
    before = old if not old or old.endswith("\n") else old + newline
    gap = newline if before and not before.endswith(newline * 2) else ""
    return before + gap + "\n\n".join(block.strip("\n") for block in missing).replace("\n", newline) + newline


def _more_tables(old: str, new: str) -> str:
    """As they stand in the new text: an inline table is a value."""
    written = {pair.path: new[pair.start : pair.end] for pair in scan(new).pairs if not pair.inline}
    for path, value in _missing(read(old), read(new), (), written):
        if path in written:
            old = put(old, path, value, written[path])
        else:
            old = append(old, "\n".join(_table(path, value, written)))
    return old


def _missing(
    there: dict[str, Any], wanted: dict[str, Any], path: Path, written: Mapping[Path, str]
) -> Iterator[tuple[Path, Any]]:
    """What only the second has: whole tables, and single values."""
    for name, value in wanted.items():
        at = (*path, name)
        if name not in there:
            yield at, value
        elif isinstance(value, dict) and isinstance(there[name], dict) and at not in written:
            yield from _missing(there[name], value, at, written)


def _table(path: Path, table: dict[str, Any], written: Mapping[Path, str]) -> Iterator[str]:
    """The lines of a table, and of those inside it."""
    own = [name for name in table if (*path, name) in written]
    if own or not table:
        yield f"[{'.'.join(map(key, path))}]"
        yield from (f"{key(name)} = {written[*path, name]}" for name in own)
        yield ""
    for name, value in table.items():
        if name not in own:
            yield from _table((*path, name), value, written)
