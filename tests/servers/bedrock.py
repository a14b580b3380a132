"""Bedrock's side of the conversation, for tests: messages, binary event streams, errors; and a backend to talk to them.

The event stream is encoded here, by the format's description
(https://smithy.io/2.0/aws/amazon-eventstream.html), so that botocore's decoder has something to decode.
"""

from __future__ import annotations

import asyncio
import json
import os
import struct
from binascii import crc32
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import pytest

from pipelex_backend_bedrock import pipelex_backends
from pipelex_core.execution.resources import LoopResources
from pipelex_core.parts import Message, TextPart
from pipelex_core.requests import ObjectRequest, TextRequest
from pipelex_core.specs import BackendConfig, Limits, ModelSpec, Secret
from tests.servers.base import Reply, Server

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Sequence
    from pathlib import Path

    from pipelex_backend_bedrock._backend import BedrockBackend
    from pipelex_core.results import TextAnswer

USAGE = {"inputTokens": 12, "outputTokens": 7, "totalTokens": 19}
KEYS = {"aws_access_key_id": "AKIDTEST", "aws_secret_access_key": Secret("test-secret-key")}
REQUEST_ID = "b58e1aa7-22cd-469e-8060-0f9f7344e73d"
MODEL_ID = "us.anthropic.claude-sonnet-4-5-20250929-v1:0"


@pytest.fixture
def clean_aws(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """No credentials, profile, region or endpoint of whoever runs the tests, and no question to an instance's metadata."""
    for name in list(os.environ):
        if name.startswith("AWS_"):
            monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "config"))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "credentials"))
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")


# ── What Bedrock answers ──────────────────────────────────────────────────────────────────────────────────────────


def message(
    *content: dict[str, Any], stop: str = "end_turn", usage: dict[str, int] | None = None, **options: Any
) -> Reply:
    """An answer of Converse with these content blocks."""
    body = {
        "metrics": {"latencyMs": 5},
        "output": {"message": {"role": "assistant", "content": list(content)}},
        "stopReason": stop,
        "usage": usage or USAGE,
    }
    return Reply.json(body, headers={"x-amzn-requestid": REQUEST_ID}, **options)


def said(text: str, **options: Any) -> Reply:
    """An answer of Converse with one text."""
    return message({"text": text}, **options)


def failure(
    code: str, status: int, text: str = "It failed", headers: dict[str, str] | None = None, **more: Any
) -> Reply:
    """An error of Converse or ConverseStream, before anything is streamed."""
    kind = f"{code}:http://internal.amazon.com/coral/com.amazon.bedrock/"
    known = {"x-amzn-errortype": kind, "x-amzn-requestid": REQUEST_ID}
    return Reply.json({"message": text, **more}, status=status, headers={**known, **(headers or {})})


def stream(*events: bytes, **options: Any) -> Reply:
    """An answer of ConverseStream, an event a piece."""
    options.setdefault("content_type", "application/vnd.amazon.eventstream")
    options.setdefault("chunked", True)
    return Reply(chunks=events, headers={"x-amzn-requestid": REQUEST_ID}, **options)


def text_events(*deltas: str, stop: str = "end_turn", usage: dict[str, int] | None = None) -> list[bytes]:
    """The events of an answer in text."""
    pieces = [event("contentBlockDelta", contentBlockIndex=0, delta={"text": delta}) for delta in deltas]
    start = event("messageStart", role="assistant")
    return [start, *pieces, event("contentBlockStop", contentBlockIndex=0), *end_events(stop, usage)]


def end_events(stop: str = "end_turn", usage: dict[str, int] | None = None) -> list[bytes]:
    """The two events that end an answer."""
    return [event("messageStop", stopReason=stop), event("metadata", usage=usage or USAGE, metrics={"latencyMs": 5})]


def event(name: str, **payload: Any) -> bytes:
    """One event."""
    return frame({":event-type": name, ":content-type": "application/json", ":message-type": "event"}, payload)


def exception_event(name: str, **payload: Any) -> bytes:
    """An error as an event of the stream."""
    return frame({":exception-type": name, ":content-type": "application/json", ":message-type": "exception"}, payload)


def frame(headers: dict[str, str], payload: dict[str, Any]) -> bytes:
    """One message of the format, with a JSON document."""
    return frame_of(headers, json.dumps(payload).encode())


def frame_of(headers: dict[str, str], body: bytes) -> bytes:
    """One message of the format: lengths, their checksum, headers, payload, checksum of all."""
    head = b"".join(_header(name, value) for name, value in headers.items())
    lengths = struct.pack(">II", 16 + len(head) + len(body), len(head))
    start = lengths + struct.pack(">I", crc32(lengths)) + head + body
    return start + struct.pack(">I", crc32(start))


def _header(name: str, value: str) -> bytes:
    string = 7  # the type of the value
    return struct.pack(">B", len(name)) + name.encode() + struct.pack(">BH", string, len(value)) + value.encode()


# ── Who asks ──────────────────────────────────────────────────────────────────────────────────────────────────────


def config(url: str | None, *, api_key: str | None = None, keys: bool = True, **options: Any) -> BackendConfig:
    """The backend's table, with a pair of keys unless told otherwise."""
    limits = Limits(max_concurrency=options.pop("max_concurrency", None))
    given = {"aws_region": "us-east-1", **(KEYS if keys and not api_key else {}), **options}
    secret = Secret(api_key) if api_key else None
    return BackendConfig(name="bedrock", endpoint=url, api_key=secret, options=given, limits=limits)


def make(settings: BackendConfig, sdk: str = "bedrock") -> BedrockBackend:
    """The backend, made by the plugin's own factory; not opened."""
    backend: BedrockBackend = pipelex_backends()[sdk](settings)
    return backend


@asynccontextmanager
async def opened(url: str | None, **options: Any) -> AsyncIterator[BedrockBackend]:
    """A backend that is open; the options are those of `config`."""
    backend, resources = make(config(url, **options)), LoopResources()
    try:
        await backend.open(resources)
        yield backend
    finally:
        await backend.close()
        await resources.close()


@asynccontextmanager
async def served(*replies: Reply, **options: Any) -> AsyncIterator[tuple[Server, BedrockBackend]]:
    """A server with these replies, and a backend that is open and asks it."""
    async with Server() as server:
        server.queue(*replies)
        async with opened(server.url, **options) as backend:
            yield server, backend


def spec(*, sdk: str = "bedrock", model_id: str = MODEL_ID, **options: Any) -> ModelSpec:
    """A model, with these options."""
    return ModelSpec(name="a-model", backend="bedrock", sdk=sdk, model_id=model_id, options=options)


def request(prompt: str | Sequence[Message] = "Hello", **fields: Any) -> TextRequest:
    """A request for text."""
    messages = (Message(role="user", parts=(TextPart(prompt),)),) if isinstance(prompt, str) else tuple(prompt)
    return TextRequest(**{"spec": spec(), "messages": messages, **fields})


def object_request(schema: dict[str, Any], **fields: Any) -> ObjectRequest:
    """A request for an object."""
    messages = (Message(role="user", parts=(TextPart("Hello"),)),)
    return ObjectRequest(**{"spec": spec(), "messages": messages, "schema": schema, "schema_name": "Person", **fields})


async def read(events: AsyncIterator[str | TextAnswer]) -> tuple[list[str], TextAnswer]:
    """A stream's deltas, and its answer, which must be the last thing and come once; empty ones are signs of life."""
    deltas: list[str] = []
    answer: TextAnswer | None = None
    async for item in events:
        assert answer is None, "something came after the answer"
        if not isinstance(item, str):
            answer = item
        elif item:
            deltas.append(item)
    assert answer is not None
    return deltas, answer


async def next_delta(events: AsyncIterator[str | TextAnswer]) -> str | TextAnswer:
    """The next piece of text, or the answer."""
    while (item := await anext(events)) == "":
        pass
    return item


async def until(condition: Callable[[], bool]) -> None:
    """Wait for something that happens in another thread or at the server; fails after five seconds."""
    for _ in range(500):
        if condition():
            return
        await asyncio.sleep(0.01)
    pytest.fail("it did not happen")
