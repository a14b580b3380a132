"""Schemas of tools and of the smaller dialects: draft-checked ones, Groq's, DeepSeek's and xAI's."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pipelex_rules.schemas.walk import Node, has_any, node_rule, schema_rule
from pipelex_rules.sources import Source, client, thread
from pipelex_rules.values import record, sequence

if TYPE_CHECKING:
    from pipelex_rules.rule import Rule
    from pipelex_rules.schemas.walk import Places

DEEPSEEK_FORMATS = frozenset({"email", "hostname", "ipv4", "ipv6", "uuid"})


def _valid_draft(schema: Any) -> str | None:
    from jsonschema import Draft7Validator
    from jsonschema.exceptions import SchemaError

    if not isinstance(schema, dict):
        return "is not a JSON Schema"
    try:
        Draft7Validator.check_schema(schema)
    except SchemaError as error:
        return f"is not a valid JSON Schema: {error.message[:120]}"
    except RecursionError:
        return "is nested too deep"
    return None


def draft_rule(name: str, source: Source, places: Places) -> Rule:
    """Make the rule that a schema is one of draft 7."""
    return schema_rule(name, "A tool's parameters are a valid JSON Schema.", source, places, _valid_draft)


def _object_root(schema: Any) -> str | None:
    kind = record(schema).get("type")
    return None if kind in (None, "object") else f"schema must be of type 'object', got {kind!r}"[:120]


def object_root_rule(name: str, source: Source, places: Places) -> Rule:
    """Make the rule that a tool's schema has an object at its root."""
    return schema_rule(name, "The root of a tool's schema is an object.", source, places, _object_root)


def _properties_beside_required(node: Node) -> str | None:
    return (
        "'required' present but 'properties' is missing"
        if "required" in node.schema and "properties" not in node.schema
        else None
    )


def _closed(node: Node) -> str | None:
    if node.is_object and node.schema.get("additionalProperties") is not False:
        return "additionalProperties must be false"
    return None


def _all_required(node: Node) -> str | None:
    required = [name for name in sequence(node.schema.get("required")) if isinstance(name, str)]
    missing = sorted(set(record(node.schema.get("properties"))) - set(required))
    return f"all properties must be required: '{missing[0]}' is not" if missing else None


def groq_strict_rules(places: Places) -> tuple[Rule, ...]:
    """Make the rules of Groq's strict mode."""
    page = Source("https://console.groq.com/docs/structured-outputs.md", "2026-11-30")
    return (
        node_rule("strict-closed", "Objects are closed in strict mode.", page, places, _closed),
        node_rule("strict-required", "All properties are required in strict mode.", page, places, _all_required),
    )


def groq_tool_rules(places: Places) -> tuple[Rule, ...]:
    """Make the rules of Groq's tool schemas."""
    seen = thread("https://github.com/livekit/agents/issues/4610", "2026-01-24")
    return (
        node_rule(
            "tool-schema-required", "required has properties beside it.", seen, places, _properties_beside_required
        ),
    )


def _typed(node: Node) -> str | None:
    return (
        None
        if any(key in node.schema for key in ("type", "anyOf", "$ref", "enum", "const"))
        else "untyped values are not supported"
    )


def _deepseek_format(node: Node) -> str | None:
    name = node.schema.get("format")
    return None if name is None or name in DEEPSEEK_FORMATS else f"format {str(name)[:40]!r} is not supported"


def deepseek_strict_rules(places: Places) -> tuple[Rule, ...]:
    """Make the rules of DeepSeek's strict tools."""
    source = Source("https://api-docs.deepseek.com/guides/tool_calls (strict mode, beta)", "2026-09")
    return (
        node_rule("strict-closed", "Objects are closed, maps are not supported.", source, places, _closed),
        node_rule("strict-required", "All properties are required.", source, places, _all_required),
        node_rule("strict-type", "Every value is typed.", source, places, _typed),
        node_rule("strict-format", "format is one of five names.", source, places, _deepseek_format),
        node_rule(
            "strict-lengths",
            "Lengths of texts and arrays are not supported.",
            source,
            places,
            has_any("minLength maxLength minItems maxItems"),
        ),
    )


def xai_rules(places: Places) -> tuple[Rule, ...]:
    """Make the rules of xAI's structured outputs."""
    page = client("https://docs.x.ai/docs/guides/structured-outputs", "2026-08")
    return (
        node_rule(
            "schema-keyword",
            "allOf and lengths are not supported.",
            page,
            places,
            has_any("allOf minLength maxLength minItems maxItems minContains maxContains"),
        ),
    )
