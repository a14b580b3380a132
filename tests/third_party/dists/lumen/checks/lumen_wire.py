"""Lumen's side of its API, for pipelex-core's conformance kit."""

import json
from typing import ClassVar

from pipelex_core.errors import ContextTooLongError
from pipelex_testing import USAGE, Reply, Wire

HEADERS = {"x-lumen-request": "lr-1"}


class LumenWire(Wire):
    name = "lumen"
    says = frozenset({"text", "stream", "object"})
    error_headers = HEADERS
    special_errors: ClassVar = {ContextTooLongError: (400, {"problem": {"words": "too long", "code": "window"}})}

    def answer(self, stated):
        return Reply.json({"words": words(stated), **end(stated)}, headers=HEADERS)

    def stream(self, stated):
        text = words(stated)
        half = (len(text) + 1) // 2
        events = [{"piece": text[:half]}, {"piece": text[half:]}, end(stated)]
        return lines(*events)

    def error(self, status, message="it went wrong"):
        return Reply.json({"problem": {"words": message}}, status=status, headers=HEADERS)

    def error_in_stream(self):
        return lines({"piece": "The capital"}, {"problem": {"words": "it broke"}})

    def settings(self, request):
        names = {"model": "model", "temperature": "heat", "max_tokens": "longest"}
        return {ours: request.json.get(theirs) for ours, theirs in names.items()}


def lines(*events):
    chunks = tuple(json.dumps(event, ensure_ascii=False).encode() + b"\n" for event in events)
    return Reply(chunks=chunks, content_type="application/x-ndjson", chunked=True, headers=HEADERS)


def words(stated):
    return stated.text if stated.value is None else json.dumps(stated.value, ensure_ascii=False)


def end(stated):
    reason = {"length": "max", "content_filter": "blocked"}.get(stated.finish or "", "done")
    counts = {"in": USAGE.input_tokens, "out": USAGE.output_tokens, "known": USAGE.cached_tokens}
    return {"end": reason, "counts": counts}
