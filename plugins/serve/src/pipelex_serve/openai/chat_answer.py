"""A chat completion, whole and streamed: https://platform.openai.com/docs/api-reference/chat/object and …/streaming."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from pipelex_core.deltas import ReasoningDelta, ToolCallDelta
from pipelex_serve.jsons import encode
from pipelex_serve.live import LiveCalls
from pipelex_serve.openai.likelihoods import choice_logprobs
from pipelex_serve.openai.usage import chat_usage

if TYPE_CHECKING:
    from pipelex_core.parts import ToolCall
    from pipelex_core.results import TextResult

DONE = b"data: [DONE]\n\n"
_REASONS = {"stop": "stop", "length": "length", "tool_calls": "tool_calls", "content_filter": "content_filter"}


def completion(result: TextResult, *, id: str, model: str, packed: str | None) -> dict[str, Any]:
    """The whole answer.

    Args:
        result: What the library gave.
        id: Of the request.
        model: The handle, as the client wrote it.
        packed: The envelope of what the provider wants back, or None.
    """
    message: dict[str, Any] = {
        "role": "assistant",
        "content": result.text or (None if result.tool_calls else ""),
        "refusal": None,
        "annotations": [],
    }
    if result.tool_calls:
        message["tool_calls"] = [_call(call) for call in result.tool_calls]
    message.update(_reasoning(result, packed))
    choices = [
        {
            "index": 0,
            "message": message,
            "logprobs": choice_logprobs(result.logprobs),
            "finish_reason": finish_reason(result),
        },
        *(_further(index, text) for index, text in enumerate(result.alternatives, 1)),
    ]
    return {
        "id": f"chatcmpl-{id}",
        "object": "chat.completion",
        "created": int(time.time()),
        "model": model,
        "choices": choices,
        "usage": chat_usage(result.usage, result.cost),
        "system_fingerprint": None,
        "service_tier": "default",
    }


def _further(index: int, text: str) -> dict[str, Any]:
    """A further answer, where several were asked for: of those, the text is known alone."""
    message: dict[str, Any] = {"role": "assistant", "content": text, "refusal": None, "annotations": []}
    return {"index": index, "message": message, "logprobs": None, "finish_reason": "stop"}


def finish_reason(result: TextResult) -> str:
    """Why it ended; clients know no `other`."""
    return _REASONS.get(result.finish_reason, "stop")


def _call(call: ToolCall) -> dict[str, Any]:
    written = encode(call.arguments).decode("utf-8")
    return {"id": call.id, "type": "function", "function": {"name": call.name, "arguments": written}}


def _reasoning(result: TextResult, packed: str | None) -> dict[str, Any]:
    """The reasoning, as DeepSeek and OpenRouter have it in their answers: clients that know it send it back."""
    reported: dict[str, Any] = {}
    if result.reasoning:
        reported["reasoning_content"] = result.reasoning
    if packed is not None:
        reported["reasoning_details"] = [
            {"type": "reasoning.encrypted", "data": packed, "format": "pipelex-v1", "index": 0}
        ]
    return reported


class Chunks:
    """The chunks of one stream, whose common beginning is written once."""

    def __init__(self, *, id: str, model: str) -> None:
        head = {"id": f"chatcmpl-{id}", "object": "chat.completion.chunk", "created": int(time.time()), "model": model}
        self._head = b"data: " + encode(head)[:-1] + b',"choices":['
        self._text = self._head + b'{"index":0,"delta":{"content":'
        self._has_reasoning = False
        self._calls = LiveCalls()

    def first(self) -> bytes:
        """The chunk that names the role."""
        return self._chunk({"role": "assistant", "content": "", "refusal": None})

    def text(self, delta: str) -> bytes:
        """A piece of text."""
        return b"".join((self._text, encode(delta), b'},"logprobs":null,"finish_reason":null}]}\n\n'))

    def beside(self, delta: Any) -> bytes:
        """A piece of reasoning, or of a tool's call."""
        if isinstance(delta, ReasoningDelta):
            self._has_reasoning = True
            return self._chunk({"reasoning_content": delta.reasoning})
        if not isinstance(delta, ToolCallDelta):
            return b""
        is_begun = self._calls.open is not None and self._calls.open.number == delta.number
        if not self._calls.takes(delta):
            return b""
        piece = self._chunk({"tool_calls": [{"index": delta.number, "function": {"arguments": delta.arguments}}]})
        if is_begun:
            return piece
        begun = {"index": delta.number, "id": delta.id, "type": "function"}
        return self._chunk({"tool_calls": [{**begun, "function": {"name": delta.name, "arguments": ""}}]}) + piece

    def last(self, result: TextResult, *, packed: str | None, with_usage: bool) -> list[bytes]:
        """What comes after the text: what has not come of tool calls and reasoning, likelihoods, the reason, further answers, usage, the end."""
        chunks = []
        for index, call in self._calls.rest(result.tool_calls):
            written = _call(call)
            written["function"]["arguments"] = ""
            chunks.append(self._chunk({"tool_calls": [{"index": index, **written}]}))
            arguments = encode(call.arguments).decode("utf-8")
            chunks.append(self._chunk({"tool_calls": [{"index": index, "function": {"arguments": arguments}}]}))
        reasoning = _reasoning(result, packed)
        if self._has_reasoning:
            reasoning.pop("reasoning_content", None)
        if reasoning:
            chunks.append(self._chunk(reasoning))
        if result.logprobs:
            chunks.append(self._chunk({}, logprobs=choice_logprobs(result.logprobs)))
        chunks.append(self._chunk({}, finish_reason(result)))
        for index, text in enumerate(result.alternatives, 1):
            chunks.append(self._chunk({"role": "assistant", "content": text, "refusal": None}, index=index))
            chunks.append(self._chunk({}, "stop", index=index))
        if with_usage:
            chunks.append(self._head + b'],"usage":' + encode(chat_usage(result.usage, result.cost)) + b"}\n\n")
        return [*chunks, DONE]

    def _chunk(
        self, delta: dict[str, Any], reason: str | None = None, *, index: int = 0, logprobs: Any = None
    ) -> bytes:
        choice = {"index": index, "delta": delta, "logprobs": logprobs, "finish_reason": reason}
        return self._head + encode(choice) + b"]}\n\n"
