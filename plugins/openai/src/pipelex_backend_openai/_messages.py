"""A conversation as the `messages` of chat completions: https://platform.openai.com/docs/api-reference/chat/create."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from pipelex_core.documents import as_text, is_text
from pipelex_core.errors import UnsupportedInputError
from pipelex_core.media import PDF
from pipelex_core.parts import DocumentPart, ImagePart, ProviderPart, TextPart, ToolCall, ToolResult

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from pipelex_backend_openai._traits import Traits
    from pipelex_core.parts import Media, Message, Part
    from pipelex_core.requests import TextRequest


def chat_messages(request: TextRequest, traits: Traits, provider: str) -> list[dict[str, Any]]:
    """The system prompt and the conversation; only the provider parts of `provider` go along."""
    messages: list[dict[str, Any]] = []
    if request.system is not None:
        messages.append({"role": "system", "content": request.system})
    for message in request.messages:
        if message.role == "assistant":
            messages.append(_assistant(message, provider))
        else:
            messages += _others(message, traits)
    return messages


def _others(message: Message, traits: Traits) -> Iterable[dict[str, Any]]:
    """Messages of the user, of the system, and of tools: one message for each tool's result."""
    content: list[Part] = []
    for part in message.parts:
        if isinstance(part, ToolResult):
            yield {"role": "tool", "tool_call_id": part.call_id, "content": part.content}
        elif isinstance(part, TextPart | ImagePart | DocumentPart):
            content.append(part)
    if len(content) == 1 and isinstance(content[0], TextPart):
        yield {"role": message.role, "content": content[0].text}
    elif content:
        yield {"role": message.role, "content": [_content_part(part, traits) for part in content]}


def _content_part(part: Part, traits: Traits) -> dict[str, Any]:
    if isinstance(part, ImagePart):
        return {"type": "image_url", "image_url": {"url": part.media.as_url()}}
    if isinstance(part, DocumentPart):
        return _document(part.media, traits)
    assert isinstance(part, TextPart)  # noqa: S101 -- all that `_others` lets through
    return {"type": "text", "text": part.text}


def _document(media: Media, traits: Traits) -> dict[str, Any]:
    """A document as the endpoint takes it; text as text, which is what OpenAI says to do with it.

    https://developers.openai.com/api/docs/guides/file-inputs
    """
    if is_text(media) and not (traits.documents == "file_url" and media.url):
        return {"type": "text", "text": as_text(media)}
    if traits.documents == "none":
        msg = "this endpoint takes no documents"
        raise UnsupportedInputError(msg)
    if traits.documents == "file_url":
        return {"type": "file_url", "file_url": {"url": media.url or media.base64()}}
    if media.media_type != PDF:
        msg = f"chat completions take PDFs and text, not {media.media_type}; the Responses API may take it"
        raise UnsupportedInputError(msg)
    return {"type": "file", "file": {"filename": media.name or "document.pdf", "file_data": media.as_url()}}


def _assistant(message: Message, provider: str) -> dict[str, Any]:
    """What the model said; null where it only called tools."""
    calls = [part for part in message.parts if isinstance(part, ToolCall)]
    sent: dict[str, Any] = {"role": "assistant", "content": message.text or (None if calls else "")}
    if calls:
        sent["tool_calls"] = [_tool_call(call) for call in calls]
    for part in message.parts:
        if isinstance(part, ProviderPart) and part.provider == provider:
            _give_back(part.data, sent)
    return sent


def _tool_call(call: ToolCall) -> dict[str, Any]:
    arguments = json.dumps(call.arguments, ensure_ascii=False, separators=(",", ":"))
    return {"id": call.id, "type": "function", "function": {"name": call.name, "arguments": arguments}}


def _give_back(data: Mapping[str, Any], sent: dict[str, Any]) -> None:
    """Put back the fields that the endpoint added to its message and to its tool calls (see `returned_fields`)."""
    sent.update(data.get("message", {}))
    by_id = data.get("tool_calls", {})
    for call in sent.get("tool_calls", ()):
        call.update(by_id.get(call["id"], {}))
