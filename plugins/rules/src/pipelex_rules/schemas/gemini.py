"""Gemini's two dialects: responseJsonSchema, a part of JSON Schema, and Schema, a part of OpenAPI 3.0.

https://ai.google.dev/api/generate-content#GenerationConfig and https://ai.google.dev/api/caching#Schema
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pipelex_rules.schemas.walk import Node, is_cyclic, is_local, node_rule, resolve, schema_rule, walk
from pipelex_rules.sources import Source, thread
from pipelex_rules.values import record, sequence, string

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pipelex_rules.rule import Rule
    from pipelex_rules.schemas.walk import Places

JSON_SCHEMA = Source("google-genai@2.34.0 types.py GenerateContentConfig.response_json_schema", "2026-11-30")
KEYWORDS = frozenset(
    [
        "$id",
        "$defs",
        "$ref",
        "$anchor",
        "type",
        "format",
        "title",
        "description",
        "enum",
        "items",
        "prefixItems",
        "minItems",
        "maxItems",
        "minimum",
        "maximum",
        "anyOf",
        "oneOf",
        "properties",
        "additionalProperties",
        "required",
        "propertyOrdering",
        "$schema",
    ]
)
OPENAPI = Source("google-genai@2.34.0 types.py Schema", "2026-11-30")
OPENAPI_KEYWORDS = frozenset(
    [
        "type",
        "format",
        "title",
        "description",
        "nullable",
        "enum",
        "items",
        "minItems",
        "maxItems",
        "minimum",
        "maximum",
        "minLength",
        "maxLength",
        "pattern",
        "properties",
        "minProperties",
        "maxProperties",
        "required",
        "propertyOrdering",
        "anyOf",
        "default",
        "example",
        "additionalProperties",
        "ref",
        "defs",
        "$ref",
        "$defs",
    ]
)
TYPES = frozenset({"TYPE_UNSPECIFIED", "STRING", "NUMBER", "INTEGER", "BOOLEAN", "ARRAY", "OBJECT", "NULL"})


def _keyword(node: Node) -> str | None:
    unknown = sorted(key for key in node.schema if key not in KEYWORDS)
    return f"'{unknown[0]}' is not supported" if unknown else None


def _enum_values(node: Node) -> str | None:
    wrong = any(isinstance(value, bool) or not isinstance(value, str | int | float) for value in node.enum or ())
    return "enum holds texts and numbers only" if wrong else None


def _enum_type(node: Node) -> str | None:
    return "enum needs a type beside it" if node.enum is not None and "type" not in node.schema else None


def _lone_reference(node: Node) -> str | None:
    if "$ref" not in node.schema:
        return None
    siblings = sorted(key for key in node.schema if not key.startswith("$"))
    return f"$ref excludes '{siblings[0]}' beside it" if siblings else None


def _targets(schema: Any) -> str | None:
    for node in walk(schema, ""):
        reference = node.schema.get("$ref")
        if reference is not None and (not is_local(reference) or resolve(schema, reference) is None):
            return f"$ref {str(reference)[:80]!r} leads to no definition"
    return None


def _required_cycle(schema: Any) -> str | None:
    def is_optional(owner: Mapping[str, Any], name: str) -> bool:
        return name not in sequence(owner.get("required"))

    return "cyclic references are possible in optional properties only" if is_cyclic(schema, skip=is_optional) else None


def _type_name(node: Node) -> str | None:
    wrong = [kind for kind in node.types if kind.upper() not in TYPES]
    return f"{wrong[0][:40]!r} is not a type" if wrong else None


def json_schema_rules(places: Places) -> tuple[Rule, ...]:
    """Make the rules of responseJsonSchema and parametersJsonSchema for the schemas at some places."""
    ignored = thread("https://github.com/pydantic/pydantic-ai/issues/3610", "2025-11")
    return (
        node_rule(
            "json-schema-keyword",
            "Only the listed keywords of JSON Schema are supported.",
            JSON_SCHEMA,
            places,
            _keyword,
        ),
        node_rule("json-schema-enum", "enum holds texts and numbers.", JSON_SCHEMA, places, _enum_values),
        node_rule("json-schema-enum-type", "enum has a type beside it.", ignored, places, _enum_type),
        node_rule(
            "json-schema-reference", "$ref has only keys with $ beside it.", JSON_SCHEMA, places, _lone_reference
        ),
        schema_rule(
            "json-schema-target", "References lead to definitions of the same schema.", JSON_SCHEMA, places, _targets
        ),
        schema_rule(
            "json-schema-cycle", "Cycles go through optional properties only.", JSON_SCHEMA, places, _required_cycle
        ),
        node_rule("json-schema-type", "Types are those of JSON Schema.", JSON_SCHEMA, places, _type_name),
    )


def _openapi_keyword(node: Node) -> str | None:
    unknown = sorted(key for key in node.schema if key not in OPENAPI_KEYWORDS)
    return f'Unknown name "{unknown[0]}": Cannot find field.' if unknown else None


def _openapi_type(node: Node) -> str | None:
    kind = node.schema.get("type")
    if isinstance(kind, list):
        return "type is one name, not a list; use nullable"
    return None if kind is None or string(kind).upper() in TYPES else f"{str(kind)[:40]!r} is not a type"


def _openapi_enum(node: Node) -> str | None:
    return "enum holds texts only" if any(not isinstance(value, str) for value in node.enum or ()) else None


def _upper_case(node: Node) -> str | None:
    kind = node.schema.get("type")
    return f"type {kind[:40]!r} is written in upper case" if isinstance(kind, str) and kind not in TYPES else None


def _format(node: Node) -> str | None:
    name, kind = node.schema.get("format"), string(node.schema.get("type")).upper()
    allowed = {"STRING": ("enum", "date-time"), "NUMBER": ("float", "double"), "INTEGER": ("int32", "int64")}.get(kind)
    if name is None or allowed is None or name in allowed:
        return None
    return f"format {str(name)[:40]!r}: only {' and '.join(allowed)} are supported for {kind} type"


def _items(node: Node) -> str | None:
    return (
        "items: missing field"
        if string(node.schema.get("type")).upper() == "ARRAY" and "items" not in node.schema
        else None
    )


def _required_known(node: Node) -> str | None:
    properties = record(node.schema.get("properties"))
    extra = [name for name in sequence(node.schema.get("required")) if isinstance(name, str) and name not in properties]
    return f"required[0]: property '{extra[0]}' is not defined" if extra and properties else None


def openapi_rules(places: Places, *, prefix: str = "schema") -> tuple[Rule, ...]:
    """Make the rules of Schema, the OpenAPI form, for the schemas at some places."""
    unknown = thread("https://github.com/zed-extensions/mcp-server-brave-search/issues/12", "2025-11-20")
    return (
        node_rule(f"{prefix}-keyword", "Only the fields of Schema are known.", OPENAPI, places, _openapi_keyword),
        node_rule(f"{prefix}-type", "type is one name of the enumeration Type.", OPENAPI, places, _openapi_type),
        node_rule(f"{prefix}-enum", "enum values are texts.", OPENAPI, places, _openapi_enum),
        node_rule(f"{prefix}-format", "format is one that the type knows.", unknown, places, _format),
        node_rule(f"{prefix}-items", "An array says what it holds.", unknown, places, _items),
        node_rule(f"{prefix}-required", "Required names are properties.", unknown, places, _required_known),
    )


def upper_case_rules(places: Places) -> tuple[Rule, ...]:
    """Make the rule of responseSchema, whose types are written in upper case."""
    source = thread("https://github.com/iBUHub/AIStudioToAPI/issues/265", "2026-09-19")
    return (node_rule("schema-upper-case", "Types of responseSchema are in upper case.", source, places, _upper_case),)
