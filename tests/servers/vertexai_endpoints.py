"""Vertex AI's prediction service on loopback, over gRPC: chat completions of endpoints, whole and streamed.

It reads each body by the rulebook of compatible endpoints, and answers by what a request holds, so that a wrong one fails.
"""

from __future__ import annotations

import asyncio
import json
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import grpc
from attrs import define, field
from google.api.httpbody_pb2 import HttpBody
from google.cloud.aiplatform_v1beta1.types import ChatCompletionsRequest

import pipelex_rules

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence

_SERVICE = "google.cloud.aiplatform.v1beta1.PredictionService"
USAGE = {
    "prompt_tokens": 20,
    "completion_tokens": 12,
    "prompt_tokens_details": {"cached_tokens": 8},
    "completion_tokens_details": {"reasoning_tokens": 5},
}


@define(kw_only=True)
class Failure:
    """A status to answer with, and its structured details, serialised."""

    code: grpc.StatusCode
    words: str = "no"
    details: bytes = b""


@define(kw_only=True)
class EndpointServer:
    """The server.

    Attributes:
        url: Its address.
        received: For each call the endpoint's name, the body and the metadata.
        queue: Bodies in pieces, or failures, to answer with before its own answers; a None among the pieces never ends.
        arrived: Set once a call has come.
        cancelled: Set once the client has given up a call.
    """

    url: str = ""
    received: list[tuple[str, dict[str, Any], dict[str, str]]] = field(factory=list)
    queue: list[Sequence[bytes | None] | Failure] = field(factory=list)
    arrived: asyncio.Event = field(factory=asyncio.Event)
    cancelled: asyncio.Event = field(factory=asyncio.Event)

    async def chat(self, request: ChatCompletionsRequest, context: Any) -> AsyncIterator[HttpBody]:
        """Answer a call."""
        body = json.loads(request.http_body.data)
        metadata = {key: value for key, value in context.invocation_metadata() if isinstance(value, str)}
        self.arrived.set()
        self.received.append((request.endpoint, body, metadata))
        prepared = self.queue.pop(0) if self.queue else None
        if isinstance(prepared, Failure):
            trailing = (("grpc-status-details-bin", prepared.details),) if prepared.details else ()
            context.set_trailing_metadata((*trailing, ("x-served", "yes")))
            await context.abort(prepared.code, prepared.words)
            return
        served = {**body, "model": body["model"] or "deployed"}  # an endpoint of one model does not want its name
        broken = pipelex_rules.check("compatible", "chat", served, warnings=False)
        if broken:
            await context.abort(grpc.StatusCode.INVALID_ARGUMENT, broken[0].words)
        try:
            for piece in _pieces(body) if prepared is None else prepared:
                if piece is None:
                    await asyncio.Event().wait()
                yield HttpBody(content_type="application/json", data=piece)
        except asyncio.CancelledError:
            self.cancelled.set()
            raise


@asynccontextmanager
async def serving() -> AsyncIterator[EndpointServer]:
    """The server, listening on a port of its own."""
    made, server = EndpointServer(), grpc.aio.server()
    handler = grpc.unary_stream_rpc_method_handler(
        made.chat,
        request_deserializer=ChatCompletionsRequest.deserialize,
        response_serializer=HttpBody.SerializeToString,
    )
    server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler(_SERVICE, {"ChatCompletions": handler}),))
    made.url = f"http://127.0.0.1:{server.add_insecure_port('127.0.0.1:0')}"
    await server.start()
    try:
        yield made
    finally:
        await server.stop(None)


def _pieces(body: dict[str, Any]) -> list[bytes]:
    """The answer's bytes, cut where nothing in them ends."""
    message, reason = _message(body), "stop"
    if "tool_calls" in message:
        reason = "tool_calls"
    if not body.get("stream"):
        choice = {"index": 0, "message": message, "finish_reason": reason}
        data = json.dumps({"id": "chat-1", "object": "chat.completion", "choices": [choice], "usage": USAGE}).encode()
    else:
        data = b"".join(
            b"data: " + json.dumps({"id": "chat-1", **chunk}).encode() + b"\n\n" for chunk in _chunks(message, reason)
        )
        data += b"data: [DONE]\n\n"
    return [data[start : start + 50] for start in range(0, len(data), 50)]


def _message(body: dict[str, Any]) -> dict[str, Any]:
    last = body["messages"][-1]
    if last["role"] == "tool":
        return {"role": "assistant", "content": f"The tool says {last['content']}."}
    if body.get("tools") and body.get("tool_choice") != "none":
        functions = [tool["function"] for tool in body["tools"]]
        calls = [
            {
                "id": f"id-{number}",
                "type": "function",
                "function": {"name": one["name"], "arguments": json.dumps({"city": "Łódź"})},
            }
            for number, one in enumerate(functions)
        ]
        return {"role": "assistant", "content": None, "tool_calls": calls}
    if "response_format" in body:
        schema = body["response_format"]["json_schema"]["schema"]
        return {"role": "assistant", "content": json.dumps(dict.fromkeys(schema["properties"], 7))}
    return {"role": "assistant", "content": f"You said: {last['content']}", "reasoning_content": "Hm."}


def _chunks(message: dict[str, Any], reason: str) -> list[dict[str, Any]]:
    deltas: list[dict[str, Any]] = []
    if message.get("reasoning_content"):
        deltas.append({"reasoning_content": message["reasoning_content"]})
    text = message["content"] or ""
    deltas += [{"content": text[: len(text) // 2]}, {"content": text[len(text) // 2 :]}]
    for number, call in enumerate(message.get("tool_calls", ())):
        arguments = call["function"]["arguments"]
        begun = {**call, "index": number, "function": {**call["function"], "arguments": arguments[:4]}}
        deltas += [
            {"tool_calls": [begun]},
            {"tool_calls": [{"index": number, "function": {"arguments": arguments[4:]}}]},
        ]
    chunks = [{"choices": [{"index": 0, "delta": delta, "finish_reason": None}]} for delta in deltas]
    ending = {"choices": [{"index": 0, "delta": {}, "finish_reason": reason}]}
    return [*chunks, ending, {"choices": [], "usage": USAGE}]
