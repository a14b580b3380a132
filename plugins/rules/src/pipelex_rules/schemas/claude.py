"""Claude's structured output and strict tools.

https://platform.claude.com/docs/en/build-with-claude/structured-outputs#json-schema-limitations
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pipelex_rules.rule import Rule
from pipelex_rules.schemas.walk import (
    BACK_REFERENCE,
    LOOK_AROUND,
    WORD_BOUNDARY,
    Node,
    has_any,
    is_cyclic,
    is_local,
    node_rule,
    resolve,
    schema_rule,
    walk,
)
from pipelex_rules.sources import Source, client
from pipelex_rules.values import amount, record, sequence

if TYPE_CHECKING:
    from pipelex_rules.rule import Findings, Request
    from pipelex_rules.schemas.walk import Places

LIMITATIONS = Source(
    "https://platform.claude.com/docs/en/build-with-claude/structured-outputs#json-schema-limitations", "2026-09-17"
)
COMPLEXITY = Source(
    "https://platform.claude.com/docs/en/build-with-claude/structured-outputs#schema-complexity-limits", "2026-09-17"
)
SDK = client("anthropic@2.14.0 lib/_parse/_transform.py", "2026-11-30")
FORMATS = frozenset({"date-time", "time", "date", "duration", "email", "hostname", "uri", "ipv4", "ipv6", "uuid"})
OPTIONAL, UNIONS = 24, 16


def _closed(node: Node) -> str | None:
    value = node.schema.get("additionalProperties")
    return (
        "'additionalProperties' must be explicitly set to false"
        if "additionalProperties" in node.schema and value is not False
        else None
    )


def _explicitly_closed(node: Node) -> str | None:
    return (
        "'additionalProperties' must be explicitly set to false"
        if node.is_object and node.schema.get("additionalProperties") is not False
        else None
    )


def _few_items(node: Node) -> str | None:
    least = amount(node.schema.get("minItems"))
    return "'minItems' is supported with 0 and 1 only" if least is not None and least > 1 else None


def _pattern(node: Node) -> str | None:
    pattern = node.schema.get("pattern")
    if not isinstance(pattern, str):
        return None
    for form, name in (
        (LOOK_AROUND, "look-around"),
        (BACK_REFERENCE, "back references"),
        (WORD_BOUNDARY, "word boundaries"),
    ):
        if form.search(pattern):
            return f"a pattern with {name} is not supported"
    return None


def _format(node: Node) -> str | None:
    name = node.schema.get("format")
    return None if name is None or name in FORMATS else f"format {str(name)[:40]!r} is not supported"


def _typed(node: Node) -> str | None:
    return (
        None
        if any(key in node.schema for key in ("type", "anyOf", "oneOf", "allOf", "$ref", "const", "enum"))
        else "a schema needs a type"
    )


def _plain_enum(node: Node) -> str | None:
    return (
        "enum holds texts, numbers, booleans and null only"
        if any(isinstance(value, dict | list) for value in node.enum or ())
        else None
    )


def _no_reference_in_all_of(node: Node) -> str | None:
    return (
        "allOf with $ref is not supported"
        if any("$ref" in record(item) for item in sequence(node.schema.get("allOf")))
        else None
    )


def _local(node: Node) -> str | None:
    reference = node.schema.get("$ref")
    return None if reference is None or is_local(reference) else "an external $ref is not supported"


def _resolved(schema: Any) -> str | None:
    for node in walk(schema, ""):
        reference = node.schema.get("$ref")
        if is_local(reference) and resolve(schema, reference) is None:
            return f"$ref {str(reference)[:80]!r} leads to no definition"
    return None


def _not_recursive(schema: Any) -> str | None:
    return "a recursive schema is not supported" if is_cyclic(schema) else None


def _required_known(node: Node) -> str | None:
    extra = [
        name
        for name in sequence(node.schema.get("required"))
        if isinstance(name, str) and name not in record(node.schema.get("properties"))
    ]
    return f"required field '{extra[0]}' is not among the properties" if extra and "properties" in node.schema else None


def _optional(places: Places) -> Rule:
    def look(request: Request) -> Findings:
        count = 0
        for _, schema in places(request):
            for node in walk(schema, ""):
                required = [name for name in sequence(node.schema.get("required")) if isinstance(name, str)]
                count += len(set(record(node.schema.get("properties"))) - set(required))
        if count > OPTIONAL:
            yield "", f"schemas contain too many optional parameters ({count}), which exceeds the limit: {OPTIONAL}"

    words = "At most 24 optional parameters over all strict schemas."
    return Rule(name="strict-optional-parameters", words=words, source=COMPLEXITY, find=look)


def _unions(places: Places) -> Rule:
    def look(request: Request) -> Findings:
        count = 0
        for _, schema in places(request):
            for node in walk(schema, ""):
                count += "anyOf" in node.schema or isinstance(node.schema.get("type"), list)
        if count > UNIONS:
            yield (
                "",
                f"schemas contain too many parameters with union types ({count} with type arrays or anyOf), which exceeds the limit: {UNIONS}",
            )

    words = "At most 16 parameters with a union type over all strict schemas."
    return Rule(name="strict-union-parameters", words=words, source=COMPLEXITY, find=look)


def closed_explicitly(places: Places, source: Source) -> Rule:
    """Make Bedrock's rule that objects of structured output are closed explicitly."""
    return node_rule(
        "output-closed", "Every object sets additionalProperties to false.", source, places, _explicitly_closed
    )


def strict_rules(places: Places) -> tuple[Rule, ...]:
    """Make the rules of structured output and strict tools for the schemas at some places."""
    page = LIMITATIONS
    numbers = has_any("minimum maximum exclusiveMinimum exclusiveMaximum multipleOf")
    arrays = has_any("maxItems uniqueItems contains minContains maxContains unevaluatedItems")
    objects = has_any(
        "minProperties maxProperties patternProperties propertyNames dependentRequired dependentSchemas unevaluatedProperties"
    )
    return (
        node_rule("strict-closed", "additionalProperties is false or absent.", page, places, _closed),
        node_rule("strict-numbers", "Bounds of numbers are not supported.", page, places, numbers),
        node_rule("strict-texts", "Lengths of texts are not supported.", page, places, has_any("minLength maxLength")),
        node_rule(
            "strict-arrays", "Bounds of arrays are not supported, but for minItems 0 and 1.", page, places, arrays
        ),
        node_rule("strict-min-items", "minItems is 0 or 1.", page, places, _few_items),
        node_rule("strict-objects", "Keywords of maps are not supported.", page, places, objects),
        node_rule(
            "strict-conditions",
            "not, if, then and else are not supported.",
            page.assumed(),
            places,
            has_any("not if then else"),
        ),
        node_rule(
            "strict-one-of",
            "oneOf is not supported; anyOf is.",
            client("litellm@1.110.2 llms/anthropic/chat/transformation.py", "2026-11-30"),
            places,
            has_any("oneOf", "Schema type '{}' is not supported"),
        ),
        node_rule("strict-all-of", "allOf does not hold $ref.", page, places, _no_reference_in_all_of),
        node_rule(
            "strict-pattern",
            "Patterns have no back references, look-around or word boundaries.",
            page,
            places,
            _pattern,
        ),
        node_rule("strict-format", "format is one of ten names.", SDK.at("SupportedStringFormats"), places, _format),
        node_rule("strict-type", "A sub-schema says what it is.", SDK.at("transform_schema"), places, _typed),
        node_rule("strict-enum", "enum holds plain values.", page, places, _plain_enum),
        node_rule("strict-external-reference", "External references are not supported.", page, places, _local),
        schema_rule(
            "strict-reference-target", "References lead to definitions of the same schema.", page, places, _resolved
        ),
        schema_rule("strict-recursion", "Recursive schemas are not supported.", page, places, _not_recursive),
        node_rule("strict-required", "Required names are properties.", page, places, _required_known),
        _optional(places),
        _unions(places),
    )
