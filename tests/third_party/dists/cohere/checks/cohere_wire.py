"""Cohere's side of `POST /v2/chat`, in canned answers: https://docs.cohere.com/reference/chat."""

import json
from typing import ClassVar

from pipelex_core.errors import ContextTooLongError
from pipelex_testing import ARGUMENTS, USAGE, WEATHER, Reply, Wire

_TOO_LONG = {"message": "too many tokens: the prompt has more than the model takes"}


class CohereWire(Wire):
    name = "cohere"
    says = frozenset({"text", "stream", "object", "tools"})
    lacks = frozenset({"content filters"})
    special_errors: ClassVar = {ContextTooLongError: (400, _TOO_LONG)}

    def answer(self, stated):
        message = {"role": "assistant"} | (
            {"tool_calls": calls(stated)} if stated.calls else {"content": content(stated)}
        )
        return Reply.json({"id": "answer-1", "message": message, **end(stated)})

    def stream(self, stated):
        events = [{"type": "message-start", "id": "answer-1", "delta": {"message": {"role": "assistant"}}}]
        text = words(stated)
        half = (len(text) + 1) // 2
        for number, call in enumerate(calls(stated)):
            function = call["function"]
            begun = {**call, "function": {**function, "arguments": ""}}
            more = {"function": {"arguments": function["arguments"]}}
            for kind, what in (("tool-call-start", begun), ("tool-call-delta", more)):
                events.append({"type": kind, "index": number, "delta": {"message": {"tool_calls": what}}})
            events.append({"type": "tool-call-end", "index": number})
        if not stated.calls:
            start = {"message": {"content": {"type": "text", "text": ""}}}
            events.append({"type": "content-start", "index": 0, "delta": start})
            for piece in (text[:half], text[half:]):
                delta = {"message": {"content": {"text": piece}}}
                events.append({"type": "content-delta", "index": 0, "delta": delta})
            events.append({"type": "content-end", "index": 0})
        return Reply.sse(*events, {"type": "message-end", "id": "answer-1", "delta": end(stated)})

    def error(self, status, message="it went wrong"):
        return Reply.json({"message": message}, status=status)

    def error_in_stream(self):
        delta = {"message": {"content": {"text": "The capital"}}}
        failed = {"finish_reason": "ERROR", "error": "it broke"}
        return Reply.sse(
            {"type": "message-start", "id": "answer-1", "delta": {"message": {"role": "assistant"}}},
            {"type": "content-delta", "index": 0, "delta": delta},
            {"type": "message-end", "id": "answer-1", "delta": failed},
        )

    def settings(self, request):
        return {name: request.json.get(name) for name in ("model", "temperature", "max_tokens")}


def words(stated):
    return stated.text if stated.value is None else json.dumps(stated.value)


def content(stated):
    return [{"type": "text", "text": words(stated)}]


def calls(stated):
    function = {"name": WEATHER.name, "arguments": json.dumps(ARGUMENTS)}
    return [{"id": f"call-{number}", "type": "function", "function": function} for number in range(stated.calls)]


def end(stated):
    finish = {"length": "MAX_TOKENS"}.get(stated.finish or "", "TOOL_CALL" if stated.calls else "COMPLETE")
    tokens = {"input_tokens": USAGE.input_tokens, "output_tokens": USAGE.output_tokens}
    return {"finish_reason": finish, "usage": {"tokens": tokens, "cached_tokens": USAGE.cached_tokens}}
