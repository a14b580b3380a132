"""A conversation as the `messages` of chat completions: https://platform.openai.com/docs/api-reference/chat/create."""

from __future__ import annotations

import json
from functools import cache
from typing import TYPE_CHECKING, Any, Final

from pipelex_core.documents import as_text, is_text
from pipelex_core.errors import UnsupportedInputError
from pipelex_core.histories import HistoryForm, fit
from pipelex_core.media import PDF
from pipelex_core.parts import AudioPart, DocumentPart, ImagePart, ProviderPart, TextPart, ToolCall, ToolResult

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pipelex_backend_openai._traits import Traits
    from pipelex_core.parts import Media, Message, Part
    from pipelex_core.requests import TextRequest

LONGEST_CALL_ID: Final = 40
"""Characters of the id of a tool call: https://platform.openai.com/docs/api-reference/chat/create."""

_STRICT_NAMES: Final = frozenset({"openai", "azure_openai"})
"""Backends that refuse the name of a call that the name of a function cannot be: https://platform.openai.com/docs/api-reference/chat/create."""

_FORMATS: Final = {
    "audio/mpeg": "mp3",
    "audio/wav": "wav",
    "audio/x-wav": "wav",
    "audio/flac": "flac",
    "audio/ogg": "ogg",
    "audio/mp4": "m4a",
    "audio/aac": "aac",
    "audio/aiff": "aiff",
}
"""MIME type -> the word for it."""


def chat_messages(request: TextRequest, traits: Traits, provider: str) -> list[dict[str, Any]]:
    """The system prompt and the conversation; only the provider parts of `provider` go along."""
    messages: list[dict[str, Any]] = []
    if request.system is not None:
        messages.append({"role": "system", "content": request.system})
    for message in fit(request.messages, form_of(provider, LONGEST_CALL_ID, audio=True), request.spec.model_id):
        if message.role == "assistant":
            messages.append(_assistant(message, traits))
        elif message.role == "tool":
            messages += (
                {"role": "tool", "tool_call_id": part.call_id, "content": part.content}
                for part in message.parts
                if isinstance(part, ToolResult)
            )
        else:
            messages.append({"role": message.role, "content": _content(message, traits)})
    return messages


@cache
def form_of(provider: str, longest_id: int, *, audio: bool = False) -> HistoryForm:
    """What both APIs take of a conversation; the provider is the backend with its API."""
    strict = provider.partition("/")[0] in _STRICT_NAMES
    call_name = r"[A-Za-z0-9_-]{1,64}" if strict else None
    return HistoryForm(
        provider=provider, call_id=rf"[A-Za-z0-9_.:-]{{1,{longest_id}}}", call_name=call_name, audio=audio
    )


def _content(message: Message, traits: Traits) -> str | list[dict[str, Any]]:
    """A message of the user or of the system: its only text, or its parts."""
    if len(message.parts) == 1 and isinstance(message.parts[0], TextPart):
        return message.parts[0].text
    return [_content_part(part, traits) for part in message.parts]


def _content_part(part: Part, traits: Traits) -> dict[str, Any]:
    if isinstance(part, ImagePart):
        return {"type": "image_url", "image_url": {"url": part.media.as_url()}}
    if isinstance(part, DocumentPart):
        return _document(part.media, traits)
    if isinstance(part, AudioPart):
        return _sound(part.media, traits)
    assert isinstance(part, TextPart)  # noqa: S101 -- all that there is beside results, which are apart
    return {"type": "text", "text": part.text}


def _sound(media: Media, traits: Traits) -> dict[str, Any]:
    """Sound in base64: https://platform.openai.com/docs/guides/audio#add-audio-to-your-existing-application."""
    if not traits.audio_formats:
        msg = "this endpoint takes no audio in a prompt: transcribe it, and send the text"
        raise UnsupportedInputError(msg)
    kind = _FORMATS.get(media.media_type, media.media_type)
    if kind not in traits.audio_formats:
        msg = f"this endpoint takes audio as {', '.join(traits.audio_formats)} in a prompt, not as {kind}"
        raise UnsupportedInputError(msg)
    return {"type": "input_audio", "input_audio": {"data": media.base64(), "format": kind}}


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


def _assistant(message: Message, traits: Traits) -> dict[str, Any]:
    """What the model answered; null where it only called tools."""
    calls = [part for part in message.parts if isinstance(part, ToolCall)]
    sent: dict[str, Any] = {"role": "assistant", "content": message.text or (None if calls else "")}
    if calls:
        sent["tool_calls"] = [_tool_call(call) for call in calls]
        if traits.calls_need_reasoning:
            sent["reasoning_content"] = ""
    for part in message.parts:
        if isinstance(part, ProviderPart):
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
