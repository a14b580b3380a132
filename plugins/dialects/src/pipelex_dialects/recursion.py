"""Types that hold themselves."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pipelex_dialects.nodes import Node, sub_schemas, target

if TYPE_CHECKING:
    from collections.abc import Mapping


def leads(definitions: Mapping[str, Node]) -> dict[str, set[str]]:
    """Tell for each definition which ones it leads to, at once or through others."""
    return _closure({name: _targets(node) for name, node in definitions.items()})


def lead_back(node: Node, name: str, reached: Mapping[str, set[str]]) -> bool:
    """Tell whether a node leads to a definition; `reached` is what each definition leads to."""
    return any(each == name or name in reached.get(each, ()) for each in _targets(node))


def loops(definitions: Mapping[str, Node]) -> str | None:
    """The name of a definition that cannot end, because what it holds of itself is not in an optional property."""
    reached = _closure({name: _targets(node, optional=False) for name, node in definitions.items()})
    return next((name for name in reached if name in reached[name]), None)


def _closure(direct: dict[str, set[str]]) -> dict[str, set[str]]:
    reached = {}
    for name in direct:
        found: set[str] = set()
        waiting = [name]
        while waiting:
            new = direct.get(waiting.pop(), set()) - found
            found |= new
            waiting += new
        reached[name] = found
    return reached


def _targets(node: Mapping[str, object], *, optional: bool = True) -> set[str]:
    """The definitions that a node refers to, with or without those in its optional properties."""
    found: set[str] = set()
    waiting = [node]
    while waiting:
        current = waiting.pop()
        name = target(current)
        if name is not None:
            found.add(name)
            continue
        properties, required = current.get("properties"), current.get("required")
        if not optional and isinstance(properties, dict):
            needed = required if isinstance(required, list) else ()
            current = {**current, "properties": {name: properties[name] for name in needed if name in properties}}
        waiting += sub_schemas(current)
    return found
