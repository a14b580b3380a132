"""Documents and event streams of Amazon Bedrock's Converse and ConverseStream.

https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_Converse.html; the event stream is encoded by the
format's description, https://smithy.io/2.0/aws/amazon-eventstream.html, so that botocore's decoder has something to decode.
"""

from __future__ import annotations

import json
import struct
from binascii import crc32
from typing import TYPE_CHECKING, Any

from pipelex_testing.bodies.pieces import halves
from pipelex_testing.replies import Reply

if TYPE_CHECKING:
    from collections.abc import Mapping

Block = dict[str, Any]
Usage = dict[str, int]

REQUEST_ID = "b58e1aa7-22cd-469e-8060-0f9f7344e73d"
HEADERS = {"x-amzn-requestid": REQUEST_ID}
USAGE = {"inputTokens": 12, "outputTokens": 7, "totalTokens": 19}
_STRING = 7
"""The type of a header's value."""


def tool_use(call_id: str, name: str, arguments: Mapping[str, Any]) -> Block:
    """Build the call of a tool."""
    return {"toolUse": {"toolUseId": call_id, "name": name, "input": arguments}}


def message(*content: Block, stop: str = "end_turn", usage: Usage | None = None, **options: Any) -> Reply:
    """Build an answer of Converse with these content blocks; `options` are those of `Reply`."""
    body = {
        "metrics": {"latencyMs": 5},
        "output": {"message": {"role": "assistant", "content": list(content)}},
        "stopReason": stop,
        "usage": usage or USAGE,
    }
    return Reply.json(body, headers=HEADERS, **options)


def failure(
    code: str, status: int, text: str = "It failed", headers: Mapping[str, str] | None = None, **more: Any
) -> Reply:
    """Build an error of Converse or ConverseStream, before anything is streamed."""
    kind = f"{code}:http://internal.amazon.com/coral/com.amazon.bedrock/"
    known = {"x-amzn-errortype": kind, **HEADERS}
    return Reply.json({"message": text, **more}, status=status, headers={**known, **(headers or {})})


def stream(*events: bytes, **options: Any) -> Reply:
    """Build an answer of ConverseStream, an event a piece."""
    options.setdefault("content_type", "application/vnd.amazon.eventstream")
    options.setdefault("chunked", True)
    return Reply(chunks=events, headers=HEADERS, **options)


def text_events(*deltas: str, stop: str = "end_turn", usage: Usage | None = None) -> list[bytes]:
    """Build the events of an answer in text."""
    pieces = [event("contentBlockDelta", contentBlockIndex=0, delta={"text": delta}) for delta in deltas]
    start = event("messageStart", role="assistant")
    return [start, *pieces, event("contentBlockStop", contentBlockIndex=0), *end_events(stop, usage)]


def block_events(index: int, block: Block) -> list[bytes]:
    """Split one content block into its events."""
    (kind,) = block
    begun: list[bytes] = []
    deltas: list[dict[str, Any]] = [{kind: piece} for piece in halves(block[kind])] if kind == "text" else []
    if kind == "toolUse":
        used = block[kind]
        start = {"toolUse": {"toolUseId": used["toolUseId"], "name": used["name"]}}
        begun = [event("contentBlockStart", contentBlockIndex=index, start=start)]
        deltas = [{"toolUse": {"input": piece}} for piece in halves(json.dumps(used["input"]))]
    elif kind == "reasoningContent":
        thought = block[kind]["reasoningText"]
        deltas = [{kind: {"text": thought["text"]}}, {kind: {"signature": thought["signature"]}}]
    made = [event("contentBlockDelta", contentBlockIndex=index, delta=delta) for delta in deltas]
    return [*begun, *made, event("contentBlockStop", contentBlockIndex=index)]


def end_events(stop: str = "end_turn", usage: Usage | None = None) -> list[bytes]:
    """Build the two events that end an answer."""
    return [event("messageStop", stopReason=stop), event("metadata", usage=usage or USAGE, metrics={"latencyMs": 5})]


def event(name: str, **payload: Any) -> bytes:
    """Encode one event."""
    return frame({":event-type": name, ":content-type": "application/json", ":message-type": "event"}, payload)


def exception_event(name: str, **payload: Any) -> bytes:
    """Encode an error as an event of the stream."""
    return frame({":exception-type": name, ":content-type": "application/json", ":message-type": "exception"}, payload)


def frame(headers: Mapping[str, str], payload: Mapping[str, Any]) -> bytes:
    """Encode one message of the format, with a JSON document."""
    return frame_of(headers, json.dumps(payload, ensure_ascii=False).encode())


def frame_of(headers: Mapping[str, str], body: bytes) -> bytes:
    """Encode one message of the format: lengths, their checksum, headers, payload, checksum of all."""
    head = b"".join(_header(name, value) for name, value in headers.items())
    lengths = struct.pack(">II", 16 + len(head) + len(body), len(head))
    start = lengths + struct.pack(">I", crc32(lengths)) + head + body
    return start + struct.pack(">I", crc32(start))


def _header(name: str, value: str) -> bytes:
    return struct.pack(">B", len(name)) + name.encode() + struct.pack(">BH", _STRING, len(value)) + value.encode()
