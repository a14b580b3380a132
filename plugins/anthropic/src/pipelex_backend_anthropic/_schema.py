"""JSON schemas in the part of the language that the API's structured output knows.

https://platform.claude.com/docs/en/build-with-claude/structured-outputs#json-schema-limitations
Whatever it cannot enforce is told in a description: the answer is validated against the whole schema afterwards.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

_KEPT = frozenset({"type", "title", "enum", "const", "$ref", "required", "format", "minItems"})
_DROPPED = frozenset(
    {"$comment", "$id", "$schema", "default", "deprecated", "discriminator", "examples", "readOnly", "writeOnly"}
)
_TOLD = frozenset(
    {
        "exclusiveMaximum",
        "exclusiveMinimum",
        "maxItems",
        "maxLength",
        "maxProperties",
        "maximum",
        "minLength",
        "minProperties",
        "minimum",
        "multipleOf",
        "pattern",
        "uniqueItems",
    }
)
_FORMATS = frozenset({"date-time", "time", "date", "duration", "email", "hostname", "uri", "ipv4", "ipv6", "uuid"})


class _InexpressibleError(Exception):
    """A schema that structured output has no words for."""


def strict_schema(schema: Mapping[str, Any]) -> dict[str, Any] | None:
    """The schema as structured output takes it; None where it cannot: open maps, recursion, anything-goes values."""
    try:
        if _is_recursive(schema):
            return None
        return _strict(schema)
    except _InexpressibleError:
        return None


def _strict(schema: Any) -> dict[str, Any]:
    if not isinstance(schema, Mapping) or not schema.keys() - _DROPPED - {"title", "description"}:
        raise _InexpressibleError  # `true` or `{}`: any value
    kinds = schema.get("type")
    if isinstance(kinds, Sequence) and not isinstance(kinds, str):
        return _strict(_choice_of_kinds(schema, kinds))
    made: dict[str, Any] = {}
    told: list[str] = []
    for key, value in schema.items():
        if _must_be_told(key, value):
            told.append(f"{key}: {value if isinstance(value, str) else json.dumps(value)}")
        elif key not in _DROPPED and key not in {"additionalProperties", "description"}:
            made["anyOf" if key == "oneOf" else key] = _strict_value(key, value)
    if kinds == "object" or "properties" in schema:
        _check_closed(schema)
        made["additionalProperties"] = False
    description = "\n\n".join(text for text in (schema.get("description"), ", ".join(told)) if text)
    return {**made, "description": description} if description else made


def _must_be_told(key: str, value: Any) -> bool:
    """Whether a rule can only be told in the description."""
    return key in _TOLD or (key == "format" and value not in _FORMATS) or (key == "minItems" and value not in {0, 1})


def _strict_value(key: str, value: Any) -> Any:
    if key in {"anyOf", "oneOf"}:
        return [_strict(choice) for choice in value]
    if key in {"properties", "$defs"}:
        return {name: _strict(inner) for name, inner in value.items()}
    if key == "items":
        return _strict(value)
    if key not in _KEPT or (key == "enum" and any(isinstance(one, (Mapping, list)) for one in value)):
        raise _InexpressibleError
    return value


def _choice_of_kinds(schema: Mapping[str, Any], kinds: Sequence[str]) -> dict[str, Any]:
    """A schema of several types as one that has a choice for each."""
    outside = {"title", "description", "$defs"}
    inside = {key: value for key, value in schema.items() if key not in {"type", *outside}}
    choices = [{**_of_kind(inside, kind), "type": kind} for kind in kinds]
    return {**{key: schema[key] for key in outside & schema.keys()}, "anyOf": choices}


def _check_closed(schema: Mapping[str, Any]) -> None:
    """An object whose keys are known; `additionalProperties` may say they are all, or nothing."""
    if not schema.get("properties") and schema.get("additionalProperties") is not False:
        raise _InexpressibleError
    if isinstance(schema.get("additionalProperties"), Mapping) and schema["additionalProperties"]:
        raise _InexpressibleError


def _of_kind(schema: Mapping[str, Any], kind: str) -> dict[str, Any]:
    """What a schema of several types says of one of them."""
    if kind == "null":
        return {}
    if "enum" in schema:
        return {**schema, "enum": [value for value in schema["enum"] if value is not None]}
    return dict(schema)


def _is_recursive(schema: Mapping[str, Any]) -> bool:
    """Whether a definition leads back to itself, or to the top."""
    definitions = schema.get("$defs", {})
    leads = {name: _references(definition) for name, definition in definitions.items()}
    leads[""] = _references({key: value for key, value in schema.items() if key != "$defs"})
    for start, first in leads.items():
        reached: set[str] = set()
        left = list(first)
        while left:
            name = left.pop()
            if name == start:
                return True
            if name not in leads:
                raise _InexpressibleError  # outside of `$defs`
            if name not in reached:
                reached.add(name)
                left += leads[name]
    return False


def _references(schema: Any) -> set[str]:
    """The names of the definitions a schema refers to; the empty name is the top."""
    if isinstance(schema, Mapping):
        found = {name for key, value in schema.items() if key != "const" for name in _references(value)}
        reference = schema.get("$ref")
        return found | {reference.removeprefix("#/$defs/").removeprefix("#")} if isinstance(reference, str) else found
    if isinstance(schema, (list, tuple)):
        return {name for value in schema for name in _references(value)}
    return set()
