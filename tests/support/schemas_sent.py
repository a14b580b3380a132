"""What each plugin sends for a type, and what the rulebook says of it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pipelex_rules
from pipelex_backend_anthropic._request import message_body
from pipelex_backend_bedrock._request import converse_parameters
from pipelex_backend_google._body import text_body
from pipelex_backend_mistral._chat_request import chat_body as mistral_body
from pipelex_backend_openai._chat import object_body
from pipelex_backend_openai._responses import response_object_body
from pipelex_backend_openai._traits import traits_of
from pipelex_core.parts import Message, TextPart
from pipelex_core.requests import ObjectRequest
from pipelex_core.specs import ModelSpec

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from pipelex_core.objects import ObjectType
    from pipelex_core.parts import Tool

Body = dict[str, Any]


def _openai(backend: str) -> Callable[[ObjectRequest], Body]:
    return lambda request: object_body(request, traits_of(backend, request.spec.options), f"{backend}/chat").body


def _responses(request: ObjectRequest) -> Body:
    return response_object_body(request, traits_of("openai", request.spec.options), "openai/responses").body


def _anthropic(request: ObjectRequest) -> Body:
    return message_body(request, {})


def _vertex_anthropic(request: ObjectRequest) -> Body:
    body = {name: value for name, value in message_body(request, {}).items() if name != "model"}
    return {**body, "anthropic_version": "2026-10-21"}


def _bedrock(request: ObjectRequest) -> Body:
    parameters = converse_parameters(request, {})
    return {name: value for name, value in parameters.items() if name != "modelId"}


STRICT = {"strict_schemas": True, "structured_output": "json_schema"}
STRICT_TOOL = {"strict_schemas": True, "structured_output": "tool"}
WIRES: dict[str, tuple[str, str, str, Mapping[str, Any], Callable[[ObjectRequest], Body]]] = {
    "openai": ("openai", "chat", "gpt-4o-mini", {}, _openai("openai")),
    "openai by a tool": ("openai", "chat", "gpt-4o-mini", {"structured_output": "tool"}, _openai("openai")),
    "openai, fine-tuned": ("openai", "chat", "ft:gpt-4o-mini:me", {}, _openai("openai")),
    "openai responses": ("openai", "responses", "gpt-4o-mini", {}, _responses),
    "azure": ("azure_openai", "chat", "gpt-4o-mini", {}, _openai("azure_openai")),
    "groq": ("groq", "chat", "openai/gpt-oss-20b", {}, _openai("groq")),
    "groq, strict": ("groq", "chat", "openai/gpt-oss-20b", STRICT, _openai("groq")),
    "xai": ("xai", "chat", "grok-4.3", {}, _openai("xai")),
    "deepseek": ("deepseek", "chat", "deepseek-chat", {}, _openai("deepseek")),
    "deepseek, strict": ("deepseek", "chat", "deepseek-chat", STRICT_TOOL, _openai("deepseek")),
    "openrouter": ("openrouter", "chat", "openai/gpt-4o-mini", {}, _openai("openrouter")),
    "anthropic": ("anthropic", "messages", "claude-sonnet-4-5", {}, _anthropic),
    "anthropic by a tool": ("anthropic", "messages", "claude-sonnet-4-5", {"structured_output": "tool"}, _anthropic),
    "claude on vertex ai": (
        *("anthropic", "rawPredict", "claude-sonnet-4-5"),
        {"structured_output": "tool"},
        _vertex_anthropic,
    ),
    "mistral": ("mistral", "chat", "mistral-large-latest", {}, mistral_body),
    "gemini": ("google", "generateContent", "gemini-3-flash", {}, text_body),
    "bedrock": ("bedrock", "converse", "anthropic.claude-sonnet-4-5-v1:0", {}, _bedrock),
    "bedrock by a schema": (
        *("bedrock", "converse", "anthropic.claude-sonnet-4-5-v1:0"),
        {"structured_output": "json_schema"},
        _bedrock,
    ),
}
"""Ways to ask for an object: the provider and API of the rulebook, a model, its options, and what makes the body."""


def request_for(kind: ObjectType[Any], way: str, tools: Sequence[Tool] = ()) -> ObjectRequest:
    """The request that a plugin gets for an object."""
    _, _, model, options, _ = WIRES[way]
    spec = ModelSpec(name="m", backend="b", sdk="s", model_id=model, options=options, max_tokens=1000)
    messages = (Message(role="user", parts=(TextPart("Read this."),)),)
    return ObjectRequest(
        spec=spec, messages=messages, tools=tuple(tools), schema=kind.schema, schema_name=kind.name, max_tokens=100
    )


def body_for(kind: ObjectType[Any], way: str, tools: Sequence[Tool] = ()) -> Body:
    """The JSON of the request that a plugin sends for an object."""
    body: Body = json.loads(json.dumps(WIRES[way][4](request_for(kind, way, tools))))
    return body


def refused(body: Body, way: str) -> list[str]:
    """What the provider refuses in a body, by the rulebook."""
    provider, api, model, _, _ = WIRES[way]
    found = pipelex_rules.check(provider, api, body, model=model)
    return [f"{each.rule} at {each.place}: {each.words}" for each in found]
