"""DeepSeek: OpenAI's chat completions, with thoughts that go back, and limits of its own."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pipelex_rules import forms
from pipelex_rules.media import decoded_size, split_data_url
from pipelex_rules.rule import rule
from pipelex_rules.schemas.others import deepseek_strict_rules
from pipelex_rules.shapes import BOOLEAN, OBJECT, TEXT, choice, either, integer, listing, number, obj, tagged, text
from pipelex_rules.sources import Source, client, thread
from pipelex_rules.values import dig, encoded_size, records, words_in
from pipelex_rules.wires import openai_chat, openai_chat_messages, openai_responses, xai

if TYPE_CHECKING:
    from pipelex_rules.rule import Findings, Request

REFERENCE = Source("https://api-docs.deepseek.com/api/create-chat-completion", "2026-08")
THINKING = Source("https://api-docs.deepseek.com/guides/thinking_mode#tool-calls", "2026-04-29")
MEASURED = thread("public code index file 69095604352 (a measurement that matches the documentation)", "2026-09-18")
BODY_BYTES, IMAGE_BYTES, IMAGES, WINDOW = 48 * 1024 * 1024, 32 * 1024 * 1024, 600, 1_048_565

_NAME = text(
    1,
    64,
    pattern=r"[a-zA-Z0-9_-]+",
    source=client("docs.rs ds-api 0.10.7 src/raw/request/tool.rs (repeats the API reference)", "2026"),
)
_FUNCTION = obj("name", name=_NAME, description=TEXT, parameters=OBJECT, strict=BOOLEAN)
BODY = openai_chat.open_body(
    model=text(1),
    tools=listing(tagged(shapes={"function": obj("function", function=_FUNCTION)}), at_most=128),
    frequency_penalty=number(-2, 2),
    temperature=number(0, 2),
    top_logprobs=integer(0, 20),
    stop=either(TEXT, listing(TEXT, at_most=16)),
    thinking=obj("type", type=choice("enabled disabled adaptive")),
    reasoning_effort=choice("none minimal low medium high xhigh max"),
    response_format=tagged(shapes={"text": obj(), "json_object": obj()}, source=REFERENCE),
    tool_choice=either(choice("auto none required"), OBJECT),
).but(required=frozenset({"model", "messages"}))


def _thinks(request: Request) -> bool:
    wanted = dig(request.get("thinking"), "type")
    return (
        wanted in ("enabled", "adaptive")
        or (wanted is None and "reasoner" in request.model)
        or (wanted is None and request.has("reasoning_effort") and request.get("reasoning_effort") != "none")
    )


@rule(THINKING)
def thoughts_go_back(request: Request) -> Findings:
    """In thinking mode an assistant message with tool_calls carries its reasoning_content, an empty one too."""
    if not _thinks(request):
        return
    for index, message in records(request.get("messages")):
        if message.get("role") == "assistant" and "tool_calls" in message and message.get("reasoning_content") is None:
            yield f"messages[{index}]", "The reasoning_content in the thinking mode must be passed back to the API"


@rule(REFERENCE)
def top_logprobs_without_logprobs(request: Request) -> Findings:
    """top_logprobs needs logprobs true."""
    if request.has("top_logprobs") and request.get("logprobs") is not True:
        yield "top_logprobs", "logprobs must be set to true if top_logprobs is used"


@rule(Source("https://api-docs.deepseek.com/guides/reasoning_model", "2026-01"))
def probabilities_while_thinking(request: Request) -> Findings:
    """In thinking mode logprobs and top_logprobs are refused."""
    if _thinks(request):
        for name in ("logprobs", "top_logprobs"):
            if request.get(name):
                yield name, f"{name} is not supported in thinking mode"


@rule(MEASURED, status=413)
def body_bytes(request: Request) -> Findings:
    """A body has at most 48 MiB."""
    size = request.size if request.size is not None else encoded_size(request.body)
    if size > BODY_BYTES:
        yield "", "request body too large"


@rule(MEASURED)
def images(request: Request) -> Findings:
    """At most 600 images of 32 MiB each."""
    found = list(openai_chat_messages.parts(request, "image_url"))
    if len(found) > IMAGES:
        yield "messages", f"{len(found)} images exceed the limit of {IMAGES}"
    for place, part in found:
        url = split_data_url(dig(part, "image_url", "url"))
        if url is not None and decoded_size(url[1]) > IMAGE_BYTES:
            yield place, "the image has more than 32 MiB"


@rule(Source("recorded traffic deepseek-chat-cad98c17", "2026-06-08"))
def window(request: Request) -> Findings:
    """A conversation fits into the window of 1,048,565 tokens."""
    if words_in(openai_chat_messages.all_text(request)) > WINDOW:
        yield (
            "messages",
            f"This model's maximum context length is {WINDOW} tokens. Please reduce the length of the messages or completion",
        )


RULES = (
    thoughts_go_back,
    top_logprobs_without_logprobs,
    probabilities_while_thinking,
    body_bytes,
    images,
    window,
    openai_chat.stream_options_without_stream,
    openai_chat.tool_choice_names_a_tool,
    openai_chat.json_mode_without_the_word,
    openai_chat_messages.arguments_are_text,
    openai_chat_messages.calls_are_answered,
    openai_chat_messages.results_follow_calls,
    openai_chat_messages.assistant_says_something,
    *deepseek_strict_rules(openai_chat.strict_schemas),
)
CHAT = openai_chat.CHAT.of("deepseek", shape=BODY, rules=RULES, form=forms.deepseek, source=REFERENCE)
RESPONSES = openai_responses.RESPONSES.of(
    "deepseek", shape=xai.RESPONSES.shape, rules=(), form=forms.deepseek, source=REFERENCE
)
