"""Documents of OpenAI's chat completions: https://platform.openai.com/docs/api-reference/chat."""

from __future__ import annotations

from typing import Any

USAGE = {
    "prompt_tokens": 12,
    "completion_tokens": 9,
    "total_tokens": 21,
    "prompt_tokens_details": {"cached_tokens": 4},
    "completion_tokens_details": {"reasoning_tokens": 2},
}


def tool_call(call_id: str, name: str, arguments: str) -> dict[str, Any]:
    """Build the call of a tool; its arguments are JSON in text."""
    return {"id": call_id, "type": "function", "function": {"name": name, "arguments": arguments}}


def completion(text: str | None, *, finish_reason: str | None = None, **message: Any) -> dict[str, Any]:
    """Build a chat completion; `message` are the fields of its message, and `usage` its own."""
    usage = message.pop("usage", USAGE)
    reason = finish_reason or ("tool_calls" if message.get("tool_calls") else "stop")
    choice = {"index": 0, "message": {"role": "assistant", "content": text, **message}, "finish_reason": reason}
    return {**_head("chat.completion"), "choices": [choice], "usage": usage}


def chunk(delta: dict[str, Any], finish_reason: str | None = None) -> dict[str, Any]:
    """Build one chunk of a streamed chat completion."""
    choice = {"index": 0, "delta": delta, "finish_reason": finish_reason}
    return {**_head("chat.completion.chunk"), "choices": [choice]}


def usage_chunk(usage: Any = None) -> dict[str, Any]:
    """Build the chunk without a choice that `stream_options.include_usage` brings before `[DONE]`."""
    return {**_head("chat.completion.chunk"), "choices": [], "usage": usage or USAGE}


def tool_call_chunks(index: int, call: dict[str, Any]) -> list[dict[str, Any]]:
    """Split a tool's call into its two chunks: the id, the name and half of the arguments, and the rest of them."""
    function = call["function"]
    half = (len(function["arguments"]) + 1) // 2
    begun = {**call, "index": index, "function": {**function, "arguments": function["arguments"][:half]}}
    rest = {"index": index, "function": {"arguments": function["arguments"][half:]}}
    return [chunk({"tool_calls": [begun]}), chunk({"tool_calls": [rest]})]


def error(message: str, **fields: Any) -> dict[str, Any]:
    """Build the body of an error, or a chunk of a stream that is one."""
    return {"error": {"message": message, "type": None, "param": None, "code": None, **fields}}


def _head(kind: str) -> dict[str, Any]:
    return {"id": "chatcmpl-1", "object": kind, "created": 1, "model": "gpt-test"}
