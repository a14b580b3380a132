"""Groq: OpenAI's chat completions, more strictly."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pipelex_rules import forms
from pipelex_rules.rule import rule
from pipelex_rules.schemas.others import groq_strict_rules, groq_tool_rules
from pipelex_rules.shapes import BOOLEAN, OBJECT, TEXT, choice, either, integer, listing, number, obj, tagged, text
from pipelex_rules.sources import Source, thread
from pipelex_rules.values import dig, records
from pipelex_rules.wires import openai_chat, openai_chat_messages, openai_chat_shapes
from pipelex_rules.wires.openai_chat_shapes import FUNCTION

if TYPE_CHECKING:
    from pipelex_rules.rule import Findings, Request

SDK = Source("github:groq/groq-python src/groq/types/chat/completion_create_params.py@9620fde", "2026-08-18")
_MESSAGES = openai_chat_messages.MESSAGE.shapes
_CALL = obj(
    "id function", id=TEXT, type=choice("function"), function=obj("name arguments", name=text(1), arguments=TEXT)
)
_ASSISTANT = _MESSAGES["assistant"].having(
    drop="annotations audio refusal", reasoning=TEXT, tool_calls=listing(_CALL), executed_tools=listing(), closed=True
)
_TOOL = _MESSAGES["tool"].having(tool_call_id=TEXT)
_MESSAGE = tagged(
    "role",
    shapes={**_MESSAGES, "assistant": _ASSISTANT, "tool": _TOOL},
    source=thread("https://github.com/janhq/jan/issues/8136", "2026-05-13"),
)
_TOOLS = listing(
    tagged(shapes={"function": obj("function", function=FUNCTION.having(description=TEXT))}, open=True), at_most=128
)
BODY = openai_chat.open_body(
    model=text(1),
    messages=listing(_MESSAGE, at_least=1),
    tools=_TOOLS,
    n=integer(1, 1),
    temperature=number(0, 2),
    reasoning_effort=choice("none default low medium high"),
    reasoning_format=choice("hidden raw parsed"),
    include_reasoning=BOOLEAN,
    service_tier=choice("auto on_demand flex performance"),
    stop=either(TEXT, listing(TEXT, at_most=4)),
    citation_options=choice("enabled disabled"),
    disable_tool_validation=BOOLEAN,
    documents=listing(
        obj("source", id=TEXT, source=tagged(shapes={"text": obj("text", text=TEXT), "json": obj("data", data=OBJECT)}))
    ),
    include_domains=listing(TEXT),
    exclude_domains=listing(TEXT),
    search_settings=obj(
        country=TEXT, include_domains=listing(TEXT), exclude_domains=listing(TEXT), include_images=BOOLEAN
    ),
    compound_custom=obj(models=obj(answering_model=TEXT, reasoning_model=TEXT), tools=OBJECT),
    tool_choice=openai_chat_shapes.TOOL_CHOICE,
    max_completion_tokens=integer(1),
).but(required=frozenset({"model", "messages"}))
_REASONING = ("gpt-oss", "qwen3", "qwen-qwq", "deepseek-r1", "qwen/qwen3")


@rule(SDK)
def unsupported_parameters(request: Request) -> Findings:
    """logit_bias, logprobs, top_logprobs, metadata and store are not supported."""
    for name in ("logit_bias", "logprobs", "top_logprobs"):
        if request.has(name) and request.get(name) is not False:
            yield name, f"property '{name}' is unsupported"
    for name in ("metadata", "store"):
        if request.get(name):
            yield name, f"property '{name}' is unsupported"


@rule(SDK)
def two_reasoning_parameters(request: Request) -> Findings:
    """include_reasoning and reasoning_format exclude each other."""
    if request.has("include_reasoning") and request.has("reasoning_format"):
        yield "reasoning_format", "include_reasoning and reasoning_format are mutually exclusive"


@rule(Source("https://console.groq.com/docs/reasoning", "2026-08"))
def raw_reasoning(request: Request) -> Findings:
    """reasoning_format raw excludes JSON mode and tools."""
    if request.get("reasoning_format") == "raw" and (
        request.get("tools") or dig(request.get("response_format"), "type") == "json_object"
    ):
        yield "reasoning_format", "reasoning_format must be hidden or parsed with JSON mode or tools"


@rule(Source("https://console.groq.com/docs/structured-outputs", "2026-07"))
def json_without_tools(request: Request) -> Findings:
    """JSON mode and JSON schemas exclude tools."""
    if request.get("tools") and dig(request.get("response_format"), "type") in ("json_object", "json_schema"):
        yield "response_format", "json mode cannot be combined with tool/function calling"


@rule(Source("https://console.groq.com/docs/structured-outputs.md", "2026-11-30"))
def strict_without_streams(request: Request) -> Findings:
    """Structured output excludes streams."""
    if dig(request.get("response_format"), "type") == "json_schema" and request.get("stream") is True:
        yield "stream", "streaming is not supported with structured outputs"


@rule(SDK)
def effort_levels(request: Request) -> Findings:
    """gpt-oss takes low, medium and high; qwen3 none and default."""
    wanted = request.get("reasoning_effort")
    if wanted is None:
        return
    if "gpt-oss" in request.model and wanted in ("none", "default"):
        yield "reasoning_effort", "reasoning_effort must be one of low, medium, high"
    if "qwen3" in request.model and wanted in ("low", "medium", "high"):
        yield "reasoning_effort", "reasoning_effort must be one of none, default"


@rule(thread("https://github.com/vercel/ai/pull/8057", "2025-08-14"))
def reasoning_of_other_models(request: Request) -> Findings:
    """Models that do not reason refuse reasoning in a message."""
    if not request.model or any(name in request.model for name in _REASONING):
        return
    for index, message in records(request.get("messages")):
        if message.get("reasoning") is not None:
            yield f"messages[{index}].reasoning", "reasoning is not supported with this model"


@rule(Source("https://console.groq.com/docs/reasoning", "2026-08").assumed())
def reasoning_of_other_models_is_not_requested_for(request: Request) -> Findings:
    """Models that do not reason refuse reasoning_effort and reasoning_format."""
    if request.model.startswith(("llama-", "meta-llama/", "gemma", "moonshotai/", "allam", "mistral-")):
        for name in ("reasoning_effort", "reasoning_format"):
            if request.has(name):
                yield name, f"`{name}` is not supported with this model"


_SHARED = (
    openai_chat.stream_options_without_stream,
    openai_chat.tool_choice_without_tools,
    openai_chat.tool_choice_names_a_tool,
    openai_chat.json_mode_without_the_word,
    openai_chat_messages.calls_are_answered,
    openai_chat_messages.results_follow_calls,
    openai_chat_messages.image_types,
)
RULES = (
    unsupported_parameters,
    two_reasoning_parameters,
    raw_reasoning,
    json_without_tools,
    strict_without_streams,
    effort_levels,
    reasoning_of_other_models,
    reasoning_of_other_models_is_not_requested_for,
    *_SHARED,
    *groq_strict_rules(openai_chat.strict_schemas),
    *groq_tool_rules(openai_chat.tool_schemas),
)
CHAT = openai_chat.CHAT.of("groq", shape=BODY, rules=RULES, form=forms.openai, source=SDK)
