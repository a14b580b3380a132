"""The messages of OpenAI's chat completions: their shapes, their order, their images."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pipelex_rules.media import decoded_size, split_data_url
from pipelex_rules.rule import rule
from pipelex_rules.shapes import ANY, OBJECT, TEXT, Shape, choice, either, listing, obj, tagged, text
from pipelex_rules.sources import Source, thread
from pipelex_rules.values import dig, records, sequence, string

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pipelex_rules.rule import Findings, Request

SPECIFICATION = Source("github:openai/openai-openapi openapi.json@f85dbe2", "2026-08-21")
VISION = Source("https://developers.openai.com/api/docs/guides/images-vision", "2026-09-19")
IMAGE_TYPES = ("image/png", "image/jpeg", "image/jpg", "image/webp", "image/gif")
IMAGES, MEGABYTES = 1_500, 50

TEXT_PART = tagged(shapes={"text": obj("text", text=TEXT)})
_IMAGE = obj("url", url=text(1), detail=choice("auto low high original"))
_PARTS = {
    "text": obj("text", text=TEXT),
    "image_url": obj("image_url", image_url=_IMAGE),
    "input_audio": obj("input_audio", input_audio=obj("data format", data=text(1), format=choice("wav mp3"))),
    "file": obj("file", file=obj(file_data=TEXT, file_id=TEXT, filename=TEXT)),
}
USER_PART = tagged(shapes=_PARTS)
_ASSISTANT_PART = tagged(shapes={"text": _PARTS["text"], "refusal": obj("refusal", refusal=TEXT)})
_NAME = text(pattern=r"[^\s<|\\/>]*", source=thread("https://github.com/openai/openai-python/issues/2056", "2025-01"))
CALL_ID = text(1, 40, source=thread("https://github.com/langchain-ai/langchain/issues/24885", "2026-07"))
CALL = tagged(
    shapes={
        "function": obj(
            "id function",
            id=CALL_ID,
            function=obj("name arguments", name=text(1, 64, pattern=r"[a-zA-Z0-9_-]+"), arguments=TEXT),
        ),
        "custom": obj("id custom", id=CALL_ID, custom=obj("name input", name=text(1), input=TEXT)),
    }
)
_PLAIN = either(TEXT, listing(TEXT_PART, at_least=1))
_COMMON = {"role": TEXT, "name": _NAME}
MESSAGE = tagged(
    "role",
    shapes={
        "developer": obj("content", closed=True, content=_PLAIN, fields=_COMMON),
        "system": obj("content", closed=True, content=_PLAIN, fields=_COMMON),
        "user": obj("content", closed=True, content=either(TEXT, listing(USER_PART, at_least=1)), fields=_COMMON),
        "assistant": obj(
            closed=True,
            fields=_COMMON,
            content=either(TEXT, listing(_ASSISTANT_PART, at_least=1)),
            audio=obj("id", id=TEXT),
            annotations=listing(),
            refusal=TEXT,
            function_call=obj("name arguments", name=TEXT, arguments=TEXT),
            tool_calls=listing(CALL, at_least=1),
        ),
        "tool": obj("content tool_call_id", closed=True, content=_PLAIN, tool_call_id=CALL_ID, fields=_COMMON),
        "function": obj("name", closed=True, content=TEXT, fields=_COMMON),
    },
)


def open_message() -> Shape:
    """Make the shape of a message for compatible providers, which ignore fields that they do not know."""
    part = tagged(shapes=_PARTS, open=True)
    content = either(TEXT, listing(part))
    call = obj("function", id=TEXT, type=TEXT, function=obj("name", name=text(1), arguments=ANY))
    assistant = obj(role=TEXT, content=content, tool_calls=listing(call))
    user = obj("content", content=content)
    tool = obj("tool_call_id", content=content, tool_call_id=TEXT)
    shapes = {"system": user, "developer": user, "user": user, "assistant": assistant, "tool": tool, "function": OBJECT}
    return tagged("role", shapes=shapes, source=SPECIFICATION)


def all_text(request: Request) -> str:
    """Join the text of all messages."""
    pieces = []
    for _, message in records(request.get("messages")):
        content = message.get("content")
        pieces += [string(content), *(string(part.get("text")) for _, part in records(content))]
    return "\n".join(pieces)


def parts(request: Request, kind: str) -> Iterator[tuple[str, dict[str, object]]]:
    """Go through the content parts of one kind, with their places."""
    for index, message in records(request.get("messages")):
        for number, part in records(message.get("content")):
            if part.get("type") == kind:
                yield f"messages[{index}].content[{number}]", dict(part)


def call_ids(message: object) -> list[str]:
    """Collect the ids of an assistant message's calls."""
    return [string(call.get("id")) for _, call in records(dig(message, "tool_calls"))]


@rule(
    Source("https://platform.openai.com/docs/api-reference/chat/create (messages[].tool_calls[].function)", "2026-08")
)
def arguments_are_text(request: Request) -> Findings:
    """The arguments of a call in the history are text, not an object."""
    for index, message in records(request.get("messages")):
        for number, called in records(message.get("tool_calls")):
            written = dig(called, "function", "arguments")
            if written is not None and not isinstance(written, str):
                yield f"messages[{index}].tool_calls[{number}].function.arguments", "expected a string"


@rule(thread("https://github.com/RamiAwar/dataline/issues/172", "2024-05-31"))
def calls_are_answered(request: Request) -> Findings:
    """An assistant message with tool_calls is followed by a tool message for each id."""
    history = sequence(request.get("messages"))
    for index, message in records(history):
        if message.get("role") != "assistant" or not call_ids(message):
            continue
        answered = set()
        for later in history[index + 1 :]:
            if dig(later, "role") != "tool":
                break
            answered.add(string(dig(later, "tool_call_id")))
        missing = [call for call in call_ids(message) if call not in answered]
        if missing:
            words = "an assistant message with 'tool_calls' must be followed by tool messages responding to each 'tool_call_id'"
            yield (
                f"messages[{index}]",
                f"{words}. The following tool_call_ids did not have response messages: {', '.join(missing)[:200]}",
            )


@rule(thread("https://community.openai.com/t/messages-with-role-tool-must-be-a-response/1046566", "2024-12"))
def results_follow_calls(request: Request) -> Findings:
    """A tool message answers a call of the assistant message before it."""
    open_calls: set[str] = set()
    for index, message in records(request.get("messages")):
        role = message.get("role")
        if role == "assistant":
            open_calls = set(call_ids(message))
        elif role == "tool":
            if string(message.get("tool_call_id")) not in open_calls:
                yield (
                    f"messages[{index}].role",
                    "messages with role 'tool' must be a response to a preceding message with 'tool_calls'",
                )
        else:
            open_calls = set()


@rule(SPECIFICATION)
def assistant_says_something(request: Request) -> Findings:
    """An assistant message has content, tool_calls, function_call, audio or refusal."""
    for index, message in records(request.get("messages")):
        if message.get("role") == "assistant" and all(
            message.get(name) is None for name in ("content", "tool_calls", "function_call", "audio", "refusal")
        ):
            yield f"messages[{index}].content", "expected a string, but got null"


@rule(SPECIFICATION)
def file_has_one_source(request: Request) -> Findings:
    """A file part has file_data or file_id."""
    for place, part in parts(request, "file"):
        if sum(dig(part, "file", name) is not None for name in ("file_data", "file_id")) != 1:
            yield f"{place}.file", "exactly one of 'file_data' and 'file_id' must be given"


@rule(VISION)
def image_types(request: Request) -> Findings:
    """Images are PNG, JPEG, WebP or GIF."""
    for place, part in parts(request, "image_url"):
        url = dig(part, "image_url", "url")
        found = split_data_url(url)
        if found is not None and found[0] not in IMAGE_TYPES:
            yield f"{place}.image_url.url", f"unsupported image type '{found[0][:60]}': use png, jpeg, gif or webp"


@rule(VISION)
def image_addresses(request: Request) -> Findings:
    """An image is an address or a data URL."""
    for place, part in parts(request, "image_url"):
        url = string(dig(part, "image_url", "url"))
        if url and not url.lower().startswith(("http://", "https://", "data:")):
            yield f"{place}.image_url.url", "expected a valid URL or a base64-encoded data URL"


@rule(VISION)
def image_count(request: Request) -> Findings:
    """At most 1,500 images a request."""
    count = sum(1 for _ in parts(request, "image_url"))
    if count > IMAGES:
        yield "messages", f"{count} images exceed the limit of {IMAGES}"


@rule(thread("a measurement against the live API, public code index file 69095604352", "2026-09-18"))
def image_bytes(request: Request) -> Findings:
    """The images of a request have at most 50 MB."""
    total = sum(
        decoded_size(found[1])
        for _, part in parts(request, "image_url")
        if (found := split_data_url(dig(part, "image_url", "url")))
    )
    if total > MEGABYTES * 1_000_000:
        yield "messages", f"total image size is {total / 1e6:.2f}MB, which exceeds the allowed limit of {MEGABYTES}MB"


RULES = (
    calls_are_answered,
    results_follow_calls,
    assistant_says_something,
    file_has_one_source,
    image_types,
    image_addresses,
    image_count,
    image_bytes,
)
