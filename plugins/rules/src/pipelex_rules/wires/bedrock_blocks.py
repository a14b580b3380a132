"""The messages and content blocks of Converse: shapes of AWS's service model, order, pairing, limits of media."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from pipelex_rules.media import decoded_size, pixels
from pipelex_rules.rule import rule
from pipelex_rules.sources import Source, client, thread
from pipelex_rules.values import dig, record, records, sequence, string

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from typing import Any

    from pipelex_rules.rule import Findings, Request

SERVICE = Source("botocore@1.44.8 data/bedrock-runtime/2023-09-30/service-2.json", "2026-11-30")
MESSAGE_PAGE = SERVICE.at("shape Message (documentation)")
IMAGES, IMAGE_BYTES, EDGE, DOCUMENTS, DOCUMENT_BYTES = 20, 3_932_160, 8_000, 5, 4_718_592
_NAME = re.compile(r"[a-zA-Z0-9\s\-()\[\]]+")


def blocks(request: Request) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Go through the blocks of all messages."""
    for index, message in records(request.get("messages")):
        for number, block in records(message.get("content")):
            yield f"messages[{index}].content[{number}]", block


def all_blocks(request: Request) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Go through the blocks of all messages, those in tool results included."""
    for place, block in blocks(request):
        yield place, block
        for number, inner in records(dig(block, "toolResult", "content")):
            yield f"{place}.toolResult.content[{number}]", inner


def _of(message: Any, kind: str) -> list[Any]:
    return [block[kind] for _, block in records(record(message).get("content")) if isinstance(block.get(kind), dict)]


@rule(thread("https://github.com/aws-samples/generative-ai-use-cases/issues/1685", "2026"))
def blank_text(request: Request) -> Findings:
    """Text blocks are not blank."""
    for place, block in blocks(request):
        words = block.get("text")
        if isinstance(words, str) and not words.strip():
            yield (
                place,
                f"The text field in the ContentBlock object at {place} is blank. Add text to the text field, and try again",
            )


@rule(MESSAGE_PAGE)
def content_is_not_empty(request: Request) -> Findings:
    """A message has content."""
    for index, message in records(request.get("messages")):
        if message.get("content") == []:
            yield (
                f"messages[{index}].content",
                "The content field in the Message object is empty. Add a ContentBlock object to the content field and try again",
            )


@rule(SERVICE.at("shape Message.content (documentation)"))
def documents_have_text(request: Request) -> Findings:
    """A document has a text block beside it."""
    for index, message in records(request.get("messages")):
        if _of(message, "document") and not any(
            string(block.get("text")).strip() for _, block in records(message.get("content"))
        ):
            yield f"messages[{index}].content", "a message with a document must have a text block"


@rule(SERVICE.at("shape DocumentBlock.name (documentation)"))
def document_names(request: Request) -> Findings:
    """A document's name has letters, digits, single spaces, hyphens, parentheses and square brackets."""
    for place, block in all_blocks(request):
        name = dig(block, "document", "name")
        if not isinstance(name, str) or not name:
            continue
        if not _NAME.fullmatch(name):
            yield (
                f"{place}.document.name",
                "The file name can only contain alphanumeric characters, whitespace characters, hyphens, parentheses, and square brackets",
            )
        elif re.search(r"\s\s", name):
            yield f"{place}.document.name", "The name can't contain more than one consecutive whitespace character"


@rule(SERVICE.at("shape DocumentBlock.name (documentation)").assumed())
def document_names_are_unique(request: Request) -> Findings:
    """No two documents have the same name."""
    seen: set[str] = set()
    for place, block in all_blocks(request):
        name = dig(block, "document", "name")
        if isinstance(name, str):
            if name in seen:
                yield f"{place}.document.name", "document names must be unique in a conversation"
            seen.add(name)


@rule(MESSAGE_PAGE)
def media_counts(request: Request) -> Findings:
    """At most 20 images and 5 documents a message."""
    for index, message in records(request.get("messages")):
        for kind, most in (("image", IMAGES), ("document", DOCUMENTS)):
            count = len(_of(message, kind))
            if count > most:
                yield f"messages[{index}].content", f"{count} {kind} blocks exceed the limit of {most}"


@rule(MESSAGE_PAGE)
def media_sizes(request: Request) -> Findings:
    """An image has at most 3.75 MB and 8,000 pixels a side, a document 4.5 MB."""
    for place, block in all_blocks(request):
        encoded = dig(block, "image", "source", "bytes")
        if decoded_size(encoded) > IMAGE_BYTES:
            yield f"{place}.image", "the image has more than 3.75 MB"
        size = pixels(encoded)
        if size is not None and max(size) > EDGE:
            yield f"{place}.image", f"the image has more than {EDGE} pixels a side"
        if decoded_size(dig(block, "document", "source", "bytes")) > DOCUMENT_BYTES:
            yield f"{place}.document", "the document has more than 4.5 MB"


@rule(MESSAGE_PAGE)
def media_of_the_user(request: Request) -> Findings:
    """Images and documents are in user messages only."""
    for index, message in records(request.get("messages")):
        if message.get("role") == "assistant":
            for kind in ("image", "document"):
                if _of(message, kind):
                    yield f"messages[{index}].content", f"{kind} blocks are possible in user messages only"


@rule(MESSAGE_PAGE)
def calls_and_results_of_their_role(request: Request) -> Findings:
    """ToolUse is the assistant's, toolResult the user's."""
    for index, message in records(request.get("messages")):
        for kind, role in (("toolUse", "assistant"), ("toolResult", "user")):
            if _of(message, kind) and message.get("role") != role:
                yield f"messages[{index}].content", f"{kind} blocks are possible in {role} messages only"


@rule(thread("https://github.com/langchain-ai/langchain-aws/issues/141", "2024-08-05"))
def documents_beside_results(request: Request) -> Findings:
    """Documents and videos are not in one turn with tool results."""
    for index, message in records(request.get("messages")):
        if _of(message, "toolResult") and (_of(message, "document") or _of(message, "video")):
            yield (
                f"messages[{index}].content",
                "Conversation blocks and tool result blocks cannot be provided in the same turn",
            )


@rule(MESSAGE_PAGE)
def calls_are_answered(request: Request) -> Findings:
    """Every toolUse has its toolResult in the very next message."""
    history = sequence(request.get("messages"))
    for index, message in records(history):
        calls = [
            string(use.get("toolUseId")) for use in _of(message, "toolUse") if use.get("type") != "server_tool_use"
        ]
        following = history[index + 1] if index + 1 < len(history) else None
        answered = {string(result.get("toolUseId")) for result in _of(following, "toolResult")}
        missing = [call for call in calls if call not in answered]
        if message.get("role") == "assistant" and missing:
            yield (
                f"messages[{index}].content",
                f"Expected toolResult blocks at messages.{index + 1}.content for the following Ids: {', '.join(missing)[:200]}",
            )


@rule(MESSAGE_PAGE)
def results_follow_calls(request: Request) -> Findings:
    """Every toolResult answers a toolUse of the message before it."""
    history = sequence(request.get("messages"))
    for index, message in records(history):
        before = {string(use.get("toolUseId")) for use in _of(history[index - 1], "toolUse")} if index else set()
        for result in _of(message, "toolResult"):
            if string(result.get("toolUseId")) not in before:
                yield (
                    f"messages[{index}].content",
                    "The number of toolResult blocks exceeds the number of toolUse blocks of previous turn",
                )


@rule(SERVICE.at("shape ToolUseId").assumed())
def call_ids_are_unique(request: Request) -> Findings:
    """Ids of toolUse blocks are unique in the conversation."""
    seen: set[str] = set()
    for place, block in blocks(request):
        name = dig(block, "toolUse", "toolUseId")
        if isinstance(name, str):
            if name in seen:
                yield f"{place}.toolUse.toolUseId", "`tool_use` ids must be unique"
            seen.add(name)


@rule(client("github:pydantic/pydantic-ai@4fda3898 models/bedrock.py", "2026-08-23"))
def turns_alternate(request: Request) -> Findings:
    """Roles of user and assistant alternate."""
    before = None
    for index, message in records(request.get("messages")):
        if message.get("role") == before and before in ("user", "assistant"):
            yield f"messages[{index}].role", 'roles must alternate between "user" and "assistant"'
        before = message.get("role")


RULES = (
    blank_text,
    content_is_not_empty,
    documents_have_text,
    document_names,
    document_names_are_unique,
    media_counts,
    media_sizes,
    media_of_the_user,
    calls_and_results_of_their_role,
    documents_beside_results,
    calls_are_answered,
    results_follow_calls,
    call_ids_are_unique,
    turns_alternate,
)
