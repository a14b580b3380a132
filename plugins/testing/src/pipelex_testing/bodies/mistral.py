"""Documents of Mistral's chat and OCR: https://docs.mistral.ai/api."""

from __future__ import annotations

from base64 import b64encode
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable

_USAGE = {"prompt_tokens": 11, "completion_tokens": 7, "total_tokens": 18}
PIXEL = b"\xff\xd8\xff\xe0 a picture"
"""The bytes of an image in a page, which nobody decodes."""


def message(content: Any = "Hello.", *, finish_reason: str | None = "stop", **fields: Any) -> dict[str, Any]:
    """Build an answer of the chat endpoint; `fields` are the message's, and `usage` the answer's."""
    usage = fields.pop("usage", _USAGE)
    inner = {"role": "assistant", "content": content, "tool_calls": None, **fields}
    return {
        "id": "cmpl-1",
        "object": "chat.completion",
        "created": 1,
        "model": "mistral-small-latest",
        "choices": [{"index": 0, "message": inner, "finish_reason": finish_reason}],
        "usage": usage,
    }


def chunk(content: Any = None, *, finish_reason: str | None = None, **fields: Any) -> dict[str, Any]:
    """Build a chunk of a stream; `fields` are the delta's, and `usage` the chunk's."""
    made: dict[str, Any] = {"id": "cmpl-1", "object": "chat.completion.chunk", "created": 1, "model": "m", "p": "abc"}
    if "usage" in fields:
        made["usage"] = fields.pop("usage")
    delta = fields if content is None else {"content": content, **fields}
    return {**made, "choices": [{"index": 0, "delta": delta, "finish_reason": finish_reason}]}


def thinking(*texts: str, **fields: Any) -> dict[str, Any]:
    """Build a thinking chunk."""
    return {"type": "thinking", "thinking": [{"type": "text", "text": text} for text in texts], **fields}


def call(name: str, arguments: Any, *, call_id: str | None = "abcdefgh1", index: int | None = 0) -> dict[str, Any]:
    """Build a tool call, as answers and chunks have it."""
    return {"id": call_id, "type": "function", "function": {"name": name, "arguments": arguments}, "index": index}


def page(
    index: int, *, images: Iterable[str] = (), data: str | None = None, markdown: str | None = None
) -> dict[str, Any]:
    """Build a page of an OCR answer, with images of 30 by 20 pixels; `data` is the data URL of each."""
    encoded = data if data is not None else "data:image/jpeg;base64," + b64encode(PIXEL).decode()
    box = {"top_left_x": 10, "top_left_y": 10, "bottom_right_x": 40, "bottom_right_y": 30}
    names = tuple(images)
    return {
        "index": index,
        "markdown": (markdown or f"# Page {index}") + "".join(f"\n\n![{name}]({name})" for name in names),
        "images": [{"id": name, **box, "image_base64": encoded, "image_annotation": None} for name in names],
        "dimensions": {"dpi": 200, "height": 2200, "width": 1700},
    }


def pages(*found: dict[str, Any], counted: int | None = None) -> dict[str, Any]:
    """Build an OCR answer."""
    used = {"pages_processed": len(found) if counted is None else counted, "doc_size_bytes": 1}
    return {"pages": list(found), "model": "mistral-ocr-latest", "usage_info": used, "document_annotation": None}


def error(status: int, message: Any, *, code: str | None = None, kind: str = "invalid_request_error") -> dict[str, Any]:
    """Build the body of an error, or an event of a stream that is one."""
    body = {"object": "error", "message": message, "type": kind, "param": None, "code": code}
    return {**body, "raw_status_code": status}
