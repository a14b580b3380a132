"""JSON schemas in the subset that OpenAI enforces: https://platform.openai.com/docs/guides/structured-outputs.

Strict mode wants every property required and no other properties. A property that may be left out therefore becomes
one that may be null, and the nulls are taken out of the answer again (`without_nulls`).
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from attrs import frozen

if TYPE_CHECKING:
    from collections.abc import Mapping

_KEPT = frozenset(
    [
        "$ref",
        "type",
        "enum",
        "const",
        "title",
        "description",
        "pattern",
        "format",
        "multipleOf",
        "minimum",
        "maximum",
        "exclusiveMinimum",
        "exclusiveMaximum",
        "minItems",
        "maxItems",
    ]
)
"""Keywords that go through as they are."""

_DROPPED = frozenset(
    [
        "$schema",
        "$id",
        "$comment",
        "$anchor",
        "default",
        "examples",
        "deprecated",
        "readOnly",
        "writeOnly",
        "discriminator",
        "minLength",
        "maxLength",
        "uniqueItems",
        "contentEncoding",
        "contentMediaType",
    ]
)
"""Keywords that only describe, or that the local validation of the answer checks as well."""

_HANDLED = frozenset(
    ["properties", "required", "additionalProperties", "items", "anyOf", "oneOf", "allOf", "$defs", "definitions"]
)

_FORMATS = frozenset(["date-time", "time", "date", "duration", "email", "hostname", "ipv4", "ipv6", "uuid"])


class _NotStrictError(Exception):
    """The schema says something that strict mode cannot."""


@frozen(kw_only=True)
class StrictSchema:
    """A schema for strict mode.

    Attributes:
        schema: The adapted schema.
        nullable: Names of the properties that may be null in it and were optional before.
    """

    schema: dict[str, Any]
    nullable: frozenset[str]


def strict_schema(schema: Mapping[str, Any]) -> StrictSchema | None:
    """The schema for strict mode, or None where it cannot be said in it (free-form objects, tuples, …)."""
    adapter = _Adapter()
    try:
        adapted = adapter.adapt(_root(schema))
    except _NotStrictError:
        return None
    if adapted.get("type") != "object" or adapter.made_nullable & adapter.meant_null:
        return None
    return StrictSchema(schema=adapted, nullable=frozenset(adapter.made_nullable))


def _root(schema: Mapping[str, Any]) -> Mapping[str, Any]:
    """The schema with a reference at the top replaced by what it names."""
    definition: Any = schema
    reference = schema.get("$ref")
    if not isinstance(reference, str):
        return schema
    for key in reference.removeprefix("#/").split("/"):
        definition = definition.get(key) if isinstance(definition, dict) else None
    rest = {key: value for key, value in schema.items() if key != "$ref"}
    return {**definition, **rest} if isinstance(definition, dict) else schema


def without_nulls(text: str, nullable: frozenset[str]) -> str:
    """The JSON document without the nulls that only strict mode put there; any other text as it is."""
    if not nullable or "null" not in text:
        return text
    try:
        value = json.loads(text)
    except ValueError:
        return text
    return json.dumps(_pruned(value, nullable), ensure_ascii=False)


def _pruned(value: Any, nullable: frozenset[str]) -> Any:
    if isinstance(value, dict):
        return {key: _pruned(item, nullable) for key, item in value.items() if item is not None or key not in nullable}
    return [_pruned(item, nullable) for item in value] if isinstance(value, list) else value


class _Adapter:
    """One walk over a schema.

    Attributes:
        made_nullable: Names of the properties that are null now where they were left out before.
        meant_null: Names of the properties whose null may mean something: none of them may be taken out again.
    """

    def __init__(self) -> None:
        self.made_nullable: set[str] = set()
        self.meant_null: set[str] = set()

    def adapt(self, schema: Any) -> dict[str, Any]:
        if not isinstance(schema, dict) or not schema:
            raise _NotStrictError
        merged = _without_lone_all_of(schema)
        unknown = merged.keys() - _KEPT - _DROPPED - _HANDLED
        if unknown:
            raise _NotStrictError
        adapted = {key: value for key, value in merged.items() if key in _KEPT}
        if adapted.get("format") not in _FORMATS:
            adapted.pop("format", None)
        if "$ref" in adapted and not str(adapted["$ref"]).startswith("#"):
            raise _NotStrictError
        for key in ("anyOf", "oneOf"):
            if key in merged:
                adapted["anyOf"] = [self.adapt(option) for option in merged[key]]
        for key in ("$defs", "definitions"):
            if key in merged:
                adapted[key] = {name: self.adapt(definition) for name, definition in merged[key].items()}
        self._adapt_containers(merged, adapted)
        return adapted

    def _adapt_containers(self, schema: Mapping[str, Any], adapted: dict[str, Any]) -> None:
        types = schema.get("type")
        types = types if isinstance(types, list) else [types]
        if "array" in types:
            adapted["items"] = self.adapt(schema.get("items"))
        if "object" in types or "properties" in schema:
            self._adapt_object(schema, adapted)
        if not adapted.keys() & {"$ref", "type", "enum", "const", "anyOf"}:
            raise _NotStrictError  # anything goes

    def _adapt_object(self, schema: Mapping[str, Any], adapted: dict[str, Any]) -> None:
        if schema.get("additionalProperties") not in (None, False):
            raise _NotStrictError
        properties = schema.get("properties") or {}
        if not properties and schema.get("additionalProperties") is not False:
            raise _NotStrictError  # free-form
        required = set(schema.get("required") or ())
        adapted.setdefault("type", "object")
        adapted["properties"] = {
            name: self._property(name, value, name in required) for name, value in properties.items()
        }
        adapted["required"] = list(properties)
        adapted["additionalProperties"] = False

    def _property(self, name: str, schema: Any, required: bool) -> dict[str, Any]:
        adapted = self.adapt(schema)
        accepts_null = _accepts_null(adapted)
        if required or accepts_null:
            if accepts_null or "$ref" in adapted:
                self.meant_null.add(name)
            return adapted
        self.made_nullable.add(name)
        return _or_null(adapted)


def _without_lone_all_of(schema: Mapping[str, Any]) -> dict[str, Any]:
    """The schema with an `allOf` of one member merged into it; several members cannot be said in strict mode."""
    if "allOf" not in schema:
        return dict(schema)
    members = schema["allOf"]
    rest = {key: value for key, value in schema.items() if key != "allOf"}
    if not isinstance(members, list) or len(members) != 1 or not isinstance(members[0], dict):
        raise _NotStrictError
    return {**members[0], **rest}


def _accepts_null(schema: Mapping[str, Any]) -> bool:
    types = schema.get("type")
    if types == "null" or (isinstance(types, list) and "null" in types):
        return True
    if "enum" in schema and None in schema["enum"]:
        return True
    return any(_accepts_null(option) for option in schema.get("anyOf", ()))


def _or_null(schema: dict[str, Any]) -> dict[str, Any]:
    """The schema, or null."""
    plain = isinstance(schema.get("type"), str) and not schema.keys() & {"enum", "const", "anyOf"}
    if plain:
        return {**schema, "type": [schema["type"], "null"]}
    if schema.keys() == {"anyOf"}:
        return {"anyOf": [*schema["anyOf"], {"type": "null"}]}
    return {"anyOf": [schema, {"type": "null"}]}
