"""OpenAI's chat completions: `POST /v1/chat/completions`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pipelex_rules import forms
from pipelex_rules.rule import rule
from pipelex_rules.schemas.openai_strict import fine_tuned_rules, strict_rules
from pipelex_rules.schemas.others import object_root_rule
from pipelex_rules.shapes import (
    ANY,
    INTEGER,
    OBJECT,
    TEXT,
    Shape,
    listing,
    obj,
    tagged,
    text,
)
from pipelex_rules.sources import Source, thread
from pipelex_rules.values import dig, records, string
from pipelex_rules.wire import Wire
from pipelex_rules.wires import openai_chat_messages as messages
from pipelex_rules.wires import openai_chat_models as models
from pipelex_rules.wires.openai_chat_shapes import BODY, FUNCTION

if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any

    from pipelex_rules.rule import Findings, Request

SPECIFICATION = Source("github:openai/openai-openapi openapi.json@f85dbe2", "2026-08-21")


def strict_schemas(request: Request) -> Iterator[tuple[str, Any]]:
    """Find the schemas of a request that are in strict mode."""
    wanted = dig(request.get("response_format"), "json_schema")
    if dig(wanted, "strict") is True and dig(wanted, "schema") is not None:
        yield "response_format.json_schema.schema", dig(wanted, "schema")
    for index, tool in records(request.get("tools")):
        if dig(tool, "function", "strict") is True and dig(tool, "function", "parameters") is not None:
            yield f"tools[{index}].function.parameters", dig(tool, "function", "parameters")


def tool_schemas(request: Request) -> Iterator[tuple[str, Any]]:
    """Find the schemas of a request's tools."""
    for index, tool in records(request.get("tools")):
        if dig(tool, "function", "parameters") is not None:
            yield f"tools[{index}].function.parameters", dig(tool, "function", "parameters")


def _fine_tuned(request: Request) -> Iterator[tuple[str, Any]]:
    if request.model.startswith("ft:"):
        yield from strict_schemas(request)


def tool_names(request: Request) -> set[str]:
    """Collect the names of a request's tools."""
    return {
        string(dig(tool, kind, "name")) for _, tool in records(request.get("tools")) for kind in ("function", "custom")
    } - {""}


@rule(SPECIFICATION)
def stream_options_without_stream(request: Request) -> Findings:
    """stream_options only with stream true."""
    if request.has("stream_options") and request.get("stream") is not True:
        yield "stream_options", "the 'stream_options' parameter is only allowed when 'stream' is enabled"


@rule(SPECIFICATION)
def top_logprobs_without_logprobs(request: Request) -> Findings:
    """top_logprobs needs logprobs true."""
    if request.has("top_logprobs") and request.get("top_logprobs") != 0 and request.get("logprobs") is not True:
        yield "top_logprobs", "the 'top_logprobs' parameter is only allowed when 'logprobs' is enabled"


@rule(SPECIFICATION)
def tool_choice_without_tools(request: Request) -> Findings:
    """tool_choice is only allowed with tools."""
    if request.has("tool_choice") and not request.has("tools") and request.get("tool_choice") not in ("none", "auto"):
        yield "tool_choice", "'tool_choice' is only allowed when 'tools' are specified"


@rule(SPECIFICATION)
def parallel_calls_without_tools(request: Request) -> Findings:
    """parallel_tool_calls is only allowed with tools."""
    if request.has("parallel_tool_calls") and not request.has("tools"):
        yield "parallel_tool_calls", "'parallel_tool_calls' is only allowed when 'tools' are specified"


@rule(SPECIFICATION)
def tool_choice_names_a_tool(request: Request) -> Findings:
    """A named tool_choice is one of the tools."""
    choice_ = request.get("tool_choice")
    name = dig(choice_, "function", "name") or dig(choice_, "custom", "name")
    if isinstance(name, str) and request.has("tools") and name not in tool_names(request):
        yield "tool_choice", f"tool choice '{name[:80]}' not found in 'tools' parameter"


@rule(SPECIFICATION)
def json_mode_without_the_word(request: Request) -> Findings:
    """With response_format json_object the messages hold the word json."""
    if (
        dig(request.get("response_format"), "type") == "json_object"
        and "json" not in messages.all_text(request).lower()
    ):
        yield "messages", "must contain the word 'json' in some form, to use 'response_format' of type 'json_object'"


@rule(SPECIFICATION)
def both_limits(request: Request) -> Findings:
    """max_tokens and max_completion_tokens exclude each other."""
    if request.has("max_tokens") and request.has("max_completion_tokens"):
        yield "max_tokens", "setting 'max_tokens' and 'max_completion_tokens' at the same time is not supported"


@rule(Source("https://platform.openai.com/docs/guides/predicted-outputs", "2026-08"))
def prediction_alone(request: Request) -> Findings:
    """A prediction excludes tools, logprobs, n above 1, audio and max_completion_tokens."""
    if not request.has("prediction"):
        return
    for name in ("tools", "functions", "audio", "max_completion_tokens"):
        if request.has(name):
            yield name, f"'{name}' is not supported with 'prediction'"
    if request.get("logprobs") is True:
        yield "logprobs", "'logprobs' is not supported with 'prediction'"
    if request.get("n") not in (None, 1):
        yield "n", "'n' above 1 is not supported with 'prediction'"


@rule(Source("https://platform.openai.com/docs/guides/audio", "2026-08"))
def audio_output(request: Request) -> Findings:
    """Audio output needs both the modality and the parameter audio."""
    modalities = request.get("modalities")
    wants = isinstance(modalities, list) and "audio" in modalities
    if wants and not request.has("audio"):
        yield "audio", "'audio' is required with the modality 'audio'"
    if request.has("audio") and not wants:
        yield "audio", "'audio' needs the modality 'audio'"


COMMON = (
    stream_options_without_stream,
    top_logprobs_without_logprobs,
    tool_choice_without_tools,
    parallel_calls_without_tools,
    tool_choice_names_a_tool,
    json_mode_without_the_word,
    both_limits,
    prediction_alone,
    audio_output,
)
"""Rules between the parameters of a request."""

RULES = (
    *COMMON,
    *messages.RULES,
    *models.RULES,
    *strict_rules(strict_schemas),
    *fine_tuned_rules(_fine_tuned),
    object_root_rule(
        "tool-schema-root", thread("https://github.com/clay-good/OpenLore/issues/52", "2026-04-03"), tool_schemas
    ),
)

CHAT = Wire(provider="openai", api="chat", shape=BODY, rules=RULES, form=forms.openai, source=SPECIFICATION)


def open_body(**fields: Shape) -> Shape:
    """Make the shape for an OpenAI-compatible provider, which ignores fields that it does not know."""
    open_messages = listing(messages.open_message(), at_least=1)
    loose = {
        name: shape
        for name, shape in BODY.fields.items()
        if name
        not in {
            "service_tier",
            "reasoning_effort",
            "audio",
            "prompt_cache_retention",
            "safety_identifier",
            "prompt_cache_key",
            "metadata",
        }
    }
    tool = tagged(
        shapes={"function": obj("function", function=FUNCTION.having(description=TEXT, name=text(1)))}, open=True
    )
    return obj(
        "messages",
        closed=False,
        fields={
            **loose,
            "messages": open_messages,
            "tools": listing(tool),
            "stop": ANY,
            "seed": INTEGER,
            "logit_bias": ANY,
            "tool_choice": ANY,
            "stream_options": OBJECT,
            **fields,
        },
    )
