"""Converse and ConverseStream of Amazon Bedrock.

https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_Converse.html; the event stream is encoded by the
format's description, https://smithy.io/2.0/aws/amazon-eventstream.html.
"""

from __future__ import annotations

import json
import struct
from binascii import crc32
from typing import TYPE_CHECKING, Any, ClassVar
from urllib.parse import unquote

from pipelex_testing.samples import ARGUMENTS, WEATHER, Capability, Said
from pipelex_testing.server import Received, Reply
from pipelex_testing.wire import Wire
from pipelex_testing.wires.pieces import arguments, halves, words

if TYPE_CHECKING:
    from collections.abc import Mapping

_HEADERS = {"x-amzn-requestid": "b58e1aa7-22cd-469e-8060-0f9f7344e73d"}
_USAGE = {"inputTokens": 12, "outputTokens": 12, "totalTokens": 32, "cacheReadInputTokens": 8}
_STOPS = {"length": "max_tokens", "content_filter": "content_filtered"}
_CODES = {
    400: "ValidationException",
    401: "UnrecognizedClientException",
    403: "AccessDeniedException",
    404: "ResourceNotFoundException",
    429: "ThrottlingException",
    500: "InternalServerException",
    503: "ServiceUnavailableException",
    529: "ServiceUnavailableException",
}


class BedrockConverse(Wire):
    """`/model/…/converse` and `/converse-stream`; objects come as the call of a tool."""

    name = "bedrock-converse"
    says: ClassVar[frozenset[Capability]] = frozenset(
        {"text", "stream", "object", "tools", "image in", "PDF in", "thinking"}
    )
    error_headers = _HEADERS
    ending = 2

    def answer(self, said: Said) -> Reply:
        message = {"role": "assistant", "content": _content(said)}
        body = {"metrics": {"latencyMs": 5}, "output": {"message": message}, "stopReason": _stop(said)}
        return Reply.json({**body, "usage": _USAGE}, headers=_HEADERS)

    def stream(self, said: Said) -> Reply:
        events = [_event("messageStart", role="assistant")]
        for index, block in enumerate(_content(said)):
            events += _block_events(index, block)
        events += [
            _event("messageStop", stopReason=_stop(said)),
            _event("metadata", usage=_USAGE, metrics={"latencyMs": 5}),
        ]
        return _streamed(events)

    def error(self, status: int, message: str = "it went wrong") -> Reply:
        code = _CODES.get(status, "ValidationException" if status < 500 else "InternalServerException")
        headers = {**_HEADERS, "x-amzn-errortype": f"{code}:http://internal.amazon.com/coral/com.amazon.bedrock/"}
        return Reply.json({"message": message}, status=status, headers=headers)

    def error_in_stream(self) -> Reply:
        delta = _event("contentBlockDelta", contentBlockIndex=0, delta={"text": "The capital"})
        kinds = {":exception-type": "internalServerException", ":message-type": "exception"}
        fault = _frame({**kinds, ":content-type": "application/json"}, {"message": "it went wrong"})
        return _streamed([_event("messageStart", role="assistant"), delta, fault])

    def settings(self, request: Received) -> Mapping[str, Any]:
        config = request.json.get("inferenceConfig", {})
        model = unquote(request.path).split("/")[2]
        return {"model": model, "temperature": config.get("temperature"), "max_tokens": config.get("maxTokens")}


def _stop(said: Said) -> str:
    return _STOPS.get(said.finish or "", "tool_use" if said.calls or said.value else "end_turn")


def _content(said: Said) -> list[dict[str, Any]]:
    content: list[dict[str, Any]] = []
    if said.thought:
        thought = {"text": said.thought, "signature": "c2lnbmVk"}
        content.append({"reasoningContent": {"reasoningText": thought}})
    if said.value is not None:
        return [*content, _tool_use(0, "City", said.value)]
    content += [_tool_use(number, WEATHER.name, ARGUMENTS) for number in range(said.calls)]
    return content if said.calls or not words(said) else [*content, {"text": words(said)}]


def _tool_use(number: int, name: str, given: Mapping[str, Any]) -> dict[str, Any]:
    return {"toolUse": {"toolUseId": f"tooluse_{number}", "name": name, "input": given}}


def _block_events(index: int, block: dict[str, Any]) -> list[bytes]:
    """The events of one content block."""
    (kind,) = block
    begun: list[bytes] = []
    deltas: list[dict[str, Any]] = [{kind: piece} for piece in halves(block[kind])] if kind == "text" else []
    if kind == "toolUse":
        used = dict(block[kind])
        written = arguments() if used["input"] == ARGUMENTS else json.dumps(used["input"])
        start = {"toolUse": {"toolUseId": used["toolUseId"], "name": used["name"]}}
        begun = [_event("contentBlockStart", contentBlockIndex=index, start=start)]
        deltas = [{"toolUse": {"input": piece}} for piece in halves(written)]
    elif kind == "reasoningContent":
        thought = block[kind]["reasoningText"]
        deltas = [{kind: {"text": thought["text"]}}, {kind: {"signature": thought["signature"]}}]
    made = [_event("contentBlockDelta", contentBlockIndex=index, delta=delta) for delta in deltas]
    return [*begun, *made, _event("contentBlockStop", contentBlockIndex=index)]


def _streamed(events: list[bytes]) -> Reply:
    kind = "application/vnd.amazon.eventstream"
    return Reply(chunks=tuple(events), content_type=kind, chunked=True, headers=_HEADERS)


def _event(name: str, **payload: Any) -> bytes:
    return _frame({":event-type": name, ":content-type": "application/json", ":message-type": "event"}, payload)


def _frame(headers: Mapping[str, str], payload: Mapping[str, Any]) -> bytes:
    """One message of the format: lengths, their checksum, headers, payload, checksum of all."""
    head = b"".join(_header(name, value) for name, value in headers.items())
    body = json.dumps(payload, ensure_ascii=False).encode()
    lengths = struct.pack(">II", 16 + len(head) + len(body), len(head))
    start = lengths + struct.pack(">I", crc32(lengths)) + head + body
    return start + struct.pack(">I", crc32(start))


def _header(name: str, value: str) -> bytes:
    string = 7  # the type of the value
    return struct.pack(">B", len(name)) + name.encode() + struct.pack(">BH", string, len(value)) + value.encode()
