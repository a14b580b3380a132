"""A response, whole and streamed: https://platform.openai.com/docs/api-reference/responses/object and …-streaming.

Codex reads nothing but `response.output_item.done`; others want every event, in order. Both get all of them.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from pipelex_serve.jsons import encode
from pipelex_serve.openai.errors import error_body
from pipelex_serve.openai.usage import responses_usage

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from pipelex_core.results import TextResult
    from pipelex_serve.problems import Problem

_INCOMPLETE = {"length": "max_output_tokens", "content_filter": "content_filter"}
_ECHOED: dict[str, Any] = {
    "instructions": None,
    "max_output_tokens": None,
    "temperature": 1.0,
    "top_p": 1.0,
    "tools": [],
    "tool_choice": "auto",
    "parallel_tool_calls": True,
    "reasoning": {"effort": None, "summary": None},
    "text": {"format": {"type": "text"}},
    "metadata": {},
    "truncation": "disabled",
    "service_tier": "default",
    "user": None,
}
"""What a response says again of its request, and what it says where that has nothing."""


class Response:
    """One response, as far as it has come."""

    def __init__(
        self,
        body: Mapping[str, Any],
        *,
        id: str,
        model: str,
        keep: Callable[[Sequence[Mapping[str, Any]]], None] | None = None,
    ) -> None:
        self.id = id
        self.model = model
        self._keep = keep
        self._created = int(time.time())
        self._echoed = {
            name: body[name] if body.get(name) is not None else default for name, default in _ECHOED.items()
        }

    def begun(self) -> dict[str, Any]:
        """Before its first output."""
        return self._made("in_progress", [], None)

    def done(self, result: TextResult, output: list[dict[str, Any]]) -> dict[str, Any]:
        """The whole of it; its items are kept where they may be referred to."""
        if self._keep is not None:
            self._keep(output)
        reason = _INCOMPLETE.get(result.finish_reason)
        made = self._made("incomplete" if reason else "completed", output, responses_usage(result.usage, result.cost))
        if reason:
            made["incomplete_details"] = {"reason": reason}
        return made

    def failed(self, problem: Problem) -> dict[str, Any]:
        """It broke off."""
        reported = error_body(problem)["error"]
        return {
            **self._made("failed", [], None),
            "error": {"code": reported["code"] or "server_error", "message": reported["message"]},
        }

    def message(self, text: str, status: str = "completed") -> dict[str, Any]:
        """The item of its text."""
        return {
            "id": f"msg_{self.id}",
            "type": "message",
            "status": status,
            "role": "assistant",
            "content": [_text_part(text)] if status == "completed" else [],
        }

    def reasoning(self, result: TextResult, packed: str | None) -> Iterator[dict[str, Any]]:
        """The item of its reasoning, with the envelope of what the provider wants back."""
        if result.reasoning or packed is not None:
            summary = [{"type": "summary_text", "text": result.reasoning}] if result.reasoning else []
            yield {"id": f"rs_{self.id}", "type": "reasoning", "summary": summary, "encrypted_content": packed}

    def calls(self, result: TextResult) -> Iterator[dict[str, Any]]:
        """The items of its calls of tools."""
        spaces = [tool["name"] for tool in self._echoed["tools"] if tool.get("type") == "namespace"]
        for number, call in enumerate(result.tool_calls):
            item: dict[str, Any] = {
                "id": f"fc_{self.id}_{number}",
                "type": "function_call",
                "status": "completed",
                "call_id": call.id,
                "name": call.name,
                "arguments": encode(call.arguments).decode("utf-8"),
            }
            space = next((name for name in spaces if call.name.startswith(f"{name}__")), None)
            if space is not None:
                item |= {"name": call.name.removeprefix(f"{space}__"), "namespace": space}
            yield item

    def _made(self, status: str, output: list[dict[str, Any]], usage: dict[str, Any] | None) -> dict[str, Any]:
        return {
            "id": f"resp_{self.id}",
            "object": "response",
            "created_at": self._created,
            "status": status,
            "background": False,
            "error": None,
            "incomplete_details": None,
            "model": self.model,
            "output": output,
            "previous_response_id": None,
            "store": False,
            "usage": usage,
            **self._echoed,
        }


def whole(response: Response, result: TextResult, packed: str | None) -> dict[str, Any]:
    """A response in one piece."""
    output = [*response.reasoning(result, packed)]
    if result.text or not result.tool_calls:
        output.append(response.message(result.text))
    output += response.calls(result)
    return response.done(result, output)


class ResponseEvents:
    """The events of a streamed response."""

    def __init__(self, response: Response, keep: Callable[[TextResult], str | None]) -> None:
        self._response = response
        self._keep = keep
        self._number = 0
        self._has_text = False
        self._delta = (
            b'event: response.output_text.delta\ndata: {"type":"response.output_text.delta","item_id":'
            + encode(f"msg_{response.id}")
            + b',"output_index":0,"content_index":0,"logprobs":[],"sequence_number":%d,"delta":'
        )

    def first(self) -> Sequence[bytes]:
        """It is created, and in progress."""
        begun = self._response.begun()
        return self._event("response.created", response=begun), self._event("response.in_progress", response=begun)

    def text(self, delta: str) -> bytes:
        """A piece of text."""
        opening = b"" if self._has_text else b"".join(self._open_text())
        piece = b"".join((opening, self._delta % self._number, encode(delta), b"}\n\n"))
        self._number += 1
        return piece

    def last(self, result: TextResult) -> Sequence[bytes]:
        """The end of the text, the other items, and the whole response."""
        events: list[bytes] = []
        output: list[dict[str, Any]] = []
        items = [*self._response.reasoning(result, self._keep(result)), *self._response.calls(result)]
        if not self._has_text and not result.tool_calls:
            events += self._open_text()
        if self._has_text:
            message = self._response.message(result.text)
            events += self._close_text(message)
            output.append(message)
        for item in items:
            events += self._item(item, len(output))
            output.append(item)
        done = self._response.done(result, output)
        return [*events, self._event(f"response.{done['status']}", response=done)]

    def broken(self, problem: Problem) -> Sequence[bytes]:
        """It broke off: `error` alone is not heard by everybody."""
        return (self._event("response.failed", response=self._response.failed(problem)),)

    def _open_text(self) -> list[bytes]:
        self._has_text = True
        item = self._response.message("", "in_progress")
        place = {"item_id": item["id"], "output_index": 0, "content_index": 0}
        return [
            self._event("response.output_item.added", output_index=0, item=item),
            self._event("response.content_part.added", **place, part=_text_part("")),
        ]

    def _close_text(self, message: dict[str, Any]) -> list[bytes]:
        place = {"item_id": message["id"], "output_index": 0, "content_index": 0}
        (part,) = message["content"]
        return [
            self._event("response.output_text.done", **place, text=part["text"], logprobs=[]),
            self._event("response.content_part.done", **place, part=part),
            self._event("response.output_item.done", output_index=0, item=message),
        ]

    def _item(self, item: dict[str, Any], index: int) -> list[bytes]:
        place = {"item_id": item["id"], "output_index": index}
        if item["type"] == "reasoning":
            begun = {**item, "summary": [], "encrypted_content": None}
            events = [self._event("response.output_item.added", output_index=index, item=begun)]
            for part in item["summary"]:
                where = {**place, "summary_index": 0}
                events += [
                    self._event("response.reasoning_summary_part.added", **where, part={**part, "text": ""}),
                    self._event("response.reasoning_summary_text.delta", **where, delta=part["text"]),
                    self._event("response.reasoning_summary_text.done", **where, text=part["text"]),
                    self._event("response.reasoning_summary_part.done", **where, part=part),
                ]
        else:
            begun = {**item, "arguments": "", "status": "in_progress"}
            written = item["arguments"]
            events = [
                self._event("response.output_item.added", output_index=index, item=begun),
                self._event("response.function_call_arguments.delta", **place, delta=written),
                self._event("response.function_call_arguments.done", **place, name=item["name"], arguments=written),
            ]
        return [*events, self._event("response.output_item.done", output_index=index, item=item)]

    def _event(self, kind: str, **fields: Any) -> bytes:
        number, self._number = self._number, self._number + 1
        body = encode({"type": kind, "sequence_number": number, **fields})
        return b"event: %b\ndata: %b\n\n" % (kind.encode("ascii"), body)


def _text_part(text: str) -> dict[str, Any]:
    return {"type": "output_text", "text": text, "annotations": [], "logprobs": []}
