"""Mistral's chat and OCR: https://docs.mistral.ai/api."""

from __future__ import annotations

from base64 import b64encode
from typing import TYPE_CHECKING, Any, ClassVar

from pipelex_testing.samples import JPEG, WEATHER, Capability, Said
from pipelex_testing.server import Received, Reply
from pipelex_testing.wire import Wire
from pipelex_testing.wires.pieces import arguments, halves, words

if TYPE_CHECKING:
    from collections.abc import Mapping

_HEADERS = {"mistral-correlation-id": "0198-conformance"}
_USAGE = {"prompt_tokens": 20, "completion_tokens": 12, "total_tokens": 32, "num_cached_tokens": 8}


class Mistral(Wire):
    """`/v1/chat/completions` and `/v1/ocr`."""

    name = "mistral"
    says: ClassVar[frozenset[Capability]] = frozenset(
        {"text", "stream", "object", "tools", "image in", "PDF in", "thinking", "OCR"}
    )
    error_headers = _HEADERS
    ending = 2

    def answer(self, said: Said) -> Reply:
        content: Any = words(said)
        if said.thought:
            content = [_thinking(said.thought), {"type": "text", "text": content}]
        message = {"role": "assistant", "content": content, "tool_calls": _calls(said)}
        choice = {"index": 0, "message": message, "finish_reason": _finish(said)}
        body = {"id": "cmpl-1", "object": "chat.completion", "created": 1, "model": "a-model"}
        return Reply.json({**body, "choices": [choice], "usage": _USAGE}, headers=_HEADERS)

    def stream(self, said: Said) -> Reply:
        events = [_chunk([_thinking(said.thought)])] if said.thought else []
        events += [_chunk(piece) for piece in halves(words(said))]
        called = {"tool_calls": _calls(said)} if said.calls else {}
        last = {**_chunk("", finish=_finish(said), **called), "usage": _USAGE}
        return Reply.sse(*events, last, "[DONE]", headers=_HEADERS)

    def document(self) -> Reply:
        box = {"top_left_x": 10, "top_left_y": 10, "bottom_right_x": 11, "bottom_right_y": 11}
        encoded = f"data:image/jpeg;base64,{b64encode(JPEG).decode()}"
        image = {"id": "img-0.jpeg", **box, "image_base64": encoded, "image_annotation": None}
        size = {"dpi": 200, "height": 2200, "width": 1700}
        first = {"index": 0, "markdown": "# Paris\n\n![img-0.jpeg](img-0.jpeg)", "images": [image], "dimensions": size}
        second = {"index": 1, "markdown": "It has two pages.", "images": [], "dimensions": size}
        used = {"pages_processed": 2, "doc_size_bytes": 1}
        body = {"pages": [first, second], "model": "an-ocr-model", "usage_info": used, "document_annotation": None}
        return Reply.json(body, headers=_HEADERS)

    def error(self, status: int, message: str = "it went wrong") -> Reply:
        body = {"object": "error", "message": message, "type": "an_error", "param": None, "code": None}
        return Reply.json({**body, "raw_status_code": status}, status=status, headers=_HEADERS)

    def error_in_stream(self) -> Reply:
        fault = {"object": "error", "message": "it went wrong", "type": "internal_server_error", "raw_status_code": 500}
        return Reply.sse(_chunk("The capital"), fault, headers=_HEADERS)

    def settings(self, request: Received) -> Mapping[str, Any]:
        return {name: request.json.get(name) for name in ("model", "temperature", "max_tokens")}


def _thinking(text: str) -> dict[str, Any]:
    return {"type": "thinking", "thinking": [{"type": "text", "text": text}], "signature": "c2lnbmVk"}


def _calls(said: Said) -> list[dict[str, Any]] | None:
    function = {"name": WEATHER.name, "arguments": arguments()}
    ids = [f"abcdefgh{number}" for number in range(said.calls)]  # nine letters and digits, as Mistral's are
    return [{"id": id_, "type": "function", "function": function, "index": n} for n, id_ in enumerate(ids)] or None


def _chunk(content: Any, *, finish: str | None = None, **fields: Any) -> dict[str, Any]:
    body = {"id": "cmpl-1", "object": "chat.completion.chunk", "created": 1, "model": "a-model"}
    return {**body, "choices": [{"index": 0, "delta": {"content": content, **fields}, "finish_reason": finish}]}


def _finish(said: Said) -> str:
    return said.finish or ("tool_calls" if said.calls else "stop")
