"""OpenAI's Responses API: https://platform.openai.com/docs/api-reference/responses."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from pipelex_core import errors
from pipelex_testing.bodies import openai_chat as chat
from pipelex_testing.bodies import openai_responses as responses
from pipelex_testing.bodies.pieces import halves
from pipelex_testing.rulebook import Rulebook
from pipelex_testing.samples import CONVERSATION, WEATHER, Capability, SampleAnswer
from pipelex_testing.server import Received, Reply
from pipelex_testing.wire import Wire
from pipelex_testing.wires.pieces import arguments, words

if TYPE_CHECKING:
    from collections.abc import Mapping

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
    rules = Rulebook(provider="openai")
    says: ClassVar[frozenset[Capability]] = frozenset(CONVERSATION)
    error_headers = _HEADERS
    special_errors: ClassVar = {
        errors.ContextTooLongError: (400, {"error": {"message": "too long", "code": "context_length_exceeded"}}),
    }

    def endpoint(self, url: str) -> str:
        return f"{url}/v1"

    def answer(self, sample: SampleAnswer) -> Reply:
        return Reply.json(_response(sample), headers=_HEADERS)

    def stream(self, sample: SampleAnswer) -> Reply:
        return Reply.sse(*responses.events(_response(sample), halves), headers=_HEADERS)

    def error(self, status: int, message: str = "it went wrong") -> Reply:
        return Reply.json(chat.error(message), status=status, headers=_HEADERS)

    def error_in_stream(self) -> Reply:
        events = list(responses.events(_response(SampleAnswer()), halves))
        fault = {"code": "server_error", "message": "it went wrong", "param": None}
        return Reply.sse(*events[:3], responses.event("error", **fault), headers=_HEADERS)

    def settings(self, request: Received) -> Mapping[str, Any]:
        body = request.json
        reported = {name: body.get(name) for name in ("model", "temperature")}
        return {**reported, "max_tokens": body.get("max_output_tokens")}


def _output(sample: SampleAnswer) -> list[dict[str, Any]]:
    output: list[dict[str, Any]] = []
    if sample.thought:
        summary = [{"type": "summary_text", "text": sample.thought}]
        output.append({"type": "reasoning", "id": "rs_1", "summary": summary, "encrypted_content": "c2VhbGVk"})
    output += [responses.function_call(number, WEATHER.name, arguments()) for number in range(sample.calls)]
    return output if sample.calls else [*output, responses.message_item(words(sample))]


def _response(sample: SampleAnswer) -> dict[str, Any]:
    reasons = {"length": "max_output_tokens", "content_filter": "content_filter"}
    reason = reasons.get(sample.finish or "")
    details = {"reason": reason} if reason else None
    status = "incomplete" if reason else "completed"
    return responses.response(*_output(sample), status=status, incomplete_details=details, usage=_USAGE)
