"""An endpoint's chat completion, whole or in chunks, as a `TextAnswer`."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, NoReturn

from attrs import define, field

from pipelex_backend_vertexai._endpoint_errors import reported
from pipelex_core.answers import count
from pipelex_core.errors import InvalidAnswerError
from pipelex_core.parts import ToolCall
from pipelex_core.results import NO_USAGE, TextAnswer, Usage

if TYPE_CHECKING:
    from pipelex_core.results import FinishReason

_FINISH_REASONS: dict[str, FinishReason] = {
    "stop": "stop",
    "eos_token": "stop",
    "stop_sequence": "stop",
    "length": "length",
    "tool_calls": "tool_calls",
    "content_filter": "content_filter",
}
_CUT = frozenset({"length", "content_filter"})


@define(kw_only=True)
class ChatReading:
    """What an answer has brought so far: one message, or the deltas of a stream.

    Attributes:
        text: The visible text.
        finish: The endpoint's word for why the answer ended; None as long as it has not.
    """

    text: str = ""
    finish: str | None = None
    _reasoning: str = ""
    _usage: Usage = NO_USAGE
    _calls: list[dict[str, Any]] = field(factory=list)
    _last: Any = None

    def take(self, payload: Any, key: str) -> str:
        """Take an answer with a `message`, or a chunk with a `delta`; returns the text that is new.

        Raises:
            CallError: It reports an error, or does not have the form of an answer.
        """
        self._last = payload
        if isinstance(payload, list) and len(payload) == 1:
            payload = payload[0]
        if isinstance(payload, dict) and payload.get("error"):
            raise reported(payload["error"])
        if not isinstance(payload, dict) or not isinstance(payload.get("choices"), list):
            self._fail("it has no choices")
        if isinstance(payload.get("usage"), dict):
            self._usage = _usage_of(payload["usage"])
        choice = next((one for one in payload["choices"] if isinstance(one, dict) and not one.get("index")), None)
        if choice is None:
            return ""
        message = choice.get(key)
        if not isinstance(message, dict):
            self._fail(f"its choice has no {key}")
        self.finish = choice.get("finish_reason") or self.finish
        return self._take_message(message, is_whole=key == "message")

    def answer(self) -> TextAnswer:
        """The whole answer; a call that was cut off with it is dropped.

        Raises:
            InvalidAnswerError: A call of a tool has no name, or its arguments are not a JSON object.
        """
        reason = _FINISH_REASONS.get(str(self.finish), "other")
        calls = [self._call(number, call, is_cut=reason in _CUT) for number, call in enumerate(self._calls)]
        payload = self._last[0] if isinstance(self._last, list) else self._last
        named = payload.get("id") if isinstance(payload, dict) else None
        return TextAnswer(
            text=self.text,
            finish_reason="tool_calls" if calls and reason == "stop" else reason,
            usage=self._usage,
            tool_calls=tuple(call for call in calls if call is not None),
            reasoning=self._reasoning or None,
            request_id=named if isinstance(named, str) and named else None,
            raw=self._last,
        )

    def _take_message(self, message: dict[str, Any], *, is_whole: bool) -> str:
        content = message.get("content") or ""
        if not isinstance(content, str):
            self._fail("its content is not text")
        self.text += content
        reasoning = message.get("reasoning_content") or message.get("reasoning")
        if isinstance(reasoning, str):
            self._reasoning += reasoning
        calls = message.get("tool_calls") or []
        for number, call in enumerate(calls if isinstance(calls, list) else [calls]):
            self._take_call(call, number if is_whole else None)
        return content

    def _take_call(self, call: Any, number: int | None) -> None:
        """Take a call, or a piece of one: a piece continues the call with its index."""
        function = call.get("function") if isinstance(call, dict) else None
        if not isinstance(function, dict):
            self._fail("a tool call has no function")
        index = call.get("index", 0) if number is None else number
        arguments = function.get("arguments") or ""
        arguments = arguments if isinstance(arguments, str) else json.dumps(arguments)
        known = next((one for one in self._calls if one["index"] == index), None)
        if known is None:
            known = {"index": index, "id": None, "name": None, "arguments": ""}
            self._calls.append(known)
        known["id"] = known["id"] or call.get("id")
        known["name"] = known["name"] or function.get("name")
        known["arguments"] += arguments

    def _call(self, number: int, call: dict[str, Any], *, is_cut: bool) -> ToolCall | None:
        try:
            arguments = json.loads(call["arguments"] or "{}")
        except ValueError:
            arguments = None
        if is_cut and (arguments is None or not call["arguments"]):
            return None
        if not (isinstance(call["name"], str) and call["name"]):
            self._fail("a tool call has no name")
        if not isinstance(arguments, dict):
            self._fail(f"the arguments of tool call '{call['name']}' are not a JSON object")
        return ToolCall(id=str(call["id"] or f"call_{number}"), name=call["name"], arguments=arguments)

    def _fail(self, why: str) -> NoReturn:
        msg = f"the endpoint's answer cannot be used: {why}"
        raise InvalidAnswerError(msg, raw=self._last, partial_text=self.text or None)


def _usage_of(counts: dict[str, Any]) -> Usage:
    provided, made = counts.get("prompt_tokens_details"), counts.get("completion_tokens_details")
    return Usage(
        input_tokens=count(counts.get("prompt_tokens")),
        output_tokens=count(counts.get("completion_tokens")),
        cached_tokens=count(provided.get("cached_tokens")) if isinstance(provided, dict) else None,
        reasoning_tokens=count(made.get("reasoning_tokens")) if isinstance(made, dict) else None,
    )
