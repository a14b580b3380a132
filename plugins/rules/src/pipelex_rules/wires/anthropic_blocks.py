"""The messages and content blocks of Anthropic's API: shapes, order, pairing of calls and results, images, documents."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pipelex_rules.families.claude import claude
from pipelex_rules.media import pages, pixels
from pipelex_rules.rule import rule
from pipelex_rules.sources import Source, client, thread
from pipelex_rules.values import dig, record, records, sequence, size_of, string
from pipelex_rules.wires.anthropic_blocks_shapes import SPECIFICATION, VISION

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from typing import Any

    from pipelex_rules.rule import Findings, Request

TOOL_USE = Source("https://platform.claude.com/docs/en/agents-and-tools/tool-use/implement-tool-use", "2026-01")
PREFILL = Source(
    "https://platform.claude.com/docs/en/build-with-claude/prompt-engineering/prefill-claudes-response", "2026-01"
)
SEARCH_RESULTS = Source("https://platform.claude.com/docs/en/build-with-claude/search-results", "2026-01")
STRUCTURED = Source("https://platform.claude.com/docs/en/build-with-claude/structured-outputs", "2026-01")
PDF = Source("https://platform.claude.com/docs/en/build-with-claude/pdf-support", "2026-08")
IMAGE_BYTES, IMAGES, EDGE, MANY, SMALL_EDGE, PDF_PAGES = 10 * 1024 * 1024, 600, 8_000, 20, 2_000, 600


def messages(request: Request) -> Iterator[tuple[int, Mapping[str, Any]]]:
    """Go through the messages."""
    yield from records(request.get("messages"))


def all_blocks(request: Request) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Go through the blocks of all messages, those in tool results included."""
    for index, message in messages(request):
        for number, block in records(message.get("content")):
            place = f"messages[{index}].content[{number}]"
            yield place, block
            if block.get("type") == "tool_result":
                for inner, part in records(block.get("content")):
                    yield f"{place}.content[{inner}]", part


def cached(request: Request) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Go through the cache breakpoints, in the order of a prompt: tools, system, messages."""
    for name in ("tools", "system"):
        for index, item in records(request.get(name)):
            if isinstance(item.get("cache_control"), dict):
                yield f"{name}[{index}].cache_control", item["cache_control"]
    for place, block in all_blocks(request):
        if isinstance(block.get("cache_control"), dict):
            yield f"{place}.cache_control", block["cache_control"]


def _of(message: Any, kind: str) -> list[Mapping[str, Any]]:
    return [block for _, block in records(record(message).get("content")) if block.get("type") == kind]


@rule(SPECIFICATION)
def first_message_is_the_users(request: Request) -> Findings:
    """The conversation begins with the user."""
    first = next(iter(sequence(request.get("messages"))), None)
    if dig(first, "role") == "assistant":
        yield "messages[0].role", 'first message must use the "user" role'


@rule(client("github:pydantic/pydantic-ai@4fda3898 models/anthropic.py", "2026-08-23"))
def content_is_not_empty(request: Request) -> Findings:
    """A message has content; the last one of the assistant may be empty."""
    history = sequence(request.get("messages"))
    for index, message in messages(request):
        last = index == len(history) - 1 and message.get("role") == "assistant"
        if message.get("content") in ([], "") and not last:
            yield (
                f"messages[{index}]",
                "all messages must have non-empty content except for the optional final assistant message",
            )


@rule(thread("https://github.com/anomalyco/opencode/issues/31259", "2026-06"))
def blank_text(request: Request) -> Findings:
    """Text blocks are not blank."""
    for index, message in messages(request):
        content = message.get("content")
        if isinstance(content, str) and content and not content.strip():
            yield f"messages[{index}].content", "text content blocks must contain non-whitespace text"
    for place, block in all_blocks(request):
        words = block.get("text")
        if block.get("type") == "text" and isinstance(words, str) and words and not words.strip():
            yield place, "text content blocks must contain non-whitespace text"


@rule(TOOL_USE)
def calls_are_answered(request: Request) -> Findings:
    """Every tool_use has its tool_result in the very next message."""
    history = sequence(request.get("messages"))
    for index, message in messages(request):
        calls = [string(block.get("id")) for block in _of(message, "tool_use")]
        if message.get("role") != "assistant" or not calls:
            continue
        following = history[index + 1] if index + 1 < len(history) else None
        answered = {string(block.get("tool_use_id")) for block in _of(following, "tool_result")}
        missing = [call for call in calls if call not in answered]
        if missing:
            yield (
                f"messages[{index}]",
                f"`tool_use` ids were found without `tool_result` blocks immediately after: {', '.join(missing)[:200]}. Each `tool_use` block must have a corresponding `tool_result` block in the next message",
            )


@rule(TOOL_USE)
def results_follow_calls(request: Request) -> Findings:
    """Every tool_result answers a tool_use of the message before it."""
    history = sequence(request.get("messages"))
    for index, message in messages(request):
        before = {string(block.get("id")) for block in _of(history[index - 1], "tool_use")} if index else set()
        for number, block in records(message.get("content")):
            if block.get("type") == "tool_result" and string(block.get("tool_use_id")) not in before:
                name = string(block.get("tool_use_id"))[:80]
                yield (
                    f"messages[{index}].content[{number}]",
                    f"unexpected `tool_use_id` found in `tool_result` blocks: {name}. Each `tool_result` block must have a corresponding `tool_use` block in the previous message",
                )


@rule(TOOL_USE)
def results_come_first(request: Request) -> Findings:
    """tool_result blocks are at the beginning of their message."""
    for index, message in messages(request):
        other = False
        for number, block in records(message.get("content")):
            if block.get("type") != "tool_result":
                other = True
            elif other:
                yield (
                    f"messages[{index}].content[{number}]",
                    "tool_result blocks must be at the beginning of the message",
                )


@rule(thread("https://github.com/anomalyco/opencode/issues/1279", "2025"))
def call_ids_are_unique(request: Request) -> Findings:
    """Ids of tool_use blocks are unique in the conversation."""
    seen: set[str] = set()
    for place, block in all_blocks(request):
        if block.get("type") == "tool_use":
            name = string(block.get("id"))
            if name in seen:
                yield f"{place}.id", "`tool_use` ids must be unique"
            seen.add(name)


@rule(SPECIFICATION)
def results_are_unique(request: Request) -> Findings:
    """Each call has one result."""
    for index, message in messages(request):
        seen: set[str] = set()
        for block in _of(message, "tool_result"):
            name = string(block.get("tool_use_id"))
            if name in seen:
                yield (
                    f"messages[{index}]",
                    f"each tool_use must have a single result. Found multiple `tool_result` blocks with id: {name[:80]}",
                )
            seen.add(name)


@rule(SPECIFICATION)
def blocks_of_their_role(request: Request) -> Findings:
    """Calls and thoughts are the assistant's, results, images and documents the user's."""
    for index, message in messages(request):
        refused = (
            ("tool_use", "thinking", "redacted_thinking")
            if message.get("role") == "user"
            else ("tool_result", "image", "document")
        )
        for number, block in records(message.get("content")):
            if block.get("type") in refused and message.get("role") in ("user", "assistant"):
                yield (
                    f"messages[{index}].content[{number}]",
                    f"`{block['type']}` blocks can not be in `{message['role']}` messages",
                )


@rule(VISION)
def image_count(request: Request) -> Findings:
    """At most 600 images a request."""
    count = sum(1 for _, block in all_blocks(request) if block.get("type") == "image")
    if count > IMAGES:
        yield "messages", f"{count} images exceed the limit of {IMAGES}"


@rule(VISION)
def image_bytes(request: Request) -> Findings:
    """An image has at most 10 MB of base64."""
    for place, block in all_blocks(request):
        length = size_of(dig(block, "source", "data"))
        if block.get("type") == "image" and length > IMAGE_BYTES:
            yield f"{place}.source.data", f"image exceeds 10 MB maximum: {length} bytes > {IMAGE_BYTES} bytes"


@rule(VISION)
def image_pixels(request: Request) -> Findings:
    """An image has at most 8,000 pixels a side, 2,000 where there are more than 20 images."""
    images = [(place, block) for place, block in all_blocks(request) if block.get("type") == "image"]
    most = SMALL_EDGE if len(images) > MANY else EDGE
    for place, block in images:
        size = pixels(dig(block, "source", "data"))
        if size is not None and max(size) > most:
            yield f"{place}.source", f"at least one of the image dimensions exceeds max allowed size: {most} pixels"


@rule(PDF)
def pdf_pages(request: Request) -> Findings:
    """A PDF has at most 600 pages."""
    for place, block in all_blocks(request):
        if (
            block.get("type") == "document"
            and (count := pages(dig(block, "source", "data"))) is not None
            and count > PDF_PAGES
        ):
            yield place, f"a maximum of {PDF_PAGES} PDF pages may be provided"


@rule(Source("anthropic@2.14.0 types/thinking_block_param.py", "2026-11-30"))
def thoughts_come_first(request: Request) -> Findings:
    """With thinking on, the last assistant message that calls tools begins with its thought, if it has one."""
    if dig(request.get("thinking"), "type") != "enabled":
        return
    for index, message in messages(request):
        kinds = [block.get("type") for _, block in records(message.get("content"))]
        if (
            message.get("role") == "assistant"
            and any(kind in ("thinking", "redacted_thinking") for kind in kinds)
            and kinds[0] not in ("thinking", "redacted_thinking")
        ):
            yield (
                f"messages[{index}].content[0]",
                "when thinking is enabled, a message with thinking blocks must start with one",
            )


@rule(PREFILL)
def prefill_ends_in_white_space(request: Request) -> Findings:
    """A prefilled text does not end in white space."""
    last = record(next(iter(reversed(sequence(request.get("messages")))), None))
    content = last.get("content")
    final = content if isinstance(content, str) else string(dig(next(iter(reversed(sequence(content))), None), "text"))
    if (
        last.get("role") == "assistant"
        and final
        and final != final.rstrip()
        and not claude(request.model).refuses_prefill
    ):
        yield "messages", "final assistant content cannot end with trailing whitespace"


@rule(SEARCH_RESULTS)
def search_results_cite_alike(request: Request) -> Findings:
    """All search results of a request have citations on, or none has."""
    found = [(place, block) for place, block in all_blocks(request) if block.get("type") == "search_result"]
    kinds = {dig(block, "citations", "enabled") is True for _, block in found}
    if len(kinds) > 1:
        yield f"{found[-1][0]}.citations", "citations must be enabled for all search results, or for none"


@rule(STRUCTURED)
def prefill_beside_a_schema(request: Request) -> Findings:
    """JSON outputs exclude a prefilled answer."""
    last = record(next(iter(reversed(sequence(request.get("messages")))), None))
    wanted = dig(request.get("output_config"), "format") or request.get("output_format")
    if last.get("role") == "assistant" and wanted is not None:
        yield "messages", "structured output is incompatible with a prefilled assistant message"


RULES = (
    search_results_cite_alike,
    prefill_beside_a_schema,
    first_message_is_the_users,
    content_is_not_empty,
    blank_text,
    calls_are_answered,
    results_follow_calls,
    results_come_first,
    call_ids_are_unique,
    results_are_unique,
    blocks_of_their_role,
    image_count,
    image_bytes,
    image_pixels,
    pdf_pages,
    thoughts_come_first,
    prefill_ends_in_white_space,
)
