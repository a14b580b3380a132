"""Converse's rules."""

from __future__ import annotations

import json
from typing import Any

from tests.rules.examples.base import STRICT, Example, user

_SPEC = {"toolSpec": {"name": "f", "inputSchema": {"json": {"type": "object"}}}}
_TOOL_USE = {"toolUse": {"toolUseId": "t1", "name": "f", "input": {}}}
_TOOL_RESULT = {"toolResult": {"toolUseId": "t1", "content": [{"text": "1"}]}}
_ASKED = {"role": "user", "content": [{"text": "a"}]}
_DOCUMENT = {"document": {"format": "txt", "name": "a", "source": {"bytes": "YQ=="}}}
_NOVA = "us.amazon.nova-pro-v1:0"
_TITAN = "amazon.titan-embed-text-v2:0"
_COHERE = "us.cohere.embed-v4:0"
_EMBED = {"texts": ["a"], "input_type": "search_query"}
_NOVA_VECTORS = "amazon.nova-2-multimodal-embeddings-v1:0"


def _nova(**wanted: Any) -> dict[str, Any]:
    text = {"truncationMode": "NONE", "value": "a"}
    return {
        "taskType": "SINGLE_EMBEDDING",
        "singleEmbeddingParams": {"embeddingPurpose": "GENERIC_INDEX", "text": text, **wanted},
    }


def _turns(*turns: Any) -> dict[str, Any]:
    return {"toolConfig": {"tools": [_SPEC]}, "messages": list(turns)}


def _assistant(*blocks: Any) -> dict[str, Any]:
    return {"role": "assistant", "content": list(blocks)}


def _output(schema: str) -> dict[str, Any]:
    return {
        "outputConfig": {
            "textFormat": {"type": "json_schema", "structure": {"jsonSchema": {"name": "r", "schema": schema}}}
        }
    }


def _extra(**fields: Any) -> dict[str, Any]:
    return {"additionalModelRequestFields": fields}


_BUDGET = {"thinking": {"type": "enabled", "budget_tokens": 2_000}}
BEDROCK: list[Example] = [
    Example(rule="bedrock.converse.a-message-is-needed", bad={"messages": []}),
    Example(rule="bedrock.converse.schema-is-json", good=_output(json.dumps(STRICT)), bad=_output("{")),
    Example(
        rule="bedrock.converse.tool-names-are-unique",
        good={"toolConfig": {"tools": [_SPEC]}},
        bad={"toolConfig": {"tools": [_SPEC, _SPEC]}},
    ),
    Example(
        rule="bedrock.converse.document-names-are-unique",
        good={"messages": [user({"text": "a"}, _DOCUMENT)]},
        bad={"messages": [user({"text": "a"}, _DOCUMENT, _DOCUMENT)]},
    ),
    Example(
        rule="bedrock.converse.calls-and-results-of-their-role",
        good=_turns(_ASKED, _assistant(_TOOL_USE), user(_TOOL_RESULT)),
        bad=_turns(user({"text": "a"}, _TOOL_USE)),
    ),
    Example(rule="bedrock.converse.calls-are-answered", bad=_turns(_ASKED, _assistant(_TOOL_USE), _ASKED)),
    Example(
        rule="bedrock.converse.call-ids-are-unique",
        bad=_turns(_ASKED, _assistant(_TOOL_USE), user(_TOOL_RESULT), _assistant(_TOOL_USE), user(_TOOL_RESULT)),
    ),
    Example(
        rule="bedrock.converse.results-of-models-without-tools",
        bad={"toolConfig": {"tools": [_SPEC]}},
        model="amazon.titan-text-express-v1",
    ),
    Example(
        rule="bedrock.converse.results-of-nova",
        good=_turns(_ASKED, _assistant(_TOOL_USE), user(_TOOL_RESULT)),
        bad=_turns(user(_TOOL_RESULT)),
        model=_NOVA,
    ),
    Example(rule="bedrock.converse.first-message", bad={"messages": [_assistant({"text": "a"}), _ASKED]}, model=_NOVA),
    Example(
        rule="bedrock.converse.effort-without-thinking",
        good={"outputConfig": {"effort": "high"}, **_extra(thinking={"type": "disabled"})},
        bad={"outputConfig": {"effort": "max"}, **_extra(thinking={"type": "disabled"})},
        model="us.anthropic.claude-opus-5",
    ),
    Example(
        rule="bedrock.converse.sampling-of-claude",
        good={"inferenceConfig": {"temperature": 0.5}},
        bad={"inferenceConfig": {"temperature": 0.5, "topP": 0.5}},
    ),
    Example(
        rule="bedrock.converse.thinking-of-claude",
        good={"inferenceConfig": {"maxTokens": 4_000}, **_extra(**_BUDGET)},
        bad={"inferenceConfig": {"maxTokens": 1_000}, **_extra(**_BUDGET)},
    ),
    Example(rule="bedrock.invoke.titan-text", good={"inputText": "a"}, bad={"inputText": "a" * 50_001}, model=_TITAN),
    Example(
        rule="bedrock.invoke.titan-dimensions",
        good={"inputText": "a", "dimensions": 256},
        bad={"inputText": "a", "dimensions": 300},
        model=_TITAN,
    ),
    Example(rule="bedrock.invoke.cohere-texts", good=_EMBED, bad={**_EMBED, "texts": ["a"] * 97}, model=_COHERE),
    Example(rule="bedrock.invoke.cohere-purpose", good=_EMBED, bad={"texts": ["a"]}, model=_COHERE),
    Example(
        rule="bedrock.invoke.cohere-cut",
        good={**_EMBED, "truncate": "NONE"},
        bad={**_EMBED, "truncate": "MIDDLE"},
        model=_COHERE,
    ),
    Example(
        rule="bedrock.invoke.nova-task",
        good=_nova(),
        bad={**_nova(), "taskType": "EMBEDDING"},
        model=_NOVA_VECTORS,
    ),
    Example(
        rule="bedrock.invoke.nova-parameters",
        good=_nova(embeddingDimension=384),
        bad=_nova(embeddingDimension=500),
        model=_NOVA_VECTORS,
    ),
    Example(
        rule="bedrock.invoke.marengo-input",
        good={"inputType": "text", "text": {"inputText": "a"}},
        bad={"inputType": "text", "inputText": "a"},
        model="twelvelabs.marengo-embed-3-0-v1:0",
    ),
    Example(
        rule="bedrock.invoke.bedrock-documents",
        good={"query": "a", "documents": ["a"]},
        bad={"query": "a", "documents": ["a"] * 1_001},
        model="amazon.rerank-v1:0",
    ),
    Example(
        rule="bedrock.invoke.bedrock-results",
        good={"query": "a", "documents": ["a"], "top_n": 1},
        bad={"query": "a", "documents": ["a"], "top_n": 2},
        model="amazon.rerank-v1:0",
    ),
    Example(
        rule="bedrock.invoke.bedrock-cohere-version",
        good={"query": "a", "documents": ["a"], "api_version": 2},
        bad={"query": "a", "documents": ["a"]},
        model="cohere.rerank-v3-5:0",
    ),
]
