"""What single models refuse in OpenAI's chat completions."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pipelex_rules.families import openai as family
from pipelex_rules.rule import rule
from pipelex_rules.sources import Source, thread
from pipelex_rules.values import amount, dig, records
from pipelex_rules.wires.openai_chat_messages import parts

if TYPE_CHECKING:
    from pipelex_rules.rule import Findings, Request

REASONING = Source("https://platform.openai.com/docs/guides/reasoning", "2026-08")
SPECIFICATION = Source("github:openai/openai-openapi openapi.json@f85dbe2", "2026-08-21")
MODELS = Source("https://platform.openai.com/docs/models", "2026-08")
DEFAULTS = {"temperature": 1, "top_p": 1, "presence_penalty": 0, "frequency_penalty": 0}
ALWAYS_REFUSED = ("logprobs", "top_logprobs", "logit_bias")


@rule(REASONING, code="unsupported_parameter")
def max_tokens_of_reasoning_models(request: Request) -> Findings:
    """Reasoning models refuse max_tokens; max_completion_tokens is wanted."""
    if request.has("max_tokens") and family.can_reason(request.model):
        yield (
            "max_tokens",
            "unsupported parameter: 'max_tokens' is not supported with this model. Use 'max_completion_tokens' instead",
        )


@rule(MODELS, code="invalid_value")
def more_tokens_than_the_model_has(request: Request) -> Findings:
    """A limit is not above the model's own maximum of output tokens."""
    most = family.most_output(request.model)
    for name in ("max_tokens", "max_completion_tokens"):
        wanted = amount(request.get(name))
        if most is not None and wanted is not None and wanted > most:
            yield name, f"{name} is too large: {wanted:g}. This model supports at most {most} completion tokens"


@rule(REASONING, code="unsupported_value")
def sampling_while_reasoning(request: Request) -> Findings:
    """A model that reasons takes only the defaults of temperature, top_p and the penalties."""
    if not family.reasons(request.model, request.get("reasoning_effort")):
        return
    for name, default in DEFAULTS.items():
        if request.has(name) and request.get(name) != default:
            yield (
                name,
                f"unsupported value: '{name}' does not support this value with this model. Only the default ({default}) value is supported",
            )


@rule(REASONING, code="unsupported_parameter")
def probabilities_while_reasoning(request: Request) -> Findings:
    """A model that reasons has no logprobs, top_logprobs and logit_bias."""
    if not family.reasons(request.model, request.get("reasoning_effort")):
        return
    for name in ALWAYS_REFUSED:
        if request.has(name) and request.get(name) is not False:
            yield name, f"unsupported parameter: '{name}' is not supported with this model"


@rule(REASONING, code="unsupported_value")
def effort_levels(request: Request) -> Findings:
    """A model takes its own levels of effort only."""
    levels, wanted = family.efforts(request.model), request.get("reasoning_effort")
    if levels is not None and wanted in family.EFFORTS and wanted not in levels:
        supported = ", ".join(f"'{level}'" for level in levels)
        yield (
            "reasoning_effort",
            f"'reasoning_effort' does not support '{wanted}' with this model. Supported values are: {supported}",
        )


@rule(REASONING, code="unsupported_parameter")
def effort_without_reasoning(request: Request) -> Findings:
    """Models that do not reason refuse reasoning_effort."""
    name = family.base_id(request.model)
    if request.has("reasoning_effort") and name.startswith(("gpt-4", "gpt-3.5", "chatgpt-4o")):
        yield "reasoning_effort", "unrecognized request argument supplied: reasoning_effort"


@rule(thread("https://github.com/pipecat-ai/pipecat/issues/4043", "2026"))
def tools_while_reasoning(request: Request) -> Findings:
    """From gpt-5.4 on, function tools together with reasoning need the Responses API."""
    if (
        request.has("tools")
        and family.version(request.model) >= (5, 4)
        and family.reasons(request.model, request.get("reasoning_effort"))
    ):
        yield (
            "reasoning_effort",
            "function tools with reasoning_effort are not supported for this model in /v1/chat/completions. Use /v1/responses instead",
        )


@rule(SPECIFICATION, code="unsupported_parameter")
def stop_of_o3(request: Request) -> Findings:
    """o3 and o4-mini do not support stop."""
    name = family.base_id(request.model)
    if request.has("stop") and (name.startswith(("o3", "o4-mini")) and not name.startswith("o3-mini")):
        yield "stop", "unsupported parameter: 'stop' is not supported with this model"


@rule(Source("recorded traffic openai-chat-8565bcbc", "2025-09-13"), code="unsupported_value")
def roles_of_o1_mini(request: Request) -> Findings:
    """o1-mini and o1-preview refuse the roles system and developer."""
    if not family.base_id(request.model).startswith(("o1-mini", "o1-preview")):
        return
    for index, message in records(request.get("messages")):
        if message.get("role") in ("system", "developer"):
            yield (
                f"messages[{index}].role",
                f"unsupported value: 'messages[{index}].role' does not support '{message['role']}' with this model",
            )


@rule(Source("https://platform.openai.com/docs/guides/audio", "2026-08"), code="invalid_value")
def audio_models(request: Request) -> Findings:
    """Only audio models take input_audio."""
    if "audio" in request.model or not request.model:
        return
    for place, _ in parts(request, "input_audio"):
        yield place, "content blocks are expected to be either text or image_url type"


@rule(
    thread("https://community.openai.com/t/parallel-tool-calls-is-not-supported-with-this-model/1107352", "2025-02"),
    code="unsupported_parameter",
)
def parallel_calls_of_o_series(request: Request) -> Findings:
    """The o-series does not support parallel_tool_calls."""
    if request.has("parallel_tool_calls") and family.is_o_series(request.model):
        yield "parallel_tool_calls", "unsupported parameter: 'parallel_tool_calls' is not supported with this model"


@rule(SPECIFICATION, code="unsupported_value")
def verbosity_of_older_models(request: Request) -> Findings:
    """Models before GPT-5 take the verbosity medium only."""
    if request.get("verbosity") in ("low", "high") and family.base_id(request.model).startswith(
        ("gpt-4", "gpt-3.5", "o1", "o3", "o4")
    ):
        yield "verbosity", "'verbosity' does not support this value with this model. Supported values are: 'medium'"


@rule(Source("https://developers.openai.com/api/docs/guides/structured-outputs", "2026-08-23"))
def schemas_of_older_models(request: Request) -> Findings:
    """json_schema needs gpt-4o-2024-08-06 or later."""
    name = request.model
    if dig(request.get("response_format"), "type") == "json_schema" and (
        name.startswith(("gpt-3.5", "gpt-4-", "o1-mini", "o1-preview")) or name in {"gpt-4", "gpt-4o-2024-05-13"}
    ):
        yield "response_format", "'response_format' of type 'json_schema' is not supported with this model"


@rule(thread("https://github.com/vercel/ai/issues/5609", "2025-04-08"))
def sampling_of_search_models(request: Request) -> Findings:
    """Search models refuse temperature, top_p and the penalties."""
    if "-search-preview" in request.model or "-search-api" in request.model:
        for name in ("temperature", "top_p", "presence_penalty", "frequency_penalty", "n"):
            if request.has(name):
                yield name, f"Model incompatible request argument supplied: {name}"


RULES = (
    max_tokens_of_reasoning_models,
    more_tokens_than_the_model_has,
    sampling_while_reasoning,
    probabilities_while_reasoning,
    effort_levels,
    effort_without_reasoning,
    tools_while_reasoning,
    stop_of_o3,
    sampling_of_search_models,
    roles_of_o1_mini,
    audio_models,
    parallel_calls_of_o_series,
    verbosity_of_older_models,
    schemas_of_older_models,
)
