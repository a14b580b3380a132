"""Documents of Anthropic's Messages API: https://docs.claude.com/en/api/messages."""

from __future__ import annotations

import json
from typing import Any

from pipelex_testing.bodies.pieces import halves

Block = dict[str, Any]
Message = dict[str, Any]


def text(words: str) -> Block:
    """Build a block of text."""
    return {"type": "text", "text": words}


def thinking(thought: str, signature: str = "c2lnbmVk") -> Block:
    """Build a block of thinking, signed."""
    return {"type": "thinking", "thinking": thought, "signature": signature}


def tool_use(call_id: str, name: str, arguments: dict[str, Any]) -> Block:
    """Build the call of a tool."""
    return {"type": "tool_use", "id": call_id, "name": name, "input": arguments}


def message(*content: Block, stop_reason: str | None = "end_turn", **usage: Any) -> Message:
    """Build an answer; `usage` replaces the counts of the default, and adds to them."""
    return {
        "id": "msg_01",
        "type": "message",
        "role": "assistant",
        "model": "claude-test",
        "content": list(content),
        "stop_reason": stop_reason,
        "stop_sequence": None,
        "usage": {"input_tokens": 10, "output_tokens": 5, **usage},
    }


def events(answer: Message) -> list[tuple[str, Any]]:
    """Split an answer into the events of a stream, each text and each input in several deltas."""
    usage = answer["usage"]
    begun = {**answer, "content": [], "stop_reason": None, "usage": {**usage, "output_tokens": 1}}
    made: list[tuple[str, Any]] = [("message_start", {"message": begun}), ("ping", {})]
    for index, block in enumerate(answer["content"]):
        start, deltas = _pieces(block)
        made.append(("content_block_start", {"index": index, "content_block": start}))
        made += [("content_block_delta", {"index": index, "delta": delta}) for delta in deltas]
        made.append(("content_block_stop", {"index": index}))
    ended = {"stop_reason": answer["stop_reason"], "stop_sequence": None}
    made.append(("message_delta", {"delta": ended, "usage": {"output_tokens": usage["output_tokens"]}}))
    made.append(("message_stop", {}))
    return [(name, {"type": name, **data}) for name, data in made]


def error(kind: str, message: str, request_id: str, code: str | None = None) -> dict[str, Any]:
    """Build the body of an error, or the data of an `error` event."""
    details = {"details": {"error_code": code}} if code else {}
    return {"type": "error", "error": {"type": kind, "message": message, **details}, "request_id": request_id}


def _pieces(block: Block) -> tuple[Block, list[Block]]:
    """Return how a block begins in a stream, and the deltas that follow."""
    match block["type"]:
        case "text":
            return {**block, "text": ""}, [{"type": "text_delta", "text": half} for half in halves(block["text"])]
        case "thinking":
            deltas = [{"type": "thinking_delta", "thinking": half} for half in halves(block["thinking"])]
            deltas.append({"type": "signature_delta", "signature": block["signature"]})
            return {**block, "thinking": "", "signature": ""}, deltas
        case "tool_use":
            pieces = ("", *halves(json.dumps(block["input"])))
            return {**block, "input": {}}, [{"type": "input_json_delta", "partial_json": piece} for piece in pieces]
        case _:
            return block, []
