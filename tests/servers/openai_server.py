"""An OpenAI-compatible server of our own: chat completions, responses, images and models, without any model.

It answers with what was queued, else with something that fits the request: text that is streamed word by word, an
object that fits the schema, the forced tool's call, one small image a wish.
"""

from __future__ import annotations

import base64
import json
from array import array
from typing import TYPE_CHECKING, Any

from pipelex_testing.bodies import openai_chat as chat
from pipelex_testing.bodies import openai_responses as responses
from pipelex_testing.bodies.openai_chat import USAGE, chunk
from pipelex_testing.bodies.openai_responses import response
from pipelex_testing.samples import png
from tests.servers.base import Received, Reply, Server, vector_of
from tests.support.sounds import wav

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

__all__ = ["USAGE", "chunk", "response"]

TEXT = "The Nile, the Amazon and the Yangtze."
HEADERS = {"x-request-id": "req_test"}


def row_of(text: str, dimensions: int) -> array[float]:
    """The vector of a text."""
    return array("f", vector_of(text, dimensions))


class OpenAIServer(Server):
    """OpenAI's API as far as this project uses it; `text` is what it says."""

    provider = "openai"

    text = TEXT
    dimensions = 8

    async def answer(self, request: Received) -> Reply:
        """Something that fits the request."""
        path = request.path.rpartition("/v1")[2] or request.path
        if path.endswith("/models"):
            return Reply.json({"object": "list", "data": [{"id": "gpt-test", "object": "model"}]}, headers=HEADERS)
        if (further := _further(path, request)) is not None:
            return further
        if path.endswith("/images/edits"):
            return Reply.json({"created": 1, "data": [{"b64_json": base64.b64encode(png()).decode()}]}, headers=HEADERS)
        body = request.json
        ways = {"/chat/completions": self._chat, "/responses": self._response, "/embeddings": self._embeddings}
        way = next((way for end, way in ways.items() if path.endswith(end)), None)
        if way is not None:
            return way(body)
        if path.endswith("/images/generations"):
            images = [{"b64_json": base64.b64encode(png()).decode()}] * body.get("n", 1)
            return Reply.json({"created": 1, "data": images}, headers=HEADERS)
        return error(404, "there is no such path", code="unknown_url")

    def _embeddings(self, body: dict[str, Any]) -> Reply:
        """A vector a text, which the text decides; in base64 where that is asked for."""
        texts = [body["input"]] if isinstance(body["input"], str) else body["input"]
        rows = [row_of(text, body.get("dimensions", self.dimensions)) for text in texts]
        if body.get("encoding_format") == "base64":
            vectors: list[Any] = [base64.b64encode(row.tobytes()).decode() for row in rows]
        else:
            vectors = [row.tolist() for row in rows]
        data = [{"object": "embedding", "index": at, "embedding": each} for at, each in enumerate(vectors)]
        tokens = sum(len(text.split()) for text in texts)
        usage = {"prompt_tokens": tokens, "total_tokens": tokens}
        return Reply.json({"object": "list", "data": data, "model": body["model"], "usage": usage}, headers=HEADERS)

    def _chat(self, body: dict[str, Any]) -> Reply:
        text, tool = self._stated(body, (body.get("response_format") or {}).get("json_schema"))
        function = tool and tool["function"]
        calls = [chat.tool_call("call_1", function["name"], _arguments(function))] if tool else []
        if not body.get("stream"):
            return Reply.json(completion(text, tool_calls=calls), headers=HEADERS)
        wants_usage = (body.get("stream_options") or {}).get("include_usage", False)
        return Reply.sse(*chunks(text, tool_calls=calls, usage=USAGE if wants_usage else None), headers=HEADERS)

    def _response(self, body: dict[str, Any]) -> Reply:
        text, tool = self._stated(body, (body.get("text") or {}).get("format"))
        output = [responses.function_call(1, tool["name"], _arguments(tool))] if tool else [message_item(text)]
        if not body.get("stream"):
            return Reply.json(response(*output), headers=HEADERS)
        return Reply.sse(*response_events(*output), headers=HEADERS)

    def _stated(self, body: dict[str, Any], format_: Mapping[str, Any] | None) -> tuple[str, Any]:
        """The text of the answer, and the tool that was forced."""
        if format_ and "schema" in format_:
            return json.dumps(example(format_["schema"])), None
        choice, tools = body.get("tool_choice"), body.get("tools") or []
        if choice == "required":
            return "", tools[0]
        if isinstance(choice, dict):
            name = choice.get("name") or choice["function"]["name"]
            return "", next(tool for tool in tools if (tool.get("function") or tool)["name"] == name)
        return self.text, None


def _further(path: str, request: Received) -> Reply | None:  # noqa: PLR0911 -- one a kind of call
    """The answer of what is neither text nor a picture; None for those."""
    if path.endswith(".png"):
        return Reply(chunks=(png(),), content_type="image/png")
    if path.endswith("/audio/transcriptions"):
        return Reply.json({"text": TEXT, "usage": {"type": "duration", "seconds": 4}}, headers=HEADERS)
    if path.endswith("/audio/speech"):
        return _speech(request.json)
    if path.endswith("/moderations"):
        verdict = {"flagged": False, "categories": {"violence": False}, "category_scores": {"violence": 0.01}}
        return Reply.json({"id": "m", "results": [verdict] * len(request.json["input"])}, headers=HEADERS)
    if path.endswith("/responses/input_tokens"):
        return Reply.json({"object": "response.input_tokens", "input_tokens": 1234}, headers=HEADERS)
    if path.endswith("/rerank"):
        body = request.json
        scores = [{"index": at, "relevance_score": 1 / (at + 1)} for at in range(len(body["documents"]))]
        return Reply.json({"results": scores[: body.get("top_n")], "usage": {"total_tokens": 9}}, headers=HEADERS)
    return None


def _speech(body: dict[str, Any]) -> Reply:
    """Sound: as it is, or in events."""
    data = wav()
    if body.get("stream_format") != "sse":
        return Reply(chunks=(data,), content_type="audio/wav", headers=HEADERS)
    delta = {"type": "speech.audio.delta", "audio": base64.b64encode(data).decode()}
    usage = {"input_tokens": 5, "output_tokens": 40, "total_tokens": 45}
    return Reply.sse(delta, {"type": "speech.audio.done", "usage": usage}, headers=HEADERS)


# ── What OpenAI answers ───────────────────────────────────────────────────────────────────────────────────────────


def completion(text: str | None = TEXT, **fields: Any) -> dict[str, Any]:
    """A chat completion."""
    return chat.completion(text, **fields)


def chunks(
    text: str = TEXT,
    *,
    tool_calls: list[dict[str, Any]] | None = None,
    finish_reason: str | None = None,
    usage: Mapping[str, Any] | None = USAGE,
    done: bool = True,
) -> Iterator[Any]:
    """The same, streamed: one chunk a word; without `finish_reason` and `done` it would be a stream cut short."""
    yield chunk({"role": "assistant", "content": ""})
    for word in _words(text):
        yield chunk({"content": word})
    for index, call in enumerate(tool_calls or ()):
        yield from chat.tool_call_chunks(index, call)
    yield chunk({}, finish_reason or ("tool_calls" if tool_calls else "stop"))
    if usage:
        yield chat.usage_chunk(usage)
    if done:
        yield "[DONE]"


def error(status: int, message: str, *, headers: Mapping[str, str] | None = None, **fields: Any) -> Reply:
    """An error as OpenAI words it."""
    return Reply.json(chat.error(message, **fields), status=status, headers={**HEADERS, **(headers or {})})


def message_item(text: str = TEXT) -> dict[str, Any]:
    """The message among a response's output."""
    return responses.message_item(text)


def response_events(*output: dict[str, Any], last: str = "response.completed", **fields: Any) -> Iterator[Any]:
    """The events of a streamed response, whose texts come word by word."""
    yield from responses.events(response(*output, status=last.removeprefix("response."), **fields), _words)


def _words(text: str) -> list[str]:
    first, *others = text.split(" ")
    return [first, *(f" {word}" for word in others)]


# ── Values that fit ───────────────────────────────────────────────────────────────────────────────────────────────


def _arguments(function: Mapping[str, Any]) -> str:
    return json.dumps(example(function["parameters"]))


def example(schema: Mapping[str, Any], root: Mapping[str, Any] | None = None) -> Any:
    """A value that fits a JSON schema."""
    root = root or schema
    if "$ref" in schema:
        found: Any = root
        for key in schema["$ref"].removeprefix("#/").split("/"):
            found = found[key]
        return example(found, root)
    options = schema.get("anyOf") or schema.get("oneOf")
    if options:
        return example(options[0], root)
    if "const" in schema or "enum" in schema:
        return schema["const"] if "const" in schema else schema["enum"][0]
    kind = schema.get("type", "object")
    return _example_of_type(kind[0] if isinstance(kind, list) else kind, schema, root)


def _example_of_type(kind: str, schema: Mapping[str, Any], root: Mapping[str, Any]) -> Any:
    if kind == "object":
        return {name: example(value, root) for name, value in schema.get("properties", {}).items()}
    if kind == "array":
        return [example(schema["items"], root)] if "items" in schema else []
    return {"string": "text", "integer": 1, "number": 1.5, "boolean": True, "null": None}[kind]
