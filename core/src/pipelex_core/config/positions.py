"""Line and column of a value: the file parsed once more, by a parser that keeps positions.

tree-sitter is imported with the first question, which comes with the first fault, or from `explain` and `show`. It also
parses files that are no whole TOML. Tables are indexed at once, the pairs of a table only when one of them is asked for.
"""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tree_sitter import Node

    from pipelex_core.specs import Source

Keys = tuple[str, ...]


def position(source: Source) -> tuple[str, int | None, int | None]:
    """File, line and column (both from 1) of a value's key; the nearest table around it where it is not in the file.

    A plugin's package data has a name and version in place of the file, and no line.
    """
    if source.file is None or not source.key:
        return str(source), None, None
    try:
        status = Path(source.file).stat()
        table = _table_of(source.file, status.st_mtime_ns, status.st_size)
    except OSError:
        return source.file, None, None
    found = table.find(source.key)
    return (source.file, *found) if found else (source.file, None, None)


def forget() -> None:
    """Forget the files that were parsed."""
    _table_of.cache_clear()


@lru_cache(maxsize=64)
def _table_of(file: str, _modified: int, _size: int) -> _Tables:
    return _Tables(Path(file).read_bytes().removeprefix(b"\xef\xbb\xbf"))


class _Tables:
    """The tables of a text, by the path in their header."""

    def __init__(self, text: bytes) -> None:
        import tree_sitter_toml
        from tree_sitter import Language, Parser

        self._tree = Parser(Language(tree_sitter_toml.language())).parse(text)
        self._lines = text.split(b"\n")
        self._tables: dict[Keys, list[Node]] = {(): [self._tree.root_node]}
        self._headers: dict[Keys, Node] = {}
        self._pairs: dict[int, dict[Keys, list[tuple[Node, Node]]]] = {}
        for node in self._tree.root_node.named_children:
            if node.type in {"table", "table_array_element"} and node.named_children:
                header = node.named_children[0]
                path = _keys(header)
                self._tables.setdefault(path, []).append(node)
                for length in range(1, len(path) + 1):
                    self._headers.setdefault(path[:length], header)

    def find(self, path: Keys) -> tuple[int, int] | None:
        """Where a path stands; where it does not, the longest beginning of it that does."""
        for length in range(len(path), 0, -1):
            wanted = path[:length]
            for split in range(length, -1, -1):
                for table in self._tables.get(wanted[:split], ()):
                    node = table.named_children[0] if split == length else self._pair(table, wanted[split:])
                    if node is not None:
                        return self._place(node)
            if wanted in self._headers:
                return self._place(self._headers[wanted])
        return None

    def _place(self, node: Node) -> tuple[int, int]:
        row, column = node.start_point
        before = self._lines[row][:column]
        return row + 1, len(before.decode("utf-8", "replace")) + 1

    def _pair(self, table: Node, path: Keys) -> Node | None:
        """The node of a key inside a table or an inline table; None where it is not there."""
        pairs = self._pairs_of(table)
        if path in pairs:
            return pairs[path][0][0]
        for length in range(len(path) - 1, 0, -1):
            for _, value in pairs.get(path[:length], ()):
                found = self._inside(value, path[length:])
                if found is not None:
                    return found
        return None

    def _pairs_of(self, table: Node) -> dict[Keys, list[tuple[Node, Node]]]:
        """Key -> its node and its value's, of a table; the beginnings of dotted keys lead to the whole key."""
        pairs = self._pairs.get(table.id)
        if pairs is None:
            pairs = self._pairs[table.id] = {}
            for pair in table.named_children:
                if pair.type == "pair" and len(pair.named_children) > 1:
                    key, value = pair.named_children[0], pair.named_children[-1]
                    keys = _keys(key)
                    pairs.setdefault(keys, []).insert(0, (key, value))
                    for length in range(1, len(keys)):
                        pairs.setdefault(keys[:length], []).append((key, key))
        return pairs

    def _inside(self, value: Node, path: Keys) -> Node | None:
        if value.type == "inline_table":
            return self._pair(value, path)
        if value.type == "array" and path[0].isdigit():
            items = [item for item in value.named_children if item.type not in {"comment", "ERROR"}]
            if int(path[0]) < len(items):
                item = items[int(path[0])]
                return (self._inside(item, path[1:]) if path[1:] else None) or item
        return None


def _keys(node: Node) -> Keys:
    """The parts of a key, quotes and escapes undone."""
    if node.type == "dotted_key":
        return tuple(part for child in node.named_children for part in _keys(child))
    text = (node.text or b"").decode("utf-8", "replace")
    if node.type != "quoted_key":
        return (text,)
    import tomli

    try:
        return tuple(tomli.loads(f"{text} = 0"))
    except tomli.TOMLDecodeError:
        return (text[1:-1],)
