"""Documents of OpenAI's Responses API: https://platform.openai.com/docs/api-reference/responses."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

_USAGE = {
    "input_tokens": 12,
    "input_tokens_details": {"cached_tokens": 4},
    "output_tokens": 9,
    "output_tokens_details": {"reasoning_tokens": 2},
    "total_tokens": 21,
}


def message_item(text: str) -> dict[str, Any]:
    """Build the message among a response's output."""
    content = [{"type": "output_text", "text": text, "annotations": []}]
    return {"id": "msg_1", "type": "message", "role": "assistant", "status": "completed", "content": content}


def function_call(number: int, name: str, arguments: str) -> dict[str, Any]:
    """Build the call of a tool among a response's output; its arguments are JSON in text."""
    called = {"call_id": f"call_{number}", "name": name, "arguments": arguments}
    return {"id": f"fc_{number}", "type": "function_call", "status": "completed", **called}


def response(*output: dict[str, Any], status: str = "completed", **fields: Any) -> dict[str, Any]:
    """Build a response; `fields` replace its own."""
    return {
        "id": "resp_1",
        "object": "response",
        "created_at": 1,
        "model": "gpt-test",
        "status": status,
        "error": None,
        "incomplete_details": None,
        "output": list(output),
        "usage": _USAGE,
        **fields,
    }


def events(last: dict[str, Any], pieces: Callable[[str], Sequence[str]]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Split a response into the events of a stream; the last one, named by its status, has the whole of it.

    Args:
        last: The response.
        pieces: Splits a text into its deltas.
    """
    yield event("response.created", response=response(status="in_progress", usage=None))
    for index, item in enumerate(last["output"]):
        begun = {**item, "content": []} if "content" in item else item
        yield event("response.output_item.added", output_index=index, item=begun)
        for part in item.get("content", ()):
            for piece in pieces(part["text"]):
                yield event("response.output_text.delta", output_index=index, content_index=0, delta=piece)
        yield event("response.output_item.done", output_index=index, item=item)
    yield event(f"response.{last['status']}", response=last)


def event(kind: str, **fields: Any) -> tuple[str, dict[str, Any]]:
    """Build one event: its name, and its data."""
    return kind, {"type": kind, "sequence_number": 0, **fields}
