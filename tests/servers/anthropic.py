"""A server that speaks Anthropic's Messages API, and refuses what the rulebook says that the API refuses.

    async with AnthropicServer() as server:
        server.queue(streamed(message(text("Hello"))))       # or Reply.json(message(…)), or failure(529, "overloaded_error")
        ...point the SDK at server.url...

With nothing queued, a request that is right is answered with `ANSWER`, streamed where it asks for that; a wrong one gets
the API's 400.
"""

from __future__ import annotations

from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

from pipelex_backend_anthropic import pipelex_backends
from pipelex_core.execution.resources import LoopResources
from pipelex_core.parts import Message as SampleAnswer
from pipelex_core.parts import TextPart
from pipelex_core.requests import TextRequest
from pipelex_core.specs import BackendConfig, ModelSpec, Secret
from pipelex_testing.bodies import anthropic
from pipelex_testing.bodies.anthropic import Message, events, message, text, thinking, tool_use
from tests.servers.base import Received, Reply, Server

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterable

    from pipelex_backend_anthropic._backend import AnthropicBackend
    from pipelex_core.parts import Part

__all__ = ["events", "message", "text", "thinking", "tool_use"]

KEY = "sk-ant-test-0123456789"
REQUEST_ID = "req_0123456789"
ANSWER = "Paris."

SHORT = -4.7
"""A call's time that ends it after 0.3 seconds: the plugin waits five more, because core would have ended it by then."""

COUNTED = 4321
"""What it counts for every request."""


def replied(answer: Message) -> Reply:
    """An answer as one document, with the id of its request."""
    return Reply.json(answer, headers={"request-id": REQUEST_ID})


def streamed(answer: Message, **options: Any) -> Reply:
    """An answer as a stream."""
    return Reply.sse(*events(answer), headers={"request-id": REQUEST_ID}, **options)


def error_body(kind: str, reported: str = "it went wrong", code: str | None = None) -> dict[str, Any]:
    """The body of an error."""
    return anthropic.error(kind, reported, REQUEST_ID, code)


def failure(
    status: int, kind: str, reported: str = "it went wrong", *, code: str | None = None, **headers: str
) -> Reply:
    """An error; `retry_after="2"` becomes the header `retry-after`."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return Reply.json(error_body(kind, reported, code), status=status, headers={"request-id": REQUEST_ID, **named})


def config(url: str | None, *, key: str | None = KEY, **options: Any) -> BackendConfig:
    """The backend's configuration, with `url` as its endpoint."""
    secret = None if key is None else Secret(key)
    return BackendConfig(name="anthropic", endpoint=url, api_key=secret, options=options)


def spec(**fields: Any) -> ModelSpec:
    """A model."""
    options = {"name": "claude", "model_id": "claude-test", "max_tokens": 64000, **fields}
    return ModelSpec(backend="anthropic", sdk="anthropic", **options)


def requested(prompt: str | Iterable[Part] = "What is the capital of France?", **fields: Any) -> TextRequest:
    """A request of one message of the user."""
    parts = (TextPart(prompt),) if isinstance(prompt, str) else tuple(prompt)
    return TextRequest(**{"spec": spec(), "messages": (SampleAnswer(role="user", parts=parts),), **fields})


@asynccontextmanager
async def opened(made: BackendConfig) -> AsyncIterator[AnthropicBackend]:
    """The plugin's backend, open, on a pool of its own."""
    resources = LoopResources()
    backend: AnthropicBackend = pipelex_backends()["anthropic"](made)
    try:
        await backend.open(resources)
        yield backend
    finally:
        await backend.close()
        await resources.close()


class AnthropicServer(Server):
    """The server; `bodies` are the JSON bodies it got."""

    provider = "anthropic"

    @property
    def bodies(self) -> list[dict[str, Any]]:
        return [request.json for request in self.received if request.body]

    async def answer(self, request: Received) -> Reply:
        fault = find_fault(request)
        if fault is not None:
            return failure(400, "invalid_request_error", fault)
        if request.path.endswith("/count_tokens"):
            return Reply.json({"input_tokens": COUNTED}, headers={"request-id": REQUEST_ID})
        answer = message(text(ANSWER))
        return streamed(answer) if request.json.get("stream") else replied(answer)


def find_fault(request: Received) -> str | None:
    """What the API would refuse a request for besides its body, which the rulebook looks at; None where it is right."""
    if request.path not in {"/v1/messages", "/v1/messages/count_tokens"}:
        return f"no such path: {request.path}"
    if request.headers.get("x-api-key") != KEY and request.headers.get("authorization") != f"Bearer {KEY}":
        return "invalid x-api-key"
    return None
