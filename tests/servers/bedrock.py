"""A Bedrock backend for tests, and who answers it: the documents and events are the kit's."""

from __future__ import annotations

import os
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import pytest

from pipelex_backend_bedrock import pipelex_backends
from pipelex_core.execution.resources import LoopResources
from pipelex_core.parts import Message, TextPart
from pipelex_core.requests import ObjectRequest, TextRequest
from pipelex_core.specs import BackendConfig, Limits, ModelSpec, Secret
from pipelex_testing.bodies.bedrock import (
    REQUEST_ID,
    USAGE,
    end_events,
    event,
    exception_event,
    failure,
    frame,
    frame_of,
    message,
    stream,
    text_events,
)
from pipelex_testing.rulebook import Rulebook
from tests.servers.base import Reply, Server

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence
    from pathlib import Path

    from pipelex_backend_bedrock._backend import BedrockBackend
    from pipelex_core.results import TextAnswer

__all__ = [
    "REQUEST_ID",
    "USAGE",
    "end_events",
    "event",
    "exception_event",
    "failure",
    "frame",
    "frame_of",
    "message",
    "stream",
    "text_events",
]

KEYS = {"aws_access_key_id": "AKIDTEST", "aws_secret_access_key": Secret("test-secret-key")}
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


def stated(text: str, **options: Any) -> Reply:
    """An answer of Converse with one text."""
    return message({"text": text}, **options)


# ── Who asks ──────────────────────────────────────────────────────────────────────────────────────────────────────


def config(url: str | None, *, api_key: str | None = None, keys: bool = True, **options: Any) -> BackendConfig:
    """The backend's table, with a pair of keys by default."""
    limits = Limits(max_concurrency=options.pop("max_concurrency", None))
    provided = {"aws_region": "us-east-1", **(KEYS if keys and not api_key else {}), **options}
    secret = Secret(api_key) if api_key else None
    return BackendConfig(name="bedrock", endpoint=url, api_key=secret, options=provided, limits=limits)


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
    async with Server(Rulebook(provider="bedrock")) as server:
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
