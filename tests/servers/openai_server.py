"""An OpenAI-compatible server of our own: chat completions, responses, images and models, without any model.

It answers with what was queued, else with something that fits the request: text that is streamed word by word, an
object that fits the schema, the forced tool's call, one small image a wish.
"""

from __future__ import annotations

import base64
import json
from typing import TYPE_CHECKING, Any

from pipelex_testing.samples import png
from tests.servers.base import Received, Reply, Server

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

TEXT = "The Nile, the Amazon and the Yangtze."
USAGE = {
    "prompt_tokens": 12,
    "completion_tokens": 9,
    "total_tokens": 21,
    "prompt_tokens_details": {"cached_tokens": 4},
    "completion_tokens_details": {"reasoning_tokens": 2},
}
HEADERS = {"x-request-id": "req_test"}


class OpenAIServer(Server):
    """OpenAI's API as far as this project uses it; `text` is what it says."""

    text = TEXT

    async def answer(self, request: Received) -> Reply:
        """Something that fits the request."""
        path = request.path.rpartition("/v1")[2] or request.path
        if path.endswith("/models"):
            return Reply.json({"object": "list", "data": [{"id": "gpt-test", "object": "model"}]}, headers=HEADERS)
        if path.endswith(".png"):
            return Reply(chunks=(png(),), content_type="image/png")
        body = request.json
        if path.endswith("/chat/completions"):
            return self._chat(body)
        if path.endswith("/responses"):
            return self._response(body)
        if path.endswith("/images/generations"):
            images = [{"b64_json": base64.b64encode(png()).decode()}] * body.get("n", 1)
            return Reply.json({"created": 1, "data": images}, headers=HEADERS)
        return error(404, "there is no such path", code="unknown_url")

    def _chat(self, body: dict[str, Any]) -> Reply:
        text, tool = self._said(body, (body.get("response_format") or {}).get("json_schema"))
        calls = [_call(tool["function"]["name"], tool["function"]["parameters"])] if tool else []
        if not body.get("stream"):
            return Reply.json(completion(text, tool_calls=calls), headers=HEADERS)
        wants_usage = (body.get("stream_options") or {}).get("include_usage", False)
        return Reply.sse(*chunks(text, tool_calls=calls, usage=USAGE if wants_usage else None), headers=HEADERS)

    def _response(self, body: dict[str, Any]) -> Reply:
        text, tool = self._said(body, (body.get("text") or {}).get("format"))
        output = [_function_call(tool["name"], tool["parameters"])] if tool else [message_item(text)]
        if not body.get("stream"):
            return Reply.json(response(*output), headers=HEADERS)
        return Reply.sse(*response_events(*output), headers=HEADERS)

    def _said(self, body: dict[str, Any], format_: Mapping[str, Any] | None) -> tuple[str, Any]:
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


# ── What OpenAI answers ───────────────────────────────────────────────────────────────────────────────────────────


def completion(text: str | None = TEXT, *, finish_reason: str | None = None, **message: Any) -> dict[str, Any]:
    """A chat completion."""
    calls = message.get("tool_calls")
    usage = message.pop("usage", USAGE)
    return {
        "id": "chatcmpl-1",
        "object": "chat.completion",
        "created": 1,
        "model": "gpt-test",
        "choices": [
            {
                "index": 0,
                "message": {"role": "assistant", "content": text, **message},
                "finish_reason": finish_reason or ("tool_calls" if calls else "stop"),
            }
        ],
        "usage": usage,
    }


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
    for number, word in enumerate(text.split(" ")):
        yield chunk({"content": f" {word}" if number else word})
    for index, call in enumerate(tool_calls or ()):
        function = call["function"]
        half = len(function["arguments"]) // 2
        head = {"name": function["name"], "arguments": function["arguments"][:half]}
        yield chunk({"tool_calls": [{"index": index, "id": call["id"], "type": "function", "function": head}]})
        yield chunk({"tool_calls": [{"index": index, "function": {"arguments": function["arguments"][half:]}}]})
    yield chunk({}, finish_reason or ("tool_calls" if tool_calls else "stop"))
    if usage:
        yield {**chunk({}), "choices": [], "usage": usage}
    if done:
        yield "[DONE]"


def chunk(delta: dict[str, Any], finish_reason: str | None = None) -> dict[str, Any]:
    """One chunk of a streamed chat completion."""
    return {
        "id": "chatcmpl-1",
        "object": "chat.completion.chunk",
        "created": 1,
        "model": "gpt-test",
        "choices": [{"index": 0, "delta": delta, "finish_reason": finish_reason}],
    }


def error(status: int, message: str, *, headers: Mapping[str, str] | None = None, **fields: Any) -> Reply:
    """An error as OpenAI words it."""
    body = {"error": {"message": message, "type": None, "param": None, "code": None, **fields}}
    return Reply.json(body, status=status, headers={**HEADERS, **(headers or {})})


def response(*output: dict[str, Any], status: str = "completed", **fields: Any) -> dict[str, Any]:
    """A response of the Responses API."""
    return {
        "id": "resp_1",
        "object": "response",
        "created_at": 1,
        "model": "gpt-test",
        "status": status,
        "error": None,
        "incomplete_details": None,
        "output": list(output),
        "usage": {
            "input_tokens": 12,
            "input_tokens_details": {"cached_tokens": 4},
            "output_tokens": 9,
            "output_tokens_details": {"reasoning_tokens": 2},
            "total_tokens": 21,
        },
        **fields,
    }


def message_item(text: str = TEXT) -> dict[str, Any]:
    """The message among a response's output."""
    content = [{"type": "output_text", "text": text, "annotations": []}]
    return {"id": "msg_1", "type": "message", "role": "assistant", "status": "completed", "content": content}


def response_events(*output: dict[str, Any], last: str = "response.completed", **fields: Any) -> Iterator[Any]:
    """The events of a streamed response, whose texts come word by word."""
    yield _event("response.created", response=response(status="in_progress", usage=None))
    for index, item in enumerate(output):
        yield _event("response.output_item.added", output_index=index, item={**item, "content": []})
        for part in item.get("content", ()):
            for number, word in enumerate(part["text"].split(" ")):
                delta = f" {word}" if number else word
                yield _event("response.output_text.delta", output_index=index, content_index=0, delta=delta)
        yield _event("response.output_item.done", output_index=index, item=item)
    yield _event(last, response=response(*output, status=last.removeprefix("response."), **fields))


def _event(kind: str, **fields: Any) -> tuple[str, dict[str, Any]]:
    return kind, {"type": kind, "sequence_number": 0, **fields}


def _call(name: str, schema: Mapping[str, Any]) -> dict[str, Any]:

    return {
        "id": "call_1",
        "type": "function",
        "function": {"name": name, "arguments": json.dumps(example(schema))},
    }


def _function_call(name: str, schema: Mapping[str, Any]) -> dict[str, Any]:

    arguments = json.dumps(example(schema))
    return {"id": "fc_1", "type": "function_call", "call_id": "call_1", "name": name, "arguments": arguments}


# ── Values that fit ───────────────────────────────────────────────────────────────────────────────────────────────


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
