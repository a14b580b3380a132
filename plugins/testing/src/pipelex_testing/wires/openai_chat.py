"""OpenAI's chat completions and images, as it and every compatible endpoint speak them.

https://platform.openai.com/docs/api-reference/chat
"""

from __future__ import annotations

from base64 import b64encode
from typing import TYPE_CHECKING, Any, ClassVar

from pipelex_core import errors
from pipelex_testing.samples import PNG, WEATHER, Capability, Said
from pipelex_testing.server import Received, Reply
from pipelex_testing.wire import Wire
from pipelex_testing.wires.pieces import arguments, halves, words

if TYPE_CHECKING:
    from collections.abc import Mapping

_HEADERS = {"x-request-id": "req_conformance"}
_USAGE = {
    "prompt_tokens": 20,
    "completion_tokens": 12,
    "total_tokens": 32,
    "prompt_tokens_details": {"cached_tokens": 8},
}


class OpenAIChat(Wire):
    """`/chat/completions`, and `/images/generations`."""

    name = "openai-chat"
    says: ClassVar[frozenset[Capability]] = frozenset(
        {"text", "stream", "object", "tools", "image in", "PDF in", "thinking", "image out"}
    )
    error_headers = _HEADERS
    ending = 3
    special_errors: ClassVar = {
        errors.ContextTooLongError: (400, {"error": {"message": "too long", "code": "context_length_exceeded"}}),
        errors.ContentFilterError: (400, {"error": {"message": "refused", "code": "content_filter"}}),
    }

    def endpoint(self, url: str) -> str:
        return f"{url}/v1"

    def answer(self, said: Said) -> Reply:
        message: dict[str, Any] = {"role": "assistant", "content": words(said) or None}
        if said.thought:
            message["reasoning_content"] = said.thought
        if said.calls:
            message["tool_calls"] = [_call(number) for number in range(said.calls)]
        choice = {"index": 0, "message": message, "finish_reason": _finish(said)}
        body = {"id": "chatcmpl-1", "object": "chat.completion", "created": 1, "model": "a-model"}
        return Reply.json({**body, "choices": [choice], "usage": _USAGE}, headers=_HEADERS)

    def stream(self, said: Said) -> Reply:
        events = [_chunk({"role": "assistant", "content": ""})]
        if said.thought:
            events.append(_chunk({"reasoning_content": said.thought}))
        events += [_chunk({"content": piece}) for piece in halves(words(said))]
        for number in range(said.calls):
            call = _call(number)
            head, tail = halves(call["function"]["arguments"])
            function = {"name": call["function"]["name"], "arguments": head}
            events.append(_chunk({"tool_calls": [{**call, "index": number, "function": function}]}))
            events.append(_chunk({"tool_calls": [{"index": number, "function": {"arguments": tail}}]}))
        events.append(_chunk({}, _finish(said)))
        return Reply.sse(*events, {**_chunk({}), "choices": [], "usage": _USAGE}, "[DONE]", headers=_HEADERS)

    def image(self) -> Reply:
        picture = {"b64_json": b64encode(PNG).decode()}
        return Reply.json({"created": 1, "data": [picture]}, headers=_HEADERS)

    def error(self, status: int, message: str = "it went wrong") -> Reply:
        return Reply.json(_error(None, message), status=status, headers=_HEADERS)

    def error_in_stream(self) -> Reply:
        begun = [_chunk({"role": "assistant", "content": ""}), _chunk({"content": "The capital"})]
        return Reply.sse(*begun, _error("server_error"), headers=_HEADERS)

    def settings(self, request: Received) -> Mapping[str, Any]:
        body = request.json
        limit = body.get("max_completion_tokens", body.get("max_tokens"))
        return {"model": body.get("model"), "temperature": body.get("temperature"), "max_tokens": limit}


def _error(code: str | None, message: str = "it went wrong") -> dict[str, Any]:
    return {"error": {"message": message, "type": code, "param": None, "code": code}}


def _call(number: int) -> dict[str, Any]:
    function = {"name": WEATHER.name, "arguments": arguments()}
    return {"id": f"call_{number}", "type": "function", "function": function}


def _chunk(delta: dict[str, Any], finish: str | None = None) -> dict[str, Any]:
    choice = {"index": 0, "delta": delta, "finish_reason": finish}
    body = {"id": "chatcmpl-1", "object": "chat.completion.chunk", "created": 1, "model": "a-model"}
    return {**body, "choices": [choice]}


def _finish(said: Said) -> str:
    return said.finish or ("tool_calls" if said.calls else "stop")
