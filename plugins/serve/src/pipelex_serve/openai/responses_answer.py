"""A response, whole and streamed: https://platform.openai.com/docs/api-reference/responses/object and …-streaming.

Codex reads nothing but `response.output_item.done`; others want every event, in order. Both get all of them.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from pipelex_core.deltas import ReasoningDelta, ToolCallDelta
from pipelex_serve.jsons import encode
from pipelex_serve.live import LiveCalls, is_json
from pipelex_serve.openai.errors import error_body
from pipelex_serve.openai.likelihoods import listed
from pipelex_serve.openai.usage import responses_usage

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from pipelex_core.parts import ToolCall
    from pipelex_core.results import TextResult, TokenLogprob
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

    def message(
        self, text: str, status: str = "completed", number: int = 0, logprobs: Sequence[TokenLogprob] = ()
    ) -> dict[str, Any]:
        """The item of its text; a later one has a number."""
        return {
            "id": f"msg_{self.id}_{number}" if number else f"msg_{self.id}",
            "type": "message",
            "status": status,
            "role": "assistant",
            "content": [_text_part(text, listed(logprobs))] if status == "completed" else [],
        }

    def reasoning(self, text: str | None, packed: str | None) -> dict[str, Any]:
        """The item of its reasoning, with the envelope of what the provider wants back."""
        summary = [{"type": "summary_text", "text": text}] if text else []
        return {"id": f"rs_{self.id}", "type": "reasoning", "summary": summary, "encrypted_content": packed}

    def call(self, number: int, id: str, name: str, arguments: str, status: str = "completed") -> dict[str, Any]:
        """The item of a call of a tool; its arguments are JSON."""
        item: dict[str, Any] = {
            "id": f"fc_{self.id}_{number}",
            "type": "function_call",
            "status": status,
            "call_id": id,
            "name": name,
            "arguments": arguments,
        }
        spaces = [tool["name"] for tool in self._echoed["tools"] if tool.get("type") == "namespace"]
        space = next((each for each in spaces if name.startswith(f"{each}__")), None)
        if space is not None:
            item |= {"name": name.removeprefix(f"{space}__"), "namespace": space}
        return item

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
    output = []
    if result.reasoning or packed is not None:
        output.append(response.reasoning(result.reasoning, packed))
    if result.text or not result.tool_calls:
        output.append(response.message(result.text, logprobs=result.logprobs))
    output += (_item_of(response, number, call) for number, call in enumerate(result.tool_calls))
    return response.done(result, output)


def _item_of(response: Response, number: int, call: ToolCall) -> dict[str, Any]:
    return response.call(number, call.id, call.name, encode(call.arguments).decode("utf-8"))


class ResponseEvents:
    """The events of a streamed response."""

    def __init__(self, response: Response, keep: Callable[[TextResult], str | None]) -> None:
        self._response = response
        self._keep = keep
        self._number = 0
        self._open: str | None = None
        self._index = 0
        self._reasoned: int | None = None
        self._thoughts: list[str] = []
        self._output: list[dict[str, Any]] = []
        self._pieces: list[str] = []
        self._delta = b""
        self._calls = LiveCalls()

    def first(self) -> Sequence[bytes]:
        """It is created, and in progress."""
        begun = self._response.begun()
        return self._event("response.created", response=begun), self._event("response.in_progress", response=begun)

    def text(self, delta: str) -> bytes:
        """A piece of text."""
        opening = b"" if self._open == "message" else self._begin_text()
        self._pieces.append(delta)
        piece = b"".join((opening, self._delta % self._number, encode(delta), b"}\n\n"))
        self._number += 1
        return piece

    def beside(self, delta: Any) -> bytes:
        """A piece of reasoning, or of a call's arguments."""
        if isinstance(delta, ReasoningDelta):
            opening = self._begin_reasoning() if self._reasoned is None else b""
            self._thoughts.append(delta.reasoning)
            return opening + self._event(
                "response.reasoning_summary_text.delta", **self._place_of_reasoning(), delta=delta.reasoning
            )
        if not isinstance(delta, ToolCallDelta):
            return b""
        is_begun = self._calls.open is not None and self._calls.open.number == delta.number
        if not self._calls.takes(delta):
            return b""
        opening = b""
        if not is_begun:
            opening = self._begin(self._response.call(delta.number, delta.id, delta.name, "", "in_progress"))
        self._pieces.append(delta.arguments)
        return opening + self._event("response.function_call_arguments.delta", **self._place(), delta=delta.arguments)

    def last(self, result: TextResult) -> Sequence[bytes]:
        """The end of the open items, the items that have not come, and the whole response."""
        packed = self._keep(result)
        events = [self._ended(listed(result.logprobs))]
        if not result.tool_calls and not any(item["type"] == "message" for item in self._output):
            events += [self._begin_text(), self._ended()]
        if self._reasoned is None and (result.reasoning or packed is not None):
            events.append(self._begin_reasoning(has_text=bool(result.reasoning)))
            if result.reasoning:
                self._thoughts.append(result.reasoning)
                kind = "response.reasoning_summary_text.delta"
                events.append(self._event(kind, **self._place_of_reasoning(), delta=result.reasoning))
        events += self._end_reasoning(packed)
        for number, call in self._calls.rest(result.tool_calls):
            item = _item_of(self._response, number, call)
            events.append(self._begin({**item, "arguments": "", "status": "in_progress"}))
            self._pieces.append(item["arguments"])
            delta = self._event("response.function_call_arguments.delta", **self._place(), delta=item["arguments"])
            events += [delta, self._ended()]
        done = self._response.done(result, self._output)
        return [*events, self._event(f"response.{done['status']}", response=done)]

    def broken(self, problem: Problem) -> Sequence[bytes]:
        """It broke off: `error` alone is not heard by everybody."""
        return (self._event("response.failed", response=self._response.failed(problem)),)

    # ── Items ─────────────────────────────────────────────────────────────────────────────────────────────────────

    def _begin(self, item: dict[str, Any]) -> bytes:
        """Begin a message or a call, after the end of the one that is open."""
        ended = self._ended()
        if item["type"] == "message":
            self._calls.close()
        self._open, self._pieces = item["type"], []
        self._output.append(item)
        self._index = len(self._output) - 1
        return ended + self._event("response.output_item.added", output_index=self._index, item=item)

    def _begin_text(self) -> bytes:
        number = sum(item["type"] == "message" for item in self._output)
        begun = self._begin(self._response.message("", "in_progress", number))
        place = {**self._place(), "content_index": 0}
        self._delta = (
            b'event: response.output_text.delta\ndata: {"type":"response.output_text.delta","item_id":%b'
            b',"output_index":%d,"content_index":0,"logprobs":[],"sequence_number":%%d,"delta":'
        ) % (encode(place["item_id"]), self._index)
        return begun + self._event("response.content_part.added", **place, part=_text_part(""))

    def _ended(self, logprobs: Sequence[Mapping[str, Any]] = ()) -> bytes:
        """The end of the open message, with how likely its tokens were, or of the open call; nothing where none is."""
        kind, text, place = self._open, "".join(self._pieces), self._place()
        self._open = None
        if kind is None:
            return b""
        item = self._output[self._index]
        if kind == "message":
            part = _text_part(text, logprobs)
            item = {**item, "status": "completed", "content": [part]}
            where = {**place, "content_index": 0}
            events = self._event("response.output_text.done", **where, text=text, logprobs=part["logprobs"])
            events += self._event("response.content_part.done", **where, part=part)
        else:
            item = {**item, "arguments": text, "status": "completed" if is_json(text) else "incomplete"}
            kind = "response.function_call_arguments.done"
            events = self._event(kind, **place, name=item["name"], arguments=text)
        self._output[self._index] = item
        return events + self._event("response.output_item.done", output_index=self._index, item=item)

    def _begin_reasoning(self, *, has_text: bool = True) -> bytes:
        """Begin the item of the reasoning.

        It stays open beside the others: what the provider wants back is known at the end, and goes with it.
        """
        item = self._response.reasoning(None, None)
        self._reasoned = len(self._output)
        self._output.append(item)
        begun = self._event("response.output_item.added", output_index=self._reasoned, item=item)
        if not has_text:
            return begun
        part = {"type": "summary_text", "text": ""}
        return begun + self._event("response.reasoning_summary_part.added", **self._place_of_reasoning(), part=part)

    def _end_reasoning(self, packed: str | None) -> list[bytes]:
        if self._reasoned is None:
            return []
        text, place = "".join(self._thoughts), self._place_of_reasoning()
        item = self._output[self._reasoned] = self._response.reasoning(text, packed)
        events = []
        for part in item["summary"]:
            events += [
                self._event("response.reasoning_summary_text.done", **place, text=text),
                self._event("response.reasoning_summary_part.done", **place, part=part),
            ]
        return [*events, self._event("response.output_item.done", output_index=self._reasoned, item=item)]

    def _place(self) -> dict[str, Any]:
        return {"item_id": self._output[self._index]["id"] if self._output else None, "output_index": self._index}

    def _place_of_reasoning(self) -> dict[str, Any]:
        assert self._reasoned is not None  # noqa: S101 -- it was begun
        item = self._output[self._reasoned]
        return {"item_id": item["id"], "output_index": self._reasoned, "summary_index": 0}

    def _event(self, kind: str, **fields: Any) -> bytes:
        number, self._number = self._number, self._number + 1
        body = encode({"type": kind, "sequence_number": number, **fields})
        return b"event: %b\ndata: %b\n\n" % (kind.encode("ascii"), body)


def _text_part(text: str, logprobs: Sequence[Mapping[str, Any]] = ()) -> dict[str, Any]:
    return {"type": "output_text", "text": text, "annotations": [], "logprobs": list(logprobs)}
