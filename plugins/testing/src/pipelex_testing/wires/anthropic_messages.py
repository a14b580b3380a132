"""Anthropic's Messages API: https://docs.claude.com/en/api/messages."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from pipelex_testing.bodies import anthropic
from pipelex_testing.rulebook import Rulebook
from pipelex_testing.samples import ARGUMENTS, CONVERSATION, WEATHER, Capability, SampleAnswer
from pipelex_testing.server import Received, Reply
from pipelex_testing.wire import Wire
from pipelex_testing.wires.pieces import words

if TYPE_CHECKING:
    from collections.abc import Mapping

_HEADERS = {"request-id": "req_conformance"}
_USAGE = {"input_tokens": 12, "cache_read_input_tokens": 8, "output_tokens": 12}
"""Anthropic counts input without what was cached."""
_STOPS = {"length": "max_tokens", "content_filter": "refusal"}
_KINDS = {401: "authentication_error", 403: "permission_error", 404: "not_found_error", 429: "rate_limit_error"}


class AnthropicMessages(Wire):
    """`/v1/messages`."""

    name = "anthropic-messages"
    rules = Rulebook(provider="anthropic")
    says: ClassVar[frozenset[Capability]] = frozenset(CONVERSATION)
    error_headers = _HEADERS
    ending = 2

    def answer(self, sample: SampleAnswer) -> Reply:
        return Reply.json(_message(sample), headers=_HEADERS)

    def stream(self, sample: SampleAnswer) -> Reply:
        return Reply.sse(*anthropic.events(_message(sample)), headers=_HEADERS)

    def error(self, status: int, message: str = "it went wrong") -> Reply:
        kind = _KINDS.get(status, "invalid_request_error" if status < 500 else "api_error")
        kind = "overloaded_error" if status == 529 else kind
        return Reply.json(_fault(kind, message), status=status, headers=_HEADERS)

    def error_in_stream(self) -> Reply:
        begun = anthropic.events(_message(SampleAnswer()))[:4]
        return Reply.sse(*begun, ("error", _fault("api_error", "it went wrong")), headers=_HEADERS)

    def settings(self, request: Received) -> Mapping[str, Any]:
        return {name: request.json.get(name) for name in ("model", "temperature", "max_tokens")}


def _fault(kind: str, message: str) -> dict[str, Any]:
    return anthropic.error(kind, message, _HEADERS["request-id"])


def _message(sample: SampleAnswer) -> anthropic.Message:
    content = [anthropic.thinking(sample.thought)] if sample.thought else []
    content += [anthropic.tool_use(f"toolu_{number}", WEATHER.name, ARGUMENTS) for number in range(sample.calls)]
    if words(sample):
        content.append(anthropic.text(words(sample)))
    reason = _STOPS.get(sample.finish or "", "tool_use" if sample.calls else "end_turn")
    return anthropic.message(*content, stop_reason=reason, **_USAGE)
