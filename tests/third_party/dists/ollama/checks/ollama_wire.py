"""Ollama's side of `POST /api/chat`, in canned answers: https://docs.ollama.com/api/chat."""

import json

from pipelex_testing import ARGUMENTS, USAGE, WEATHER, Reply, Wire


class OllamaWire(Wire):
    name = "ollama"
    says = frozenset({"text", "stream", "object", "tools", "image in", "thinking"})
    lacks = frozenset({"cached counts", "content filters", "request ids"})

    def answer(self, stated):
        return Reply.json({"model": "qwen3:4b", "message": message(stated), **end(stated)})

    def stream(self, stated):
        whole = message(stated)
        text, half = whole["content"], (len(whole["content"]) + 1) // 2
        first = [{"thinking": whole["thinking"], "content": ""}] if "thinking" in whole else []
        pieces = [*first, {"content": text[:half]}, {"content": text[half:]}]
        if "tool_calls" in whole:
            pieces = [*first, {"content": "", "tool_calls": whole["tool_calls"]}]
        lines = [{"model": "qwen3:4b", "message": {"role": "assistant", **piece}, "done": False} for piece in pieces]
        last = {"model": "qwen3:4b", "message": {"role": "assistant", "content": ""}, **end(stated)}
        return ndjson(*lines, last)

    def error(self, status, message="it went wrong"):
        return Reply.json({"error": message}, status=status)

    def error_in_stream(self):
        return ndjson(
            {"message": {"role": "assistant", "content": "The capital"}, "done": False}, {"error": "it broke"}
        )

    def settings(self, request):
        options = request.json.get("options", {})
        return {
            "model": request.json.get("model"),
            "temperature": options.get("temperature"),
            "max_tokens": options.get("num_predict"),
        }


def message(stated):
    text = stated.text if stated.value is None else json.dumps(stated.value)
    whole = {"role": "assistant", "content": "" if stated.calls else text}
    if stated.thought:
        whole["thinking"] = stated.thought
    if stated.calls:
        whole["tool_calls"] = [{"function": {"name": WEATHER.name, "arguments": ARGUMENTS}}] * stated.calls
    return whole


def end(stated):
    counts = {"prompt_eval_count": USAGE.input_tokens, "eval_count": USAGE.output_tokens}
    return {"done": True, "done_reason": stated.finish or "stop", **counts}


def ndjson(*lines):
    chunks = tuple(json.dumps(line, ensure_ascii=False).encode() + b"\n" for line in lines)
    return Reply(chunks=chunks, content_type="application/x-ndjson", chunked=True)
