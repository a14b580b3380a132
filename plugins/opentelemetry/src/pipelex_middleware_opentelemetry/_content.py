"""Prompts and answers as the conventions write them, in JSON; only where somebody asked for that.

The form: https://github.com/open-telemetry/semantic-conventions/blob/v1.41.1/docs/gen-ai/gen-ai-input-messages.json
Images and documents stand there by kind and size, never with their bytes.
"""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING, Any

from pipelex_core.parts import AudioPart, DocumentPart, ImagePart, TextPart, ToolCall, ToolResult
from pipelex_core.requests import ExtractRequest, ImageRequest, TextRequest
from pipelex_core.results import DocumentAnswer, ImageAnswer, TextAnswer

if TYPE_CHECKING:
    from collections.abc import Callable

    from pipelex_core.parts import Media, Part
    from pipelex_core.requests import Request

VARIABLE = "OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT"
_ON = frozenset({"true", "span_only", "span_and_event"})
_FINISH = {"tool_calls": "tool_call", "other": "error"}


def is_requested_for() -> bool:
    """Whether the environment asks for content in spans."""
    return os.environ.get(VARIABLE, "").strip().lower() in _ON


def input_attributes(request: Request, redact: Callable[[str], str]) -> dict[str, str]:
    """What was asked."""
    content: dict[str, Any] = {}
    if isinstance(request, TextRequest):
        content["gen_ai.input.messages"] = [
            {"role": message.role, "parts": [_part(part) for part in message.parts]} for message in request.messages
        ]
        if request.system is not None:
            content["gen_ai.system_instructions"] = [_text(request.system)]
        if request.tools:
            content["gen_ai.tool.definitions"] = [
                {
                    "type": "function",
                    "name": tool.name,
                    "description": tool.description,
                    "parameters": dict(tool.parameters),
                }
                for tool in request.tools
            ]
    elif isinstance(request, ImageRequest):
        content["gen_ai.input.messages"] = [{"role": "user", "parts": [_text(request.prompt)]}]
    elif isinstance(request, ExtractRequest):
        modality = "image" if request.document.media_type.startswith("image/") else "document"
        content["gen_ai.input.messages"] = [{"role": "user", "parts": [_medium(request.document, modality)]}]
    return _written(content, redact)


def output_attributes(answer: object, redact: Callable[[str], str]) -> dict[str, str]:
    """What was answered."""
    if isinstance(answer, TextAnswer):
        parts = [{"type": "reasoning", "content": answer.reasoning}] if answer.reasoning else []
        parts += [_text(answer.text)] if answer.text else []
        parts += [_part(call) for call in answer.tool_calls]
        finish = _FINISH.get(answer.finish_reason, answer.finish_reason)
    elif isinstance(answer, DocumentAnswer):
        parts, finish = [_text(page.text) for page in answer.pages], "stop"
    elif isinstance(answer, ImageAnswer):
        parts = [_bytes("image", image.content_type, len(image.data)) for image in answer.images]
        finish = "stop"
    else:
        return {}
    message = {"role": "assistant", "parts": parts, "finish_reason": finish}
    return _written({"gen_ai.output.messages": [message]}, redact)


def _written(content: dict[str, Any], redact: Callable[[str], str]) -> dict[str, str]:
    return {name: redact(json.dumps(value, ensure_ascii=False, default=str)) for name, value in content.items()}


def _part(part: Part) -> dict[str, Any]:  # noqa: PLR0911 -- one line a kind
    match part:
        case TextPart(text):
            return _text(text)
        case ImagePart(media):
            return _medium(media, "image")
        case DocumentPart(media):
            return _medium(media, "document")
        case AudioPart(media):
            return _medium(media, "audio")
        case ToolCall():
            return {"type": "tool_call", "id": part.id, "name": part.name, "arguments": part.arguments}
        case ToolResult():
            return {"type": "tool_call_response", "id": part.call_id, "response": part.content}
    return {"type": part.provider}


def _text(text: str) -> dict[str, Any]:
    return {"type": "text", "content": text}


def _medium(media: Media, modality: str) -> dict[str, Any]:
    if media.data is None:
        return {"type": "uri", "modality": modality, "mime_type": media.media_type, "uri": media.url}
    return _bytes(modality, media.media_type, len(media.data))


def _bytes(modality: str, mime_type: str, size: int) -> dict[str, Any]:
    """A part of no kind of the conventions': theirs would hold the bytes."""
    return {"type": "omitted", "modality": modality, "mime_type": mime_type, "size": size}
