"""Anthropic's Messages API: https://docs.claude.com/en/api/messages."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from pipelex_testing.samples import ARGUMENTS, WEATHER, Capability, Said
from pipelex_testing.server import Received, Reply
from pipelex_testing.wire import Wire
from pipelex_testing.wires.pieces import arguments, halves, words

if TYPE_CHECKING:
    from collections.abc import Mapping

_HEADERS = {"request-id": "req_conformance"}
_SIGNATURE = "c2lnbmVk"
_USAGE = {"input_tokens": 12, "cache_read_input_tokens": 8, "output_tokens": 12}
"""Anthropic counts input without what was cached."""
_STOPS = {"length": "max_tokens", "content_filter": "refusal"}
_KINDS = {401: "authentication_error", 403: "permission_error", 404: "not_found_error", 429: "rate_limit_error"}


class AnthropicMessages(Wire):
    """`/v1/messages`."""

    name = "anthropic-messages"
    says: ClassVar[frozenset[Capability]] = frozenset(
        {"text", "stream", "object", "tools", "image in", "PDF in", "thinking"}
    )
    error_headers = _HEADERS
    ending = 2

    def answer(self, said: Said) -> Reply:
        return Reply.json(_message(said), headers=_HEADERS)

    def stream(self, said: Said) -> Reply:
        return Reply.sse(*_events(said), headers=_HEADERS)

    def error(self, status: int, message: str = "it went wrong") -> Reply:
        kind = _KINDS.get(status, "invalid_request_error" if status < 500 else "api_error")
        kind = "overloaded_error" if status == 529 else kind
        return Reply.json(_fault(kind, message), status=status, headers=_HEADERS)

    def error_in_stream(self) -> Reply:
        return Reply.sse(*_events(Said())[:4], ("error", _fault("api_error", "it went wrong")), headers=_HEADERS)

    def settings(self, request: Received) -> Mapping[str, Any]:
        return {name: request.json.get(name) for name in ("model", "temperature", "max_tokens")}


def _fault(kind: str, message: str) -> dict[str, Any]:
    return {"type": "error", "error": {"type": kind, "message": message}, "request_id": _HEADERS["request-id"]}


def _content(said: Said) -> list[dict[str, Any]]:
    content: list[dict[str, Any]] = []
    if said.thought:
        content.append({"type": "thinking", "thinking": said.thought, "signature": _SIGNATURE})
    for number in range(said.calls):
        content.append({"type": "tool_use", "id": f"toolu_{number}", "name": WEATHER.name, "input": ARGUMENTS})
    if words(said):
        content.append({"type": "text", "text": words(said)})
    return content


def _message(said: Said) -> dict[str, Any]:
    return {
        "id": "msg_01",
        "type": "message",
        "role": "assistant",
        "model": "a-model",
        "content": _content(said),
        "stop_reason": _STOPS.get(said.finish or "", "tool_use" if said.calls else "end_turn"),
        "stop_sequence": None,
        "usage": _USAGE,
    }


def _events(said: Said) -> list[tuple[str, dict[str, Any]]]:
    message = _message(said)
    begun = {**message, "content": [], "stop_reason": None, "usage": {**_USAGE, "output_tokens": 1}}
    made: list[tuple[str, dict[str, Any]]] = [("message_start", {"message": begun}), ("ping", {})]
    for index, block in enumerate(message["content"]):
        empty, deltas = _pieces(block)
        made.append(("content_block_start", {"index": index, "content_block": empty}))
        made += [("content_block_delta", {"index": index, "delta": delta}) for delta in deltas]
        made.append(("content_block_stop", {"index": index}))
    ended = {"stop_reason": message["stop_reason"], "stop_sequence": None}
    made += [("message_delta", {"delta": ended, "usage": {"output_tokens": 12}}), ("message_stop", {})]
    return [(name, {"type": name, **data}) for name, data in made]


def _pieces(block: dict[str, Any]) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """How a block begins in a stream, and what then comes to it."""
    if block["type"] == "text":
        return {**block, "text": ""}, [{"type": "text_delta", "text": half} for half in halves(block["text"])]
    if block["type"] == "tool_use":
        deltas = [{"type": "input_json_delta", "partial_json": half} for half in ("", *halves(arguments()))]
        return {**block, "input": {}}, deltas
    deltas = [{"type": "thinking_delta", "thinking": half} for half in halves(block["thinking"])]
    return {**block, "thinking": "", "signature": ""}, [
        *deltas,
        {"type": "signature_delta", "signature": block["signature"]},
    ]
