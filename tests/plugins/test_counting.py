"""The providers that count tokens before a call."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest

from pipelex_backend_anthropic import pipelex_backends as anthropic_backends
from pipelex_backend_google import pipelex_backends as google_backends
from pipelex_backend_openai import pipelex_backends as openai_backends
from pipelex_core import errors
from pipelex_core.backend import TokenCounter
from pipelex_core.execution.resources import LoopResources
from pipelex_core.parts import Message, TextPart, Tool
from pipelex_core.requests import ObjectRequest, TextRequest
from pipelex_core.specs import BackendConfig, ModelSpec, Secret
from tests.servers import anthropic, google
from tests.servers.anthropic import AnthropicServer
from tests.servers.base import Reply
from tests.servers.google import GoogleServer
from tests.servers.openai_server import OpenAIServer
from tests.wire import harness
from tests.wire.anthropic import MessagesAdapter

if TYPE_CHECKING:
    from pipelex_core.backend import Backend
    from tests.servers.base import Server

PROMPT = "How many tokens has this?"
SYSTEM = "Be brief."
WEATHER = Tool(name="weather", description="The weather.", parameters={"type": "object", "properties": {}})
SCHEMA = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}


def asks(sdk: str, *, is_object: bool = False) -> TextRequest:
    """A request with all that says how to answer, of which nothing has tokens."""
    model = {"anthropic": "claude-sonnet-4-5", "openai": "gpt-4o-mini"}.get(sdk, "gemini-2.5-flash")
    spec = ModelSpec(name="m", backend=sdk, sdk=sdk, model_id=model, max_tokens=8000)
    fields: dict[str, Any] = {
        "spec": spec,
        "messages": (Message(role="user", parts=(TextPart(PROMPT),)),),
        "system": SYSTEM,
        "max_tokens": 100,
        "temperature": 0.5,
        "top_p": 0.9,
    }
    if is_object:
        return ObjectRequest(**fields, schema=SCHEMA, schema_name="city")
    return TextRequest(**fields, tools=(WEATHER,), tool_choice="auto")


def backend_of(sdk: str, url: str) -> Backend:
    """The backend of an sdk, which its loopback server knows."""
    makers: dict[str, Any] = {"anthropic": anthropic_backends, "openai": openai_backends, "google": google_backends}
    keys = {"anthropic": anthropic.KEY, "google": google.KEY}
    config = BackendConfig(name=sdk, endpoint=url, api_key=Secret(keys.get(sdk, "sk-test")))
    backend: Backend = makers[sdk]()[sdk](config)
    return backend


async def counted(backend: Backend, request: TextRequest) -> int:
    """What an opened backend counts."""
    resources = LoopResources()
    try:
        await backend.open(resources)
        assert isinstance(backend, TokenCounter)
        return await backend.count_tokens(request)
    finally:
        await backend.close()
        await resources.close()


SERVERS: dict[str, tuple[type[Server], int]] = {
    "anthropic": (AnthropicServer, anthropic.COUNTED),
    "openai": (OpenAIServer, 1234),
    "google": (GoogleServer, len(PROMPT + SYSTEM)),
}


@pytest.mark.parametrize("is_object", [False, True])
@pytest.mark.parametrize("sdk", SERVERS)
def test_a_provider_counts_what_would_be_sent(sdk: str, is_object: bool) -> None:
    """Prompt, system prompt, tools and schema, without the settings that its API for counts refuses."""

    async def main() -> None:
        make, count = SERVERS[sdk]
        async with make() as server:
            assert await counted(backend_of(sdk, server.url), asks(sdk, is_object=is_object)) == count
            sent = server.received[-1].body.decode()
            assert PROMPT in sent
            assert SYSTEM in sent
            assert ("city" if is_object else "weather") in sent

    asyncio.run(main())


@pytest.mark.parametrize("sdk", SERVERS)
def test_an_answer_without_a_count_is_an_error(sdk: str) -> None:
    """And so is a refusal, which says what the provider said."""

    async def main() -> None:
        async with SERVERS[sdk][0]() as server:
            server.queue(Reply.json({"something": "else"}))
            with pytest.raises(errors.InvalidAnswerError):
                await counted(backend_of(sdk, server.url), asks(sdk))
            server.queue(Reply.json({"error": {"message": "slow down", "status": "RESOURCE_EXHAUSTED"}}, status=429))
            with pytest.raises(errors.RateLimitError):
                await counted(backend_of(sdk, server.url), asks(sdk))

    asyncio.run(main())


@pytest.mark.parametrize("record", harness.load_records("anthropic__count_tokens"), ids=lambda record: record["id"])
def test_recorded_counts(record: harness.Record) -> None:
    """Anthropic's recorded counts come out, and their requests are what is sent."""
    adapter = MessagesAdapter()
    try:
        request = adapter.request(record)
    except harness.NoCapabilityError as error:
        pytest.skip(str(error))
    server = harness.replay_module().Server([record])

    async def main() -> int:
        listener = await server.start()
        server.forced.append({"id": record["id"]})
        try:
            return await counted(adapter.backend(record, server.base), request)
        finally:
            listener.close()

    if record["id"] == "anthropic-count_tokens-319b43ce":
        with pytest.raises(errors.UnsupportedInputError, match="demands a tool while it reasons"):
            asyncio.run(main())  # it could be counted, and not be sent
        return
    if "error_class" in record["expect"]:
        with pytest.raises(harness.ERROR_CLASSES[record["expect"]["error_class"]]):
            asyncio.run(main())
        return
    assert asyncio.run(main()) == record["expect"]["input_tokens"]
    sent, recorded = server.entries[0]["body"], record["request"]["body"]
    assert sent["messages"] == recorded["messages"]
    assert sent.get("thinking") == recorded.get("thinking")
