"""What strict schemas of each dialect may not have."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tests.rules.examples.base import STRICT, Example, chat_format, claude_format, responses_format, strict_object

if TYPE_CHECKING:
    from collections.abc import Iterator


def _deep(levels: int) -> dict[str, Any]:
    return {"type": "string"} if levels == 0 else strict_object(a=_deep(levels - 1))


OPENAI_SCHEMAS: dict[str, dict[str, Any]] = {
    "strict-root": {"anyOf": [STRICT]},
    "strict-type-name": strict_object(a={"type": "text"}),
    "strict-closed": {"type": "object", "properties": {"a": {"type": "string"}}, "required": ["a"]},
    "strict-required": {**STRICT, "required": []},
    "strict-reference": {
        **strict_object(a={"$ref": "#/$defs/x", "description": "An x."}),
        "$defs": {"x": {"type": "string"}},
    },
    "strict-reference-target": strict_object(a={"$ref": "#/$defs/nothing"}),
    "strict-keyword": strict_object(a={"type": "string", "not": {"type": "null"}}),
    "strict-one-of": strict_object(a={"oneOf": [{"type": "string"}, {"type": "null"}]}),
    "strict-further-keyword": strict_object(a={"type": "array", "items": {"type": "string"}, "uniqueItems": True}),
    "strict-format": strict_object(a={"type": "string", "format": "color"}),
    "strict-pattern": strict_object(a={"type": "string", "pattern": "(?=a)b"}),
    "strict-items": strict_object(a={"type": "array"}),
    "strict-nesting": _deep(12),
    "strict-properties": strict_object(**{f"p{n}": {"type": "string"} for n in range(5_001)}),
    "strict-enum-values": strict_object(a={"type": "string", "enum": [str(n) for n in range(1_001)]}),
    "strict-enum-length": strict_object(a={"type": "string", "enum": [f"{n:060}" for n in range(251)]}),
    "strict-characters": strict_object(**{f"{n:0100}": {"type": "string"} for n in range(1_201)}),
}
"""What OpenAI's strict mode refuses, by the rule's name."""

CLAUDE_SCHEMAS: dict[str, dict[str, Any]] = {
    "strict-closed": {**STRICT, "additionalProperties": {"type": "string"}},
    "strict-texts": strict_object(a={"type": "string", "minLength": 1}),
    "strict-arrays": strict_object(a={"type": "array", "items": {"type": "string"}, "maxItems": 3}),
    "strict-min-items": strict_object(a={"type": "array", "items": {"type": "string"}, "minItems": 2}),
    "strict-objects": {**STRICT, "patternProperties": {"^a": {"type": "string"}}},
    "strict-conditions": strict_object(a={"type": "string", "not": {"const": "b"}}),
    "strict-one-of": strict_object(a={"oneOf": [{"type": "string"}, {"type": "null"}]}),
    "strict-all-of": {**strict_object(a={"allOf": [{"$ref": "#/$defs/x"}]}), "$defs": {"x": {"type": "string"}}},
    "strict-pattern": strict_object(a={"type": "string", "pattern": r"(a)\1"}),
    "strict-format": strict_object(a={"type": "string", "format": "color"}),
    "strict-type": strict_object(a={"description": "anything"}),
    "strict-enum": strict_object(a={"enum": [{"b": 1}]}),
    "strict-external-reference": strict_object(a={"$ref": "https://x.test/schema.json"}),
    "strict-reference-target": strict_object(a={"$ref": "#/$defs/nothing"}),
    "strict-recursion": {
        **strict_object(a={"$ref": "#/$defs/x"}),
        "$defs": {"x": strict_object(b={"$ref": "#/$defs/x"})},
    },
    "strict-required": {**STRICT, "required": ["a", "b"]},
    "strict-optional-parameters": {
        **strict_object(a={"type": "string"}),
        "properties": {f"p{n}": {"type": "string"} for n in range(26)} | {"a": {"type": "string"}},
    },
    "strict-union-parameters": strict_object(**{f"p{n}": {"type": ["string", "null"]} for n in range(17)}),
}
"""What Claude's strict schemas refuse."""

GEMINI_SCHEMAS: dict[str, dict[str, Any]] = {
    "keyword": {"type": "OBJECT", "properties": {"a": {"type": "STRING"}}, "const": 1},
    "type": {"type": ["STRING", "NULL"]},
    "enum": {"type": "STRING", "enum": [1]},
    "format": {"type": "STRING", "format": "color"},
    "items": {"type": "ARRAY"},
    "required": {"type": "OBJECT", "properties": {"a": {"type": "STRING"}}, "required": ["b"]},
}
"""What Gemini's `Schema` refuses, where `responseSchema` and `parameters` are of it."""


def _strict_tool(schema: Any) -> dict[str, Any]:
    return {"toolConfig": {"tools": [{"toolSpec": {"name": "f", "strict": True, "inputSchema": {"json": schema}}}]}}


def _gemini_format(schema: Any) -> dict[str, Any]:
    return {"generationConfig": {"responseMimeType": "application/json", "responseSchema": schema}}


def _gemini_tool(schema: Any) -> dict[str, Any]:
    return {
        "tools": [
            {"functionDeclarations": [{"name": "f", "parameters": {"type": "OBJECT", "properties": {"p": schema}}}]}
        ]
    }


def schemas() -> Iterator[Example]:
    for name, schema in OPENAI_SCHEMAS.items():
        yield Example(rule=f"openai.chat.{name}", good=chat_format(STRICT), bad=chat_format(schema))
        yield Example(rule=f"openai.responses.{name}", good=responses_format(STRICT), bad=responses_format(schema))
    for name, schema in CLAUDE_SCHEMAS.items():
        yield Example(rule=f"bedrock.converse.{name}", good=_strict_tool(STRICT), bad=_strict_tool(schema))
        yield Example(rule=f"anthropic.messages.{name}", good=claude_format(STRICT), bad=claude_format(schema))
    for name, schema in GEMINI_SCHEMAS.items():
        good = {"type": "STRING"}
        yield Example(
            rule=f"google.generateContent.response-schema-{name}", good=_gemini_format(good), bad=_gemini_format(schema)
        )
        yield Example(
            rule=f"google.generateContent.parameters-{name}", good=_gemini_tool(good), bad=_gemini_tool(schema)
        )
    for name, schema in {
        "target": {"$ref": "#/$defs/nothing"},
        "type": {"type": "text"},
    }.items():
        config = {"responseMimeType": "application/json", "responseJsonSchema": {"type": "object"}}
        bad = {**config, "responseJsonSchema": {"type": "object", "properties": {"a": schema}}}
        yield Example(
            rule=f"google.generateContent.json-schema-{name}",
            good={"generationConfig": config},
            bad={"generationConfig": bad},
        )
    for api, format_ in (("chat", chat_format), ("responses", responses_format)):
        bad = strict_object(a={"type": "string", "allOf": [{"minLength": 1}]})
        yield Example(rule=f"xai.{api}.schema-keyword", good=format_(STRICT), bad=format_(bad))
    for name, schema in {
        "strict-required": {**STRICT, "required": []},
        "strict-type": strict_object(a={"description": "anything"}),
        "strict-lengths": strict_object(a={"type": "string", "minLength": 1}),
    }.items():
        tools = [{"type": "function", "function": {"name": "f", "strict": True, "parameters": part}} for part in (STRICT, schema)]  # fmt: skip
        yield Example(rule=f"deepseek.chat.{name}", good={"tools": tools[:1]}, bad={"tools": tools[1:]})
