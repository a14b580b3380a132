"""Mistral's chat completions: `POST /v1/chat/completions`. Unknown fields are refused everywhere."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from pipelex_rules import forms
from pipelex_rules.media import decoded_size, pixels, split_data_url
from pipelex_rules.rule import rule
from pipelex_rules.schemas.others import draft_rule
from pipelex_rules.sources import Source, client, thread
from pipelex_rules.values import amount, dig, records, sequence, string
from pipelex_rules.wire import Wire
from pipelex_rules.wires.mistral_chat_shapes import BODY

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from typing import Any

    from pipelex_rules.rule import Findings, Request

SPECIFICATION = Source("github:mistralai/platform-docs-public openapi.yaml@222f4ba", "2026-08-21")
LIMITS = Source("github:mistralai/platform-docs-public public/resources/known-limitations.md@222f4ba", "2026-08-21")
VISION = Source("github:mistralai/platform-docs-public public/studio-api/conversations/vision.md@222f4ba", "2026-08-21")
COMMON = Source("mistral_common@1.13.1 protocol/instruct/validator.py", "2026-11-30")
SAMPLING = Source(
    "github:mistralai/platform-docs-public public/models/best-practices/sampling.md@222f4ba", "2026-08-21"
)
IMAGES, IMAGE_BYTES, EDGE = 8, 20 * 1024 * 1024, 10_000
TOOL_ID = re.compile(r"[a-zA-Z0-9]{9}")
_BEFORE_EFFORT = (
    "open-mistral-nemo",
    "open-mistral-7b",
    "open-mixtral",
    "mistral-tiny",
    "codestral-2",
    "pixtral",
    "ministral-8b-2410",
    "ministral-3b-2410",
    "mistral-large-2407",
    "mistral-large-2411",
    "mistral-small-2409",
    "mistral-small-2501",
    "mistral-small-2503",
)


def messages(request: Request) -> list[tuple[int, Mapping[str, Any]]]:
    """Collect the messages."""
    return list(records(request.get("messages")))


def images(request: Request) -> Iterator[tuple[str, str]]:
    """Go through the addresses of the images."""
    for index, message in messages(request):
        for position, part in records(message.get("content")):
            if part.get("type") == "image_url":
                url = part.get("image_url")
                yield f"messages[{index}].content[{position}].image_url", string(dig(url, "url")) or string(url)


def _schemas(request: Request) -> Iterator[tuple[str, Any]]:
    for index, tool in records(request.get("tools")):
        if dig(tool, "function", "parameters") is not None:
            yield f"tools[{index}].function.parameters", dig(tool, "function", "parameters")


@rule(COMMON.at("_validate_message_list_structure"))
def a_message_is_needed(request: Request) -> Findings:
    """A conversation has at least one message."""
    if request.get("messages") == []:
        yield "messages", "Conversation must have at least one message"


@rule(COMMON.at("_validate_assistant_message"))
def assistant_says_something(request: Request) -> Findings:
    """An assistant message has content or tool_calls."""
    for index, message in messages(request):
        if message.get("role") == "assistant" and not message.get("content") and not message.get("tool_calls"):
            yield f"messages[{index}]", "Assistant message must have either content or tool_calls, but not none"


@rule(COMMON.at("_validate_last_message"), type="invalid_request_message_order", code="3230")
def last_message(request: Request) -> Findings:
    """The last message is the user's or a tool's, or the assistant's with prefix true."""
    history = messages(request)
    if not history:
        return
    index, last = history[-1]
    role = last.get("role")
    if role == "assistant" and last.get("prefix") is not True:
        yield (
            f"messages[{index}]",
            "Expected last role User or Tool (or Assistant with prefix True) for serving but got assistant",
        )
    if role == "system" and len(history) > 1:
        yield (
            f"messages[{index}]",
            "Expected last role User or Tool (or Assistant with prefix True) for serving but got system",
        )


@rule(COMMON.at("_validate_assistant_message"))
def prefix_is_last(request: Request) -> Findings:
    """Prefix is true on the last message only."""
    history = messages(request)
    for index, message in history[:-1]:
        if message.get("prefix") is True:
            yield f"messages[{index}].prefix", "Assistant message with prefix True must be last message"


@rule(
    thread("https://github.com/datapizza-labs/datapizza-ai/issues/98", "2025-12-04"),
    type="invalid_request_message_order",
    code="3230",
)
def order_of_roles(request: Request) -> Findings:
    """A user message does not follow a tool message, nor does a tool message follow a user's or system's."""
    before = ""
    for index, message in messages(request):
        role = string(message.get("role"))
        if (before == "tool" and role == "user") or (role == "tool" and before in {"user", "system"}):
            yield f"messages[{index}]", f"Unexpected role '{role}' after role '{before}'"
        before = role


@rule(COMMON.at("_validate_tool_calls_followed_by_tool_messages"))
def calls_are_answered(request: Request) -> Findings:
    """An assistant message with calls is followed by as many tool messages."""
    history = messages(request)
    for position, (index, message) in enumerate(history):
        calls = len(sequence(message.get("tool_calls")))
        if message.get("role") != "assistant" or not calls:
            continue
        answered = 0
        for _, later in history[position + 1 :]:
            if later.get("role") != "tool":
                break
            answered += 1
        if answered != calls:
            yield f"messages[{index}]", "Not the same number of function calls and responses"


@rule(COMMON.at("MistralRequestValidatorV3"))
def results_name_their_call(request: Request) -> Findings:
    """Each result names a call that waits for it, once."""
    waiting: list[str] | None = None
    for index, message in messages(request):
        if message.get("role") == "assistant":
            waiting = [string(call.get("id")) for _, call in records(message.get("tool_calls")) if call.get("id")]
        elif message.get("role") == "tool" and waiting is not None:
            name = string(message.get("tool_call_id"))
            if name and name not in waiting:
                yield f"messages[{index}].tool_call_id", f"Unexpected tool call id {name[:60]} in tool results"
            elif name:
                waiting.remove(name)


@rule(COMMON.at("MistralRequestValidatorV11"))
def call_ids_are_unique(request: Request) -> Findings:
    """Ids of the calls of one assistant message are unique."""
    for index, message in messages(request):
        seen: set[str] = set()
        for _, call in records(message.get("tool_calls")):
            name = string(call.get("id"))
            if name and name in seen:
                yield f"messages[{index}].tool_calls", f"Duplicate tool call id {name[:60]} in assistant message"
            seen.add(name)


@rule(client("mistral_common@1.13.1 protocol/instruct/validator.py (tokenizers before v13)", "2026-11-30"), code="3280")
def call_ids_have_nine_characters(request: Request) -> Findings:
    """Ids of calls have nine letters and digits."""
    for index, message in messages(request):
        for position, call in records(message.get("tool_calls")):
            name = call.get("id")
            if isinstance(name, str) and name != "null" and not TOOL_ID.fullmatch(name):
                yield (
                    f"messages[{index}].tool_calls[{position}].id",
                    f"Tool call id was {name[:60]} but must be a-z, A-Z, 0-9, with a length of 9",
                )
        name = message.get("tool_call_id")
        if isinstance(name, str) and not TOOL_ID.fullmatch(name):
            yield (
                f"messages[{index}].tool_call_id",
                f"Tool call id was {name[:60]} but must be a-z, A-Z, 0-9, with a length of 9",
            )


@rule(LIMITS)
def tool_count(request: Request) -> Findings:
    """At most 128 tools."""
    if len(sequence(request.get("tools"))) > 128:
        yield "tools", "at most 128 tools"


@rule(SPECIFICATION)
def tool_choice_has_tools(request: Request) -> Findings:
    """A forced tool_choice needs tools, and a named one is among them."""
    wanted = request.get("tool_choice")
    names = [dig(tool, "function", "name") for tool in sequence(request.get("tools"))]
    if wanted in ("any", "required") and not names:
        yield "tool_choice", "tool_choice needs tools"
    name = dig(wanted, "function", "name")
    if name is not None and names and name not in names:
        yield "tool_choice.function.name", "is not one of the tools"


@rule(SPECIFICATION, status=422)
def schema_of_its_format(request: Request) -> Findings:
    """response_format json_schema has its schema."""
    if (
        dig(request.get("response_format"), "type") == "json_schema"
        and dig(request.get("response_format"), "json_schema") is None
    ):
        yield "response_format.json_schema", "json_schema must be provided when type is json_schema"


@rule(SAMPLING)
def greedy_sampling_has_one_answer(request: Request) -> Findings:
    """N above 1 needs a temperature above 0, and mistral-large-2512 has one answer only."""
    if (amount(request.get("n")) or 1) <= 1:
        return
    if request.model == "mistral-large-2512":
        yield "n", "n > 1 is not supported for this model"
    if request.get("temperature") == 0:
        yield "n", "n must be 1 when using greedy sampling"


@rule(COMMON.at("_validate_model_settings"))
def effort_of_old_models(request: Request) -> Findings:
    """Models before tokenizer v15 refuse reasoning_effort."""
    if request.has("reasoning_effort") and request.model.startswith(_BEFORE_EFFORT):
        yield (
            "reasoning_effort",
            f"reasoning_effort='{string(request.get('reasoning_effort'))[:20]}' is not supported for this model",
        )


@rule(VISION)
def image_count(request: Request) -> Findings:
    """At most 8 images a request."""
    count = sum(1 for _ in images(request))
    if count > IMAGES:
        yield "messages", f"{count} images exceed the limit of {IMAGES}"


@rule(VISION)
def image_sizes(request: Request) -> Findings:
    """An image has at most 20 MB and 10,000 pixels a side, and is PNG, JPEG, WebP or GIF."""
    for place, url in images(request):
        found = split_data_url(url)
        if found is None:
            continue
        size = pixels(found[1])
        if decoded_size(found[1]) > IMAGE_BYTES:
            yield place, "the image has more than 20 MB"
        if size is not None and max(size) > EDGE:
            yield place, f"the image has more than {EDGE} pixels a side"
        if found[0] and found[0] not in ("image/png", "image/jpeg", "image/jpg", "image/webp", "image/gif"):
            yield place, f"image type '{found[0][:60]}' is not supported"


RULES = (
    a_message_is_needed,
    assistant_says_something,
    last_message,
    prefix_is_last,
    order_of_roles,
    calls_are_answered,
    results_name_their_call,
    call_ids_are_unique,
    call_ids_have_nine_characters,
    tool_count,
    tool_choice_has_tools,
    schema_of_its_format,
    greedy_sampling_has_one_answer,
    effort_of_old_models,
    image_count,
    image_sizes,
    draft_rule("tool-schema", COMMON.at("_validate_function"), _schemas),
)
CHAT = Wire(provider="mistral", api="chat", shape=BODY, rules=RULES, form=forms.mistral, source=SPECIFICATION)
