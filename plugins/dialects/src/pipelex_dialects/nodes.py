"""The parts of a JSON schema, and what each keyword is about."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any, TypeAlias

Node: TypeAlias = dict[str, Any]

DEFINITIONS = "#/$defs/"

_MAPS = frozenset({"properties", "patternProperties", "dependentSchemas"})
_LISTS = frozenset({"anyOf", "oneOf", "allOf", "prefixItems"})
_SINGLE = frozenset(
    {
        *("items", "additionalProperties", "contains", "not", "if", "then", "else", "propertyNames"),
        *("unevaluatedItems", "unevaluatedProperties"),
    }
)
KIND_OF = {
    **dict.fromkeys(("minLength", "maxLength", "pattern", "format", "contentEncoding", "contentMediaType"), "string"),
    **dict.fromkeys(("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf"), "number"),
    **dict.fromkeys(
        (
            *("items", "prefixItems", "minItems", "maxItems", "uniqueItems"),
            *("contains", "minContains", "maxContains", "unevaluatedItems"),
        ),
        "array",
    ),
    **dict.fromkeys(
        (
            *("properties", "required", "additionalProperties", "patternProperties", "propertyNames"),
            *("minProperties", "maxProperties", "dependentRequired", "dependentSchemas", "unevaluatedProperties"),
        ),
        "object",
    ),
}
"""The type that a keyword says something of."""


def mapped(node: Mapping[str, Any], change: Callable[[Any, str], Any]) -> Node:
    """Copy a node with each of its sub-schemas changed; `change` gets the sub-schema and the step to it."""
    made: Node = {}
    for key, value in node.items():
        if key in _MAPS and isinstance(value, Mapping):
            made[key] = {name: change(sub, f".{name}") for name, sub in value.items()}
        elif key in _LISTS and isinstance(value, list):
            made[key] = [change(sub, "[]" if key == "prefixItems" else "") for sub in value]
        elif key in _SINGLE and isinstance(value, (Mapping, bool)):
            made[key] = change(value, {"items": "[]", "additionalProperties": ".*"}.get(key, ""))
        else:
            made[key] = value
    return made


def sub_schemas(node: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """Give each sub-schema of a node that is more than True or False."""
    found: list[Any] = []
    for key, value in node.items():
        if key in _MAPS and isinstance(value, Mapping):
            found += value.values()
        elif key in _LISTS and isinstance(value, list):
            found += value
        elif key in _SINGLE:
            found.append(value)
    return (sub for sub in found if isinstance(sub, Mapping))


def every_node(node: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """Give a node and all inside it, definitions included, references not followed."""
    waiting = [node, *node.get("$defs", {}).values()]
    while waiting:
        current = waiting.pop()
        yield current
        waiting += sub_schemas(current)


def target(node: Mapping[str, Any]) -> str | None:
    """The name of the definition that a node refers to."""
    reference = node.get("$ref")
    return reference.removeprefix(DEFINITIONS) if isinstance(reference, str) else None


def kind_of(value: Any) -> str:
    """The type of a JSON value, as JSON Schema calls it."""
    for kind, name in ((bool, "boolean"), (str, "string"), (int, "integer"), (float, "number"), (list, "array")):
        if isinstance(value, kind):
            return name
    return "null" if value is None else "object"
