"""The input items of OpenAI's Responses API: their shapes, and what must stand beside what."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pipelex_rules.media import split_data_url
from pipelex_rules.rule import rule
from pipelex_rules.sources import Source, thread
from pipelex_rules.values import dig, record, records, sequence, string
from pipelex_rules.wires.openai_chat_messages import IMAGE_TYPES
from pipelex_rules.wires.openai_responses_hosted import SPECIFICATION

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from typing import Any

    from pipelex_rules.rule import Findings, Request

_REFUSED_FILES = (".mp3", ".wav", ".m4a", ".ogg", ".flac", ".mp4", ".mov", ".avi", ".mkv", ".webm", ".zip", ".exe")
_PREFIXES = {"message": "msg", "reasoning": "rs", "function_call": "fc", "web_search_call": "ws"}


def items(request: Request) -> Iterator[tuple[int, Mapping[str, Any]]]:
    """Go through the items of the input."""
    yield from records(request.get("input"))


def kind(item: Mapping[str, Any]) -> str:
    """Name the type of an item."""
    return string(item.get("type")) or ("message" if "role" in item else "")


def all_text(request: Request) -> str:
    """Join the text of all messages."""
    pieces = [string(request.get("input"))]
    for _, item in items(request):
        content = item.get("content")
        pieces += [string(content), *(string(part.get("text")) for _, part in records(content))]
    return "\n".join(pieces)


def parts(request: Request, wanted: str) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Go through the content parts of one type, those of tool results included."""
    for index, item in items(request):
        for name in ("content", "output"):
            for number, part in records(item.get(name)):
                if part.get("type") == wanted:
                    yield f"input[{index}].{name}[{number}]", part


def _ids(request: Request, wanted: str) -> list[tuple[int, str]]:
    return [(index, string(item.get("call_id"))) for index, item in items(request) if kind(item) == wanted]


def _chained(request: Request) -> bool:
    return request.has("previous_response_id") or request.has("conversation")


def _referenced(request: Request) -> bool:
    return any(kind(item) == "item_reference" for _, item in items(request))


@rule(thread("https://github.com/openai/openai-agents-python/issues/673", "2025-05-10"))
def calls_are_answered(request: Request) -> Findings:
    """Every function_call has its output."""
    for call, output, noun in (
        ("function_call", "function_call_output", "function"),
        ("custom_tool_call", "custom_tool_call_output", "custom tool"),
    ):
        answered = {name for _, name in _ids(request, output)}
        for index, name in _ids(request, call):
            if name not in answered:
                yield f"input[{index}]", f"No tool output found for {noun} call {name[:80]}"


@rule(thread("https://github.com/continuedev/continue/issues/10092", "2026-02-01"))
def outputs_follow_calls(request: Request) -> Findings:
    """Every function_call_output has its function_call in the input or in the previous response."""
    if _chained(request) or _referenced(request):
        return
    for call, output, noun in (
        ("function_call", "function_call_output", "function"),
        ("custom_tool_call", "custom_tool_call_output", "custom tool"),
    ):
        calls: dict[str, int] = {}
        for index, name in _ids(request, call):
            calls.setdefault(name, index)
        for index, name in _ids(request, output):
            if calls.get(name, index) >= index:
                yield f"input[{index}]", f"No tool call found for {noun} call output with call_id {name[:80]}"


@rule(
    Source(
        "github:pydantic/pydantic-ai@4fda3898 tests/models/cassettes/test_openai_responses/test_openai_responses_thinking_with_modified_history.yaml",
        "2026-08-23",
    )
)
def reasoning_has_a_successor(request: Request) -> Findings:
    """A reasoning item is followed by the item that it belonged to."""
    history = sequence(request.get("input"))
    for index, item in items(request):
        if kind(item) != "reasoning":
            continue
        later = [record(further) for further in history[index + 1 :]]
        follower = next((further for further in later if kind(further) != "reasoning"), None)
        mine = follower is not None and (
            follower.get("role") == "assistant"
            or kind(follower).endswith(("_call", "item_reference", "compaction", "program"))
        )
        if not mine:
            yield (
                f"input[{index}]",
                f"Item '{string(item.get('id'))[:80]}' of type 'reasoning' was provided without its required following item",
            )


@rule(
    Source("https://platform.openai.com/docs/guides/reasoning#encrypted-reasoning-items", "2026-08"),
    status=404,
    code=None,
)
def bare_reasoning_is_not_stored(request: Request) -> Findings:
    """With store false a reasoning item goes back with its encrypted content only."""
    if request.get("store") is not False:
        return
    for index, item in items(request):
        if kind(item) == "reasoning" and item.get("id") and not item.get("encrypted_content"):
            name = string(item.get("id"))[:80]
            yield (
                f"input[{index}]",
                f"Item with id '{name}' not found. Items are not persisted when 'store' is set to false",
            )


@rule(Source("https://platform.openai.com/docs/api-reference/responses/create", "2026-08"), code="invalid_value")
def ids_have_their_prefix(request: Request) -> Findings:
    """The id of an item begins with its type's prefix."""
    for index, item in items(request):
        prefix, name = _PREFIXES.get(kind(item)), item.get("id")
        if kind(item) == "message" and item.get("role") != "assistant":
            continue
        if prefix is not None and isinstance(name, str) and not name.startswith(prefix):
            yield f"input[{index}].id", f"expected an ID that begins with '{prefix}'"


@rule(Source("https://platform.openai.com/docs/api-reference/responses/create", "2026-08"))
def ids_are_unique(request: Request) -> Findings:
    """No two items have the same id."""
    seen: set[str] = set()
    for index, item in items(request):
        name = item.get("id")
        if isinstance(name, str) and name and kind(item) != "item_reference":
            if name in seen:
                yield f"input[{index}].id", f"Duplicate item found with id {name[:80]}"
            seen.add(name)


@rule(Source("https://platform.openai.com/docs/api-reference/responses/create", "2026-08"), code="invalid_value")
def parts_of_their_role(request: Request) -> Findings:
    """An assistant message holds output_text and refusal, the others hold input parts."""
    for index, item in items(request):
        if kind(item) != "message":
            continue
        mine = item.get("role") == "assistant"
        for number, part in records(item.get("content")):
            name = string(part.get("type"))
            if name and (name in {"output_text", "refusal"}) != mine:
                expected = "'output_text' and 'refusal'" if mine else "'input_text', 'input_image' and 'input_file'"
                yield (
                    f"input[{index}].content[{number}]",
                    f"Invalid value: '{name[:40]}'. Supported values are: {expected}",
                )


@rule(
    Source(
        "github:pydantic/pydantic-ai@4fda3898 tests/models/cassettes/test_multimodal_tool_returns (openai_responses)",
        "2026-08-23",
    ),
    code="invalid_value",
)
def file_data_is_a_data_url(request: Request) -> Findings:
    """file_data is a data URL of a type that is supported; audio and video are not."""
    for place, part in parts(request, "input_file"):
        if not isinstance(part.get("file_data"), str):
            continue
        found = split_data_url(part["file_data"])
        if found is None:
            yield f"{place}.file_data", "expected a base64-encoded data URL with a file MIME type"
        elif found[0].startswith(("audio/", "video/", "image/")):
            yield (
                f"{place}.file_data",
                f"expected a base64-encoded data URL with a valid file MIME type, but got unsupported MIME type '{found[0][:60]}'",
            )


@rule(
    Source(
        "github:pydantic/pydantic-ai@4fda3898 tests/models/cassettes/test_multimodal_tool_returns (openai_responses, url)",
        "2026-08-23",
    ),
    code="unsupported_file",
)
def file_url_is_supported(request: Request) -> Findings:
    """A file by address is of a type that is supported."""
    for place, part in parts(request, "input_file"):
        path = string(part.get("file_url")).partition("?")[0].lower()
        if path.endswith(_REFUSED_FILES):
            yield f"{place}.file_url", "the file type you uploaded is not supported. Please try again with a pdf"


@rule(SPECIFICATION, code="missing_required_parameter")
def media_has_a_source(request: Request) -> Findings:
    """A file or image part says where its data are."""
    for place, part in parts(request, "input_file"):
        if not any(part.get(name) for name in ("file_data", "file_id", "file_url")):
            yield place, "one of 'file_data', 'file_id' and 'file_url' is required"
    for place, part in parts(request, "input_image"):
        if not any(part.get(name) for name in ("image_url", "file_id")):
            yield place, "one of 'image_url' and 'file_id' is required"


@rule(Source("https://developers.openai.com/api/docs/guides/images-vision", "2026-09-19"), code="invalid_value")
def image_types(request: Request) -> Findings:
    """Images are PNG, JPEG, WebP or GIF."""
    for place, part in parts(request, "input_image"):
        found = split_data_url(dig(part, "image_url"))
        if found is not None and found[0] not in IMAGE_TYPES:
            yield f"{place}.image_url", f"unsupported image type '{found[0][:60]}': use png, jpeg, gif or webp"


@rule(Source("https://developers.openai.com/api/docs/guides/images-vision", "2026-09-19"))
def image_count(request: Request) -> Findings:
    """At most 1,500 images a request."""
    count = sum(1 for _ in parts(request, "input_image"))
    if count > 1_500:
        yield "input", f"{count} images exceed the limit of 1500"


RULES = (
    calls_are_answered,
    outputs_follow_calls,
    reasoning_has_a_successor,
    bare_reasoning_is_not_stored,
    ids_have_their_prefix,
    ids_are_unique,
    parts_of_their_role,
    file_data_is_a_data_url,
    file_url_is_supported,
    media_has_a_source,
    image_types,
    image_count,
)
