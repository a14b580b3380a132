"""OpenAI's strict mode: https://developers.openai.com/api/docs/guides/structured-outputs (Supported schemas)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pipelex_rules.schemas.walk import (
    LOOK_AROUND,
    Node,
    has_any,
    is_local,
    node_rule,
    object_levels,
    resolve,
    schema_rule,
    walk,
)
from pipelex_rules.sources import Source, client, thread
from pipelex_rules.values import record, sequence

if TYPE_CHECKING:
    from pipelex_rules.rule import Rule
    from pipelex_rules.schemas.walk import Places

GUIDE = Source("https://developers.openai.com/api/docs/guides/structured-outputs", "2026-08-23")
FORMATS = frozenset({"date-time", "time", "date", "duration", "email", "hostname", "ipv4", "ipv6", "uuid"})
TYPES = frozenset({"string", "number", "integer", "boolean", "object", "array", "null"})
LEVELS, PROPERTIES, ENUM_VALUES, CHARACTERS = 10, 5_000, 1_000, 120_000


def _root(schema: Any) -> str | None:
    if "anyOf" in record(schema):
        return "the root of a strict schema must not be anyOf"
    kind = record(schema).get("type")
    return None if kind == "object" else f"schema must be a JSON Schema of 'type: \"object\"', got 'type: {kind!r}'"


def _typed(node: Node) -> str | None:
    if node.via == "" or any(key in node.schema for key in ("$ref", "anyOf", "oneOf", "allOf", "not")):
        return None
    return None if "type" in node.schema else "schema must have a 'type' key"


def _known_type(node: Node) -> str | None:
    kinds = node.schema.get("type")
    if kinds is None:
        return None
    wrong = [
        kind
        for kind in (kinds if isinstance(kinds, list) else [kinds])
        if not isinstance(kind, str) or kind not in TYPES
    ]
    return f"{str(wrong[0])[:40]!r} is not a valid type" if wrong else None


def _closed(node: Node) -> str | None:
    if node.is_object and node.schema.get("additionalProperties") is not False:
        return "'additionalProperties' is required to be supplied and to be false"
    return None


def _all_required(node: Node) -> str | None:
    properties = record(node.schema.get("properties"))
    required = [name for name in sequence(node.schema.get("required")) if isinstance(name, str)]
    missing = sorted(set(properties) - set(required))
    if missing:
        return f"'required' is required to be supplied and to be an array including every key in properties: '{missing[0]}' is missing"
    extra = sorted(set(required) - set(properties))
    return f"extra required key '{extra[0]}' supplied" if extra and node.is_object else None


def _lone_reference(node: Node) -> str | None:
    if "$ref" not in node.schema:
        return None
    siblings = sorted(set(node.schema) - {"$ref", "$defs", "definitions"})
    return f"$ref cannot have keywords {siblings}" if siblings else None


def _format(node: Node) -> str | None:
    name = node.schema.get("format")
    return None if name is None or name in FORMATS else f"{str(name)[:40]!r} is not a valid format"


def _no_look_around(node: Node) -> str | None:
    pattern = node.schema.get("pattern")
    return (
        "look-around is not supported in a pattern"
        if isinstance(pattern, str) and LOOK_AROUND.search(pattern)
        else None
    )


def _has_items(node: Node) -> str | None:
    if "array" in node.types and "items" not in node.schema:
        return "array schema missing items"
    return None


def _levels(schema: Any) -> str | None:
    levels = object_levels(schema)
    return f"{levels} levels of nesting exceeds limit of {LEVELS}" if levels > LEVELS else None


def _properties(schema: Any, most: int = PROPERTIES) -> str | None:
    count = sum(len(record(node.schema.get("properties"))) for node in walk(schema, ""))
    return f"{count} properties exceed the limit of {most}" if count > most else None


def _enum_values(schema: Any) -> str | None:
    count = sum(len(node.enum or ()) for node in walk(schema, ""))
    return f"{count} enum values exceed the limit of {ENUM_VALUES}" if count > ENUM_VALUES else None


def _long_enum(node: Node) -> str | None:
    values = node.enum or []
    length = sum(len(value) for value in values if isinstance(value, str))
    return (
        f"an enum of {len(values)} values has {length} characters, at most 15000"
        if len(values) > 250 and length > 15_000
        else None
    )


def _characters(schema: Any) -> str | None:
    total = 0
    for node in walk(schema, ""):
        names = [
            *record(node.schema.get("properties")),
            *record(node.schema.get("$defs")),
            *record(node.schema.get("definitions")),
        ]
        values = [*(node.enum or ()), node.schema.get("const")]
        total += sum(map(len, names)) + sum(len(value) for value in values if isinstance(value, str))
    return f"names, enum and const values have {total} characters, at most {CHARACTERS}" if total > CHARACTERS else None


def _references(schema: Any) -> str | None:
    for node in walk(schema, ""):
        reference = node.schema.get("$ref")
        if reference is not None and (not is_local(reference) or resolve(schema, reference) is None):
            return f"reference {str(reference)[:80]!r} leads to no definition of this schema"
    return None


def strict_rules(places: Places) -> tuple[Rule, ...]:
    """Make the rules of strict mode for the schemas at some places."""
    seen = thread("https://github.com/openai/openai-node/issues/1597", "2026-01-18")
    return (
        schema_rule("strict-root", "The root of a strict schema is an object, not anyOf.", GUIDE, places, _root),
        node_rule("strict-type", "Every sub-schema has a type key, unless it is anyOf or $ref.", seen, places, _typed),
        node_rule("strict-type-name", "Types are those of JSON Schema.", GUIDE, places, _known_type),
        node_rule("strict-closed", "Every object sets additionalProperties to false.", GUIDE, places, _closed),
        node_rule("strict-required", "Every property is required.", GUIDE, places, _all_required),
        node_rule(
            "strict-reference",
            "$ref has no siblings.",
            thread("https://github.com/defog-ai/defog/issues/244", "2026-03"),
            places,
            _lone_reference,
        ),
        schema_rule(
            "strict-reference-target", "References lead to definitions of the same schema.", GUIDE, places, _references
        ),
        node_rule(
            "strict-keyword",
            "allOf, not, if, then, else, dependentRequired and dependentSchemas are not supported.",
            GUIDE,
            places,
            has_any("allOf not if then else dependentRequired dependentSchemas", "'{}' is not permitted"),
        ),
        node_rule(
            "strict-one-of",
            "oneOf is not permitted; anyOf is.",
            Source("github:openai/openai-python#1659", "2024", "reported"),
            places,
            has_any("oneOf", "'{}' is not permitted"),
        ),
        node_rule(
            "strict-further-keyword",
            "Keywords of maps and counted arrays are not supported.",
            thread("https://community.openai.com/t/structured-outputs-deep-dive/930169", "2024-09"),
            places,
            has_any(
                "patternProperties propertyNames minProperties maxProperties unevaluatedProperties unevaluatedItems contains minContains maxContains uniqueItems",
                "'{}' is not permitted",
            ),
        ),
        node_rule(
            "strict-format",
            "format is one of nine names.",
            GUIDE,
            places,
            _format,
        ),
        node_rule(
            "strict-pattern",
            "Patterns have no look-around.",
            thread("https://github.com/pydantic/pydantic-ai/issues/5508", "2026"),
            places,
            _no_look_around,
            status=500,
            type="server_error",
        ),
        node_rule(
            "strict-items",
            "An array says what it holds.",
            client("openai@3.57.0 lib/_pydantic.py", "2026-11-30"),
            places,
            _has_items,
        ),
        schema_rule("strict-nesting", "At most 10 levels of nesting.", GUIDE, places, _levels),
        schema_rule("strict-properties", "At most 5,000 properties.", GUIDE, places, _properties),
        schema_rule("strict-enum-values", "At most 1,000 enum values in a schema.", GUIDE, places, _enum_values),
        node_rule(
            "strict-enum-length",
            "An enum of more than 250 texts has at most 15,000 characters.",
            GUIDE,
            places,
            _long_enum,
        ),
        schema_rule(
            "strict-characters",
            "Names, enum and const values have at most 120,000 characters.",
            GUIDE,
            places,
            _characters,
        ),
    )


def fine_tuned_rules(places: Places) -> tuple[Rule, ...]:
    """Make the rules that hold for fine-tuned models besides."""
    words = "Fine-tuned models take no bounds of texts, numbers and arrays."
    keywords = "minLength maxLength pattern format minimum maximum multipleOf patternProperties minItems maxItems"
    return (node_rule("strict-fine-tuned", words, GUIDE, places, has_any(keywords)),)
