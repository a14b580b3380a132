"""Servers of one's own that speak OpenAI's chat completions: Ollama, vLLM and the server of llama.cpp."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from pipelex_rules import forms
from pipelex_rules.media import split_data_url
from pipelex_rules.rule import rule
from pipelex_rules.shapes import ANY, BOOLEAN, TEXT, choice, either, integer, listing, number, obj, tagged, text
from pipelex_rules.sources import Source
from pipelex_rules.values import amount, dig, record, records, sequence, string
from pipelex_rules.wires import openai_chat, openai_chat_messages, openai_responses, openai_responses_items, xai

if TYPE_CHECKING:
    from pipelex_rules.rule import Findings, Request

OLLAMA = Source("github:ollama/ollama@fb30760 openai/openai.go", "2026-08-21")
ROUTES = Source("github:ollama/ollama@fb30760 server/routes.go", "2026-08-21")
VLLM = Source("github:vllm-project/vllm vllm/entrypoints/openai/chat_completion/protocol.py@002032e", "2026-11-30")
SAMPLING = Source("github:vllm-project/vllm vllm/sampling_params.py@00388f6 SamplingParams._verify_args", "2026")
LLAMACPP = Source("llama.cpp tools/server/server-common.cpp, as ported in public code", "2026")
_WITHOUT_THINKING = ("llama3", "llama2", "gemma:", "gemma2", "gemma3", "phi3", "mistral", "codellama", "llava", "qwen2")
_WITHOUT_TOOLS = (
    "gemma:",
    "gemma2",
    "gemma3:",
    "llama2",
    "codellama",
    "phi3",
    "deepseek-r1",
    "llava",
    "tinyllama",
    "orca-mini",
)

OLLAMA_BODY = openai_chat.open_body(
    reasoning_effort=choice("minimal low medium high xhigh ultra max none"),
    think=either(BOOLEAN, choice("minimal low medium high xhigh ultra max none")),
    format=ANY,
    stop=either(TEXT, listing(TEXT)),
    response_format=tagged(shapes={"text": obj(), "json_object": obj(), "json_schema": obj("json_schema")}, open=True),
)


@rule(OLLAMA)
def arguments_are_json(request: Request) -> Findings:
    """The arguments of a call in the history are JSON."""
    for index, message in records(request.get("messages")):
        for place, call in records(message.get("tool_calls")):
            written = dig(call, "function", "arguments")
            if isinstance(written, str):
                try:
                    json.loads(written)
                except (ValueError, RecursionError):
                    yield f"messages[{index}].tool_calls[{place}].function.arguments", "invalid tool call arguments"


@rule(OLLAMA.at("decodeImageURL"))
def image_types(request: Request) -> Findings:
    """Images are data URLs of JPEG, PNG or WebP."""
    for place, part in openai_chat_messages.parts(request, "image_url"):
        found = split_data_url(dig(part, "image_url", "url"))
        if found is not None and found[0] not in ("image/jpeg", "image/jpg", "image/png", "image/webp", ""):
            yield f"{place}.image_url.url", "invalid image input"
        elif string(dig(part, "image_url", "url")).startswith(("http://", "https://")):
            yield (
                f"{place}.image_url.url",
                "image URLs are not currently supported, please use base64 encoded data instead",
            )


@rule(ROUTES)
def thinking_of_the_model(request: Request) -> Findings:
    """Think, and an effort, need a model that thinks."""
    effort = request.get("reasoning_effort")
    place = "think" if request.get("think") else "reasoning_effort" if effort not in {None, "none", ""} else ""
    if place and request.model.startswith(_WITHOUT_THINKING):
        yield place, f'"{request.model[:60]}" does not support thinking'


@rule(Source("github:ollama/ollama@fb30760 server/images.go errCapabilities", "2026-08-21"))
def tools_of_the_model(request: Request) -> Findings:
    """Tools needs a model that calls tools."""
    if request.get("tools") and request.model.startswith(_WITHOUT_TOOLS):
        yield "tools", f"{request.model[:60]} does not support tools"


@rule(Source("github:ollama/ollama@fb30760 llm/llama_server.go", "2026-08-21"))
def format_of_answers(request: Request) -> Findings:
    """Format is "json" or a JSON schema."""
    wanted = request.get("format")
    if wanted not in (None, "", "json") and not isinstance(wanted, dict):
        yield "format", f'invalid format: {str(wanted)[:40]!r}; expected "json" or a valid JSON Schema object'


OLLAMA_CHAT = openai_chat.CHAT.of(
    "ollama",
    shape=OLLAMA_BODY,
    form=forms.ollama,
    source=OLLAMA,
    rules=(
        openai_chat_messages.arguments_are_text,
        arguments_are_json,
        image_types,
        thinking_of_the_model,
        tools_of_the_model,
        format_of_answers,
    ),
)


@rule(Source("github:ollama/ollama@fb30760 openai/responses.go", "2026-08-21"))
def no_file_inputs(request: Request) -> Findings:
    """File inputs are not supported."""
    for place, _ in openai_responses_items.parts(request, "input_file"):
        yield place, "file inputs are not currently supported"


OLLAMA_RESPONSES = openai_responses.RESPONSES.of(
    "ollama", shape=xai.RESPONSES.shape, rules=(no_file_inputs,), form=forms.ollama, source=OLLAMA
)


@rule(VLLM.at("check_tool_usage"))
def tools_are_not_empty(request: Request) -> Findings:
    """Tools is not an empty list."""
    if request.get("tools") == []:
        yield (
            "tools",
            "`tools` must not be an empty array. Either provide at least one tool or omit the field entirely.",
        )


@rule(VLLM.at("check_tool_usage"))
def tool_choice(request: Request) -> Findings:
    """`tool_choice` is one of none, auto, required and the tools, and needs tools."""
    wanted = request.get("tool_choice")
    if wanted is None or wanted == "none":
        return
    if not request.get("tools"):
        yield "tool_choice", "When using `tool_choice`, `tools` must be set."
    if isinstance(wanted, str) and wanted not in ("auto", "required"):
        yield (
            "tool_choice",
            f'Invalid value for `tool_choice`: {wanted[:40]}! Only named tools, "none", "auto" or "required" are supported.',
        )
    elif not isinstance(wanted, str | dict):
        yield "tool_choice", 'Only named tools, "none", "auto" or "required" are supported.'


@rule(VLLM.at("validate_response_format"))
def schema_of_its_format(request: Request) -> Findings:
    """response_format json_schema has its schema."""
    if (
        dig(request.get("response_format"), "type") == "json_schema"
        and dig(request.get("response_format"), "json_schema") is None
    ):
        yield "response_format", "When response_format type is 'json_schema', the 'json_schema' field must be provided."


@rule(VLLM.at("check_logprobs"))
def prompt_logprobs_are_not_streamed(request: Request) -> Findings:
    """prompt_logprobs excludes streams."""
    if request.get("stream") is True and request.has("prompt_logprobs"):
        yield "prompt_logprobs", "`prompt_logprobs` are not available when `stream=True`."


@rule(SAMPLING)
def positive_sampling(request: Request) -> Findings:
    """top_p and repetition_penalty are above 0."""
    for name in ("top_p", "repetition_penalty"):
        value = amount(request.get(name))
        if value is not None and value <= 0:
            yield name, f"{name} must be greater than zero, got {value:g}."


@rule(SAMPLING)
def least_tokens(request: Request) -> Findings:
    """min_tokens is not above max_tokens."""
    most = amount(request.get("max_completion_tokens")) or amount(request.get("max_tokens"))
    least = amount(request.get("min_tokens"))
    if most is not None and least is not None and least > most:
        yield "min_tokens", f"min_tokens must be less than or equal to max_tokens={most:g}, got {least:g}."


@rule(VLLM.at("check_structured_outputs_count"))
def one_structured_output(request: Request) -> Findings:
    """structured_outputs has one kind of constraint."""
    wanted = record(request.get("structured_outputs"))
    kinds = [
        name
        for name in ("json", "regex", "choice", "grammar", "json_object", "structural_tag")
        if wanted.get(name) is not None
    ]
    if len(kinds) > 1:
        yield "structured_outputs", f"you can only use one kind of structured outputs constraint, not {kinds}"


@rule(VLLM.at("check_generation_prompt"))
def continuing_has_no_new_turn(request: Request) -> Findings:
    """continue_final_message excludes add_generation_prompt."""
    if request.get("continue_final_message") is True and request.get("add_generation_prompt") is True:
        yield "continue_final_message", "Cannot set both `continue_final_message` and `add_generation_prompt` to True."


_BEYOND_ONE = integer(-1)
_VLLM_SAMPLING = {
    "n": integer(1),
    "presence_penalty": number(-2, 2),
    "frequency_penalty": number(-2, 2),
    "repetition_penalty": number(),
    "temperature": number(0, 2),
    "top_p": number(0, 1),
    "top_k": _BEYOND_ONE,
    "min_p": number(0, 1),
    "seed": integer(),
    "max_tokens": integer(1),
    "max_completion_tokens": integer(1),
    "min_tokens": integer(0),
    "prompt_logprobs": _BEYOND_ONE,
    "stop": either(text(1), listing(text(1))),
    "stop_token_ids": listing(integer()),
}
VLLM_CHAT = openai_chat.CHAT.of(
    "vllm",
    form=forms.vllm,
    source=VLLM,
    shape=openai_chat.open_body(
        response_format=tagged(
            shapes={"text": obj(), "json_object": obj(), "json_schema": obj(), "structural_tag": obj()}
        ),
        tool_choice=ANY,
        tools=listing(obj("function", type=choice("function"), function=obj("name", name=TEXT))),
        **{name: shape.but(source=SAMPLING) for name, shape in _VLLM_SAMPLING.items()},
    ),
    rules=(
        openai_chat.stream_options_without_stream,
        openai_chat.top_logprobs_without_logprobs,
        tools_are_not_empty,
        tool_choice,
        openai_chat.tool_choice_names_a_tool,
        schema_of_its_format,
        prompt_logprobs_are_not_streamed,
        positive_sampling,
        least_tokens,
        one_structured_output,
        continuing_has_no_new_turn,
    ),
)


@rule(LLAMACPP)
def last_message_without_calls(request: Request) -> Findings:
    """A last assistant message that holds calls cannot be continued."""
    last = record(next(iter(reversed(sequence(request.get("messages")))), None))
    if last.get("role") == "assistant" and last.get("tool_calls"):
        yield "messages", "Cannot continue an assistant message that contains tool calls."


@rule(LLAMACPP)
def grammar_without_tools(request: Request) -> Findings:
    """Grammar excludes tools, and a JSON schema."""
    if request.get("grammar") and request.get("tools"):
        yield "grammar", "Cannot use custom grammar constraints with tools."
    if request.get("grammar") and request.get("json_schema"):
        yield "grammar", "Cannot use both json_schema and grammar"


@rule(LLAMACPP)
def tool_choice_word(request: Request) -> Findings:
    """tool_choice is auto, none or required."""
    wanted = request.get("tool_choice")
    if isinstance(wanted, str) and wanted not in ("auto", "none", "required"):
        yield "tool_choice", f"Invalid tool_choice: {string(wanted)[:40]}"


@rule(LLAMACPP)
def probabilities_of_streamed_calls(request: Request) -> Findings:
    """Logprobs excludes tools in a stream."""
    if request.get("logprobs") is True and request.get("tools") and request.get("stream") is True:
        yield "logprobs", "logprobs is not supported with tools + stream"


@rule(LLAMACPP)
def parts_of_messages(request: Request) -> Findings:
    """Parts of a content are texts, images, sound and videos."""
    for index, message in records(request.get("messages")):
        for number_, part in records(message.get("content")):
            if part.get("type") not in {"text", "image_url", "input_audio", "video_url", "input_video", "media_marker"}:
                yield f"messages[{index}].content[{number_}].type", "unsupported content[].type"


LLAMACPP_CHAT = openai_chat.CHAT.of(
    "llamacpp",
    form=forms.llamacpp,
    source=LLAMACPP,
    rules=(
        last_message_without_calls,
        grammar_without_tools,
        tool_choice_word,
        openai_chat.top_logprobs_without_logprobs,
        probabilities_of_streamed_calls,
        parts_of_messages,
    ),
    shape=openai_chat.open_body(
        response_format=obj(type=choice("text json_object json_schema")),
        tools=listing(obj("type function", type=choice("function"), function=obj("name", name=TEXT))),
        stop=either(TEXT, listing(TEXT)),
        n_probs=integer(0),
    ),
)
