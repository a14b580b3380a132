"""A message, whole and streamed: https://platform.claude.com/docs/en/build-with-claude/streaming."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from attrs import evolve

from pipelex_core.deltas import ReasoningDelta, ToolCallDelta
from pipelex_serve.anthropic.errors import error_body
from pipelex_serve.jsons import encode
from pipelex_serve.live import LiveCalls

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from pipelex_core.results import TextResult, Usage
    from pipelex_serve.problems import Problem

_REASONS = {"stop": "end_turn", "length": "max_tokens", "tool_calls": "tool_use", "content_filter": "refusal"}


def message(result: TextResult, *, id: str, model: str, packed: str | None) -> dict[str, Any]:
    """The whole answer.

    Args:
        result: What the library gave.
        id: Of the request.
        model: The handle, as the client wrote it.
        packed: The envelope of what the provider wants back, or None.
    """
    content = _thoughts(result, packed)
    if result.text or not (result.tool_calls or content):
        content.append({"type": "text", "text": result.text})
    content += [_tool_use(call.id, call.name, call.arguments) for call in result.tool_calls]
    return {
        "id": f"msg_{id}",
        "type": "message",
        "role": "assistant",
        "model": model,
        "content": content,
        "stop_reason": stop_reason(result),
        "stop_sequence": None,
        "usage": usage_of(result.usage),
    }


def stop_reason(result: TextResult) -> str:
    """Why it ended."""
    return _REASONS.get(result.finish_reason, "end_turn")


def usage_of(usage: Usage) -> dict[str, Any]:
    """What it used; here input is counted without what came from or went into the cache."""
    read, written = usage.cached_tokens or 0, usage.cache_write_tokens or 0
    return {
        "input_tokens": max((usage.input_tokens or 0) - read - written, 0),
        "output_tokens": usage.output_tokens or 0,
        "cache_read_input_tokens": read,
        "cache_creation_input_tokens": written,
    }


def _tool_use(id: str, name: str, arguments: Any) -> dict[str, Any]:
    return {"type": "tool_use", "id": id, "name": name, "input": arguments}


def _thoughts(result: TextResult, packed: str | None) -> list[dict[str, Any]]:
    """The reasoning, with the envelope as its signature; an envelope alone is thinking that is not shown."""
    if result.reasoning:
        return [{"type": "thinking", "thinking": result.reasoning, "signature": packed or ""}]
    return [] if packed is None else [{"type": "redacted_thinking", "data": packed}]


_TEXT = (
    b'event: content_block_delta\ndata: {"type":"content_block_delta","index":%d,"delta":{"type":"text_delta","text":'
)


class Events:
    """The events of one stream."""

    def __init__(self, *, id: str, model: str, keep: Callable[[TextResult], str | None]) -> None:
        self._id = id
        self._model = model
        self._keep = keep
        self._index = -1
        self._open: str | None = None
        self._text = b""
        self._has_reasoning = False
        self._calls = LiveCalls()

    def first(self) -> Sequence[bytes]:
        """The beginning of the message; what it uses is known at its end."""
        nothing = {
            "input_tokens": 0,
            "output_tokens": 0,
            "cache_read_input_tokens": 0,
            "cache_creation_input_tokens": 0,
        }
        begun: dict[str, Any] = {
            "id": f"msg_{self._id}",
            "type": "message",
            "role": "assistant",
            "model": self._model,
            "content": [],
            "stop_reason": None,
            "stop_sequence": None,
            "usage": nothing,
        }
        return (_event("message_start", message=begun),)

    def text(self, delta: str) -> bytes:
        """A piece of text."""
        if self._open == "text":
            return b"".join((self._text, encode(delta), b"}}\n\n"))
        begun = self._begin("text", {"type": "text", "text": ""})
        self._text = _TEXT % self._index
        return begun + self.text(delta)

    def beside(self, delta: Any) -> bytes:
        """A piece of reasoning, or of a tool's input."""
        if isinstance(delta, ReasoningDelta):
            thinking = {"type": "thinking", "thinking": "", "signature": ""}
            begun = b"" if self._open == "thinking" else self._begin("thinking", thinking)
            self._has_reasoning = True
            return begun + self._delta({"type": "thinking_delta", "thinking": delta.reasoning})
        if not isinstance(delta, ToolCallDelta):
            return b""
        is_begun = self._calls.open is not None and self._calls.open.number == delta.number
        if not self._calls.takes(delta):
            return b""
        begun = b"" if is_begun else self._begin("tool_use", _tool_use(delta.id, delta.name, {}))
        return begun + self._delta({"type": "input_json_delta", "partial_json": delta.arguments})

    def last(self, result: TextResult) -> Sequence[bytes]:
        """The end of the open block, the blocks that have not come, the reason and the usage.

        What the provider wants back is known at the end: it signs the reasoning that is still open, or follows as a block.
        """
        packed = self._keep(result)
        events = []
        if self._open == "thinking" and packed is not None:
            events.append(self._delta({"type": "signature_delta", "signature": packed}))
            packed = None
        events.append(self._ended())
        for block in _thoughts(evolve(result, reasoning=None) if self._has_reasoning else result, packed):
            events += self._thought(block)
        for _, call in self._calls.rest(result.tool_calls):
            delta = {"type": "input_json_delta", "partial_json": encode(call.arguments).decode("utf-8")}
            events += self._block(_tool_use(call.id, call.name, {}), delta)
        if self._index < 0:
            events += self._block({"type": "text", "text": ""})
        ended: dict[str, Any] = {"stop_reason": stop_reason(result), "stop_sequence": None}
        events += [_event("message_delta", delta=ended, usage=usage_of(result.usage)), _event("message_stop")]
        return events

    def broken(self, problem: Problem) -> Sequence[bytes]:
        """An error in the middle."""
        return (b"event: error\ndata: " + encode(error_body(problem, self._id)) + b"\n\n",)

    def _thought(self, block: dict[str, Any]) -> list[bytes]:
        if block["type"] == "redacted_thinking":
            return self._block(block)
        reported = {"type": "thinking_delta", "thinking": block["thinking"]}
        signed = {"type": "signature_delta", "signature": block["signature"]}
        return self._block({"type": "thinking", "thinking": "", "signature": ""}, reported, signed)

    def _block(self, begun: dict[str, Any], *deltas: dict[str, Any]) -> list[bytes]:
        return [self._begin(begun["type"], begun), *map(self._delta, deltas), self._ended()]

    def _begin(self, kind: str, block: dict[str, Any]) -> bytes:
        """Begin a block, after the end of the one that is open."""
        ended = self._ended()
        if kind != "tool_use":
            self._calls.close()
        self._index, self._open = self._index + 1, kind
        return ended + _event("content_block_start", index=self._index, content_block=block)

    def _delta(self, delta: dict[str, Any]) -> bytes:
        return _event("content_block_delta", index=self._index, delta=delta)

    def _ended(self) -> bytes:
        if self._open is None:
            return b""
        self._open = None
        return _event("content_block_stop", index=self._index)


def _event(kind: str, **fields: Any) -> bytes:
    return b"event: %b\ndata: %b\n\n" % (kind.encode("ascii"), encode({"type": kind, **fields}))
