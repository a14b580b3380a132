"""OpenAI's Responses API: https://platform.openai.com/docs/api-reference/responses."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from pipelex_core import errors
from pipelex_testing.samples import WEATHER, Capability, Said
from pipelex_testing.server import Received, Reply
from pipelex_testing.wire import Wire
from pipelex_testing.wires.pieces import arguments, halves, words

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

_HEADERS = {"x-request-id": "req_conformance"}
_USAGE = {
    "input_tokens": 20,
    "output_tokens": 12,
    "total_tokens": 32,
    "input_tokens_details": {"cached_tokens": 8},
    "output_tokens_details": {},
}


class OpenAIResponses(Wire):
    """`/responses`."""

    name = "openai-responses"
    says: ClassVar[frozenset[Capability]] = frozenset(
        {"text", "stream", "object", "tools", "image in", "PDF in", "thinking"}
    )
    error_headers = _HEADERS
    special_errors: ClassVar = {
        errors.ContextTooLongError: (400, {"error": {"message": "too long", "code": "context_length_exceeded"}}),
    }

    def endpoint(self, url: str) -> str:
        return f"{url}/v1"

    def answer(self, said: Said) -> Reply:
        return Reply.json(_response(said, _output(said)), headers=_HEADERS)

    def stream(self, said: Said) -> Reply:
        return Reply.sse(*_events(said), headers=_HEADERS)

    def error(self, status: int, message: str = "it went wrong") -> Reply:
        body = {"error": {"message": message, "type": None, "param": None, "code": None}}
        return Reply.json(body, status=status, headers=_HEADERS)

    def error_in_stream(self) -> Reply:
        events = list(_events(Said()))
        fault = {"code": "server_error", "message": "it went wrong", "param": None}
        return Reply.sse(*events[:3], _event("error", **fault), headers=_HEADERS)

    def settings(self, request: Received) -> Mapping[str, Any]:
        body = request.json
        told = {name: body.get(name) for name in ("model", "temperature")}
        return {**told, "max_tokens": body.get("max_output_tokens")}


def _output(said: Said) -> list[dict[str, Any]]:
    output: list[dict[str, Any]] = []
    if said.thought:
        summary = [{"type": "summary_text", "text": said.thought}]
        output.append({"type": "reasoning", "id": "rs_1", "summary": summary, "encrypted_content": "c2VhbGVk"})
    for number in range(said.calls):
        called = {"call_id": f"call_{number}", "name": WEATHER.name, "arguments": arguments()}
        output.append({"id": f"fc_{number}", "type": "function_call", "status": "completed", **called})
    if not said.calls:
        content = [{"type": "output_text", "text": words(said), "annotations": []}]
        message = {"id": "msg_1", "type": "message", "role": "assistant", "status": "completed"}
        output.append({**message, "content": content})
    return output


def _response(said: Said, output: list[dict[str, Any]], **fields: Any) -> dict[str, Any]:
    reasons = {"length": "max_output_tokens", "content_filter": "content_filter"}
    reason = reasons.get(said.finish or "")
    return {
        "id": "resp_1",
        "object": "response",
        "created_at": 1,
        "model": "a-model",
        "status": "incomplete" if reason else "completed",
        "error": None,
        "incomplete_details": {"reason": reason} if reason else None,
        "output": output,
        "usage": _USAGE,
        **fields,
    }


def _events(said: Said) -> Iterator[tuple[str, dict[str, Any]]]:
    output = _output(said)
    yield _event("response.created", response=_response(said, [], status="in_progress", usage=None))
    for index, item in enumerate(output):
        begun = {**item, "content": []} if "content" in item else item
        yield _event("response.output_item.added", output_index=index, item=begun)
        for part in item.get("content", ()):
            for piece in halves(part["text"]):
                yield _event("response.output_text.delta", output_index=index, content_index=0, delta=piece)
        yield _event("response.output_item.done", output_index=index, item=item)
    last = _response(said, output)
    yield _event(f"response.{last['status']}", response=last)


def _event(kind: str, **fields: Any) -> tuple[str, dict[str, Any]]:
    return kind, {"type": kind, "sequence_number": 0, **fields}
