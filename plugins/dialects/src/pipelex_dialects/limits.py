"""How large a schema is, beside what a provider takes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from attrs import asdict

from pipelex_dialects.nodes import Node, every_node, sub_schemas, target

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pipelex_core.dialects.dialect import SchemaLimits

_MOST_LEVELS_LOOKED_AT = 20_000


def excess(schema: Node, limits: SchemaLimits) -> str | None:
    """Tell what of a schema is beyond the limits; None where all of it is within."""
    nodes = list(every_node(schema))
    properties = [node.get("properties", {}) for node in nodes]
    enums = [node["enum"] for node in nodes if "enum" in node]
    names = [name for each in properties for name in each] + list(schema.get("$defs", ()))
    values = [value for enum in enums for value in enum] + [node.get("const") for node in nodes]
    amounts = {
        "properties": sum(map(len, properties)),
        "levels": _levels(schema) if limits.levels is not None else 0,
        "enum_values": sum(map(len, enums)),
        "characters": _length(names) + _length(values),
        "optional": sum(
            len(each.keys() - set(node.get("required", ()))) for node, each in zip(nodes, properties, strict=True)
        ),
        "unions": sum("anyOf" in node or isinstance(node.get("type"), list) for node in nodes),
    }
    for name, most in asdict(limits).items():
        if name != "enum_length" and most is not None and amounts[name] > most:
            return f"has {amounts[name]:,} {_WORDS[name]}, at most {most:,} are possible"
    if limits.enum_length is not None:
        many, most = limits.enum_length
        for enum in enums:
            if len(enum) > many and _length(enum) > most:
                return f"has an enum of {len(enum):,} values with {_length(enum):,} characters, at most {most:,} are possible"
    return None


_WORDS = {
    "properties": "properties",
    "levels": "levels of objects",
    "enum_values": "enum values",
    "characters": "characters of names and values",
    "optional": "optional properties",
    "unions": "properties with a choice of types",
}


def _length(values: list[Any]) -> int:
    return sum(len(value) for value in values if isinstance(value, str))


def _levels(schema: Node) -> int:
    """How deep objects are inside one another; a type that holds itself counts once."""
    definitions: Mapping[str, Node] = schema.get("$defs", {})
    deepest = looked_at = 0
    waiting: list[tuple[Mapping[str, Any], int, frozenset[str]]] = [(schema, 0, frozenset())]
    while waiting:
        node, level, inside = waiting.pop()
        looked_at += 1
        if looked_at > _MOST_LEVELS_LOOKED_AT:
            return _MOST_LEVELS_LOOKED_AT  # so many ways through it that it is surely too deep
        name = target(node)
        if name is not None and name in definitions and name not in inside:
            waiting.append((definitions[name], level, inside | {name}))
        level += node.get("type") == "object"
        deepest = max(deepest, level)
        waiting += [(sub, level, inside) for sub in sub_schemas(node)]
    return deepest
