"""OpenRouter: OpenAI's chat completions in front of many providers."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pipelex_rules import forms
from pipelex_rules.rule import rule
from pipelex_rules.shapes import (
    ANY,
    BOOLEAN,
    INTEGER,
    OBJECT,
    TEXT,
    choice,
    either,
    integer,
    listing,
    mapping,
    number,
    obj,
    tagged,
    text,
)
from pipelex_rules.sources import Source, thread
from pipelex_rules.wires import openai_chat, openai_chat_messages, openai_responses, xai

if TYPE_CHECKING:
    from pipelex_rules.rule import Findings, Request

SPECIFICATION = Source("github:OpenRouterTeam/typescript-sdk .speakeasy/out.openapi.yaml@cb9393a", "2026-08-22")
_EFFORT = choice("max xhigh high medium low minimal none")
_FUNCTION = obj("name", name=text(1, 64), description=TEXT, parameters=OBJECT, strict=BOOLEAN)
_JSON_SCHEMA = obj("name", name=text(1, 64), description=TEXT, schema=OBJECT, strict=BOOLEAN)
_FORMATS = {
    "text": obj(),
    "json_object": obj(),
    "json_schema": obj("json_schema", json_schema=_JSON_SCHEMA),
    "grammar": obj("grammar"),
    "python": obj(),
}
SDK = Source("openrouter@1.3.84 components", "2026-11-30")
CACHE_CONTROL = obj("type", type=choice("ephemeral"), ttl=choice("5m 1h"), origin=SDK)
_SWITCHED = {"enabled": BOOLEAN}
_MODELS = {**_SWITCHED, "allowed_models": listing(TEXT), "excluded_models": listing(TEXT)}
_PLUGINS = {
    "web": obj(
        fields=_SWITCHED,
        engine=choice("native exa firecrawl parallel perplexity"),
        include_domains=listing(TEXT),
        exclude_domains=listing(TEXT),
        max_results=INTEGER,
        max_uses=INTEGER,
        search_prompt=TEXT,
        origin=SDK,
    ),
    "file-parser": obj(fields=_SWITCHED, pdf=OBJECT),
    "context-compression": obj(fields=_SWITCHED, engine=choice("middle-out", source=SDK)),
    "auto-router": obj(fields=_MODELS, cost_tier=choice("low medium high xhigh max", source=SDK)),
    "pareto-router": obj(fields=_MODELS, price_source=choice("prompt weighted_avg", source=SDK)),
    "response-healing": obj(fields=_SWITCHED),
    "moderation": obj(fields=_SWITCHED),
}
"""Plugins by id; newer ones are taken as they are."""
_STOP = tagged(
    shapes={
        "finish_reason_is": obj("reason", reason=TEXT),
        "has_tool_call": obj("tool_name", tool_name=TEXT),
        "max_cost": obj("max_cost_in_dollars", max_cost_in_dollars=number(0)),
        "max_tokens_used": obj("max_tokens", max_tokens=INTEGER),
        "step_count_is": obj("step_count", step_count=INTEGER),
    },
    source=SDK,
)
BODY = openai_chat.open_body(
    model=TEXT,
    models=listing(TEXT),
    tools=listing(tagged(shapes={"function": obj("function", function=_FUNCTION)}, open=True)),
    response_format=tagged(shapes=_FORMATS),
    reasoning=obj(
        effort=_EFFORT, max_tokens=integer(0), exclude=BOOLEAN, enabled=BOOLEAN, summary=choice("auto concise detailed")
    ),
    reasoning_effort=_EFFORT,
    session_id=text(0, 256),
    user=TEXT,
    metadata=mapping(text(0, 512), at_most=16, keys=r"(?s)[^\[\]]{1,64}"),
    frequency_penalty=number(-2, 2),
    presence_penalty=number(-2, 2),
    repetition_penalty=number(0, 2),
    min_p=number(0, 1),
    top_a=number(0, 1),
    top_k=number(0),
    top_logprobs=integer(0, 20),
    tool_choice=either(choice("auto none required"), OBJECT),
    provider=obj(
        sort=either(choice("price throughput latency"), OBJECT),
        data_collection=choice("deny allow"),
        allow_fallbacks=BOOLEAN,
        require_parameters=BOOLEAN,
        order=listing(TEXT),
        only=listing(TEXT),
        ignore=listing(TEXT),
    ),
    plugins=listing(tagged("id", shapes=_PLUGINS, open=True)),
    cache_control=CACHE_CONTROL,
    stop_server_tools_when=listing(_STOP),
    transforms=listing(TEXT),
    usage=OBJECT,
    logit_bias=mapping(number()),
    stop=either(TEXT, listing(TEXT, at_most=4)),
    route=choice("fallback sort"),
    modalities=listing(choice("text image audio")),
    max_tokens=integer(1),
    max_completion_tokens=integer(1),
    prediction=ANY,
    audio=ANY,
    logprobs=BOOLEAN,
)
_WITHOUT_TOOLS = ("perplexity/sonar", "deepseek/deepseek-r1-distill", "google/gemma-2", "meta-llama/llama-guard")
_WITHOUT_REQUIRED = ("z-ai/glm-4.5-air", "z-ai/glm-4.5", "z-ai/glm-4.6")


@rule(thread("https://github.com/bobrware/bobrchat/issues/60", "2026-02-03"), status=404)
def models_without_tools(request: Request) -> Findings:
    """Tools need a model of which an endpoint supports them."""
    if request.get("tools") and request.model.startswith(_WITHOUT_TOOLS):
        yield (
            "",
            "No endpoints found that support tool use. To learn more about provider routing, visit: https://openrouter.ai/docs/guides/routing/provider-selection",
        )


@rule(thread("https://github.com/zed-industries/zed/issues/36094", "2025-08-13"), status=404)
def models_without_required(request: Request) -> Findings:
    """A tool_choice needs a model of which an endpoint supports it."""
    if request.get("tool_choice") not in (None, "auto", "none") and request.model.startswith(_WITHOUT_REQUIRED):
        yield "", "No endpoints found that support the provided 'tool_choice' value"


@rule(SPECIFICATION)
def one_limit_of_reasoning(request: Request) -> Findings:
    """reasoning.effort and reasoning.max_tokens exclude each other."""
    reasoning = request.get("reasoning")
    if isinstance(reasoning, dict) and reasoning.get("effort") is not None and reasoning.get("max_tokens") is not None:
        yield "reasoning", 'only one of "reasoning.effort" and "reasoning.max_tokens" can be specified'


RULES = (
    openai_chat_messages.arguments_are_text,
    models_without_tools,
    models_without_required,
    one_limit_of_reasoning,
    openai_chat.tool_choice_names_a_tool,
)
CHAT = openai_chat.CHAT.of("openrouter", shape=BODY, rules=RULES, form=forms.openrouter, source=SPECIFICATION)
RESPONSES = openai_responses.RESPONSES.of(
    "openrouter", shape=xai.RESPONSES.shape, rules=(), form=forms.openrouter, source=SPECIFICATION
)
