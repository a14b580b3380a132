"""The providers that count tokens before a call."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest
from attrs import evolve

from pipelex_backend_anthropic import pipelex_backends as anthropic_backends
from pipelex_backend_google import pipelex_backends as google_backends
from pipelex_backend_openai import pipelex_backends as openai_backends
from pipelex_core import errors
from pipelex_core.backend import TokenCounter
from pipelex_core.execution.resources import LoopResources
from pipelex_core.parts import Message, TextPart, Tool
from pipelex_core.requests import ObjectRequest, TextRequest
from pipelex_core.specs import BackendConfig, ModelSpec, Secret
from tests.servers import anthropic, bedrock, google
from tests.servers.anthropic import AnthropicServer
from tests.servers.base import Reply
from tests.servers.bedrock import clean_aws  # noqa: F401 -- a fixture
from tests.servers.google import GoogleServer
from tests.servers.openai_server import OpenAIServer
from tests.support import llamacpp
from tests.wire import harness
from tests.wire.anthropic import MessagesAdapter
from tests.wire.replaying import ReplayServer

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


def bedrocks(model_id: str, *replies: Reply, is_object: bool = False) -> tuple[int, Any]:
    """What Bedrock counts for a model, and what was sent for it."""

    async def main() -> tuple[int, Any]:
        async with bedrock.served(*replies) as (server, backend):
            made = asks("bedrock", is_object=is_object)
            spec = ModelSpec(name="m", backend="bedrock", sdk="bedrock", model_id=model_id, max_tokens=8000)
            count = await backend.count_tokens(evolve(made, spec=spec, top_p=None))
            return count, server.received[-1]

    return asyncio.run(main())


@pytest.mark.usefixtures("clean_aws")
@pytest.mark.parametrize("is_object", [False, True])
@pytest.mark.parametrize(
    "model_id",
    [
        "anthropic.claude-sonnet-4-5-20250929-v1:0",
        "us.anthropic.claude-sonnet-4-5-20250929-v1:0",
        "global.anthropic.claude-sonnet-4-5-20250929-v1:0",
        "arn:aws:bedrock:us-east-1:123456789012:inference-profile/eu.anthropic.claude-sonnet-4-5-20250929-v1:0",
    ],
)
def test_bedrock_counts_for_the_model_behind_a_profile(model_id: str, is_object: bool) -> None:
    """CountTokens takes the conversation, the system prompt and the tools, and the foundation model's own id."""
    count, sent = bedrocks(model_id, Reply.json({"inputTokens": 321}), is_object=is_object)
    assert count == 321
    assert sent.path == "/model/anthropic.claude-sonnet-4-5-20250929-v1:0/count-tokens"
    body = sent.json["input"]["converse"]
    assert body["messages"] == [{"role": "user", "content": [{"text": PROMPT}]}]
    assert body["system"] == [{"text": SYSTEM}]
    assert set(body) <= {"messages", "system", "toolConfig", "additionalModelRequestFields"}
    assert ("city" if is_object else "weather") in sent.body.decode()


@pytest.mark.usefixtures("clean_aws")
def test_bedrock_without_a_count_is_an_error() -> None:
    """A model that CountTokens does not know is refused, and so is an answer without a count."""
    refused = Reply.json(
        {"message": "The provided model doesn't support counting tokens."},
        status=400,
        headers={"x-amzn-errortype": "ValidationException"},
    )
    with pytest.raises(errors.BadRequestError, match="support counting"):
        bedrocks("meta.llama3-1-8b-instruct-v1:0", refused)
    with pytest.raises(errors.InvalidAnswerError):
        bedrocks("meta.llama3-1-8b-instruct-v1:0", Reply.json({}))


def test_a_model_of_this_machine_counts_what_it_reads() -> None:
    """The count is the usage that the same request has when it is answered, and counting generates nothing."""
    llamacpp.need("smollm2")
    spec = ModelSpec(name="smollm2", backend="llamacpp", sdk="llamacpp", model_id="smollm2", max_tokens=64)

    async def main() -> None:
        async with llamacpp.opened() as backend:
            for text in (PROMPT, "word " * 60):
                message = Message(role="user", parts=(TextPart(text),))
                request = TextRequest(spec=spec, messages=(message,), system=SYSTEM, max_tokens=1)
                count = await backend.count_tokens(request)
                assert count == (await backend.generate_text(request)).usage.input_tokens
            with pytest.raises(errors.UnsupportedInputError):
                await backend.count_tokens(evolve(request, tools=(WEATHER,)))

    asyncio.run(main())


@pytest.mark.parametrize("record", harness.load_records("anthropic__count_tokens"), ids=lambda record: record["id"])
def test_recorded_counts(record: harness.Record) -> None:
    """Anthropic's recorded counts come out, and their requests are what is sent."""
    adapter = MessagesAdapter()
    try:
        request = adapter.request(record)
    except harness.NoCapabilityError as error:
        pytest.skip(str(error))
    server = ReplayServer([record])

    async def main() -> int:
        async with server:
            return await counted(adapter.backend(record, server.url), request)

    if record["id"] == "anthropic-count_tokens-319b43ce":
        with pytest.raises(errors.UnsupportedInputError, match="demands a tool while it reasons"):
            asyncio.run(main())  # it could be counted, and not be sent
        return
    if "error_class" in record["expect"]:
        with pytest.raises(harness.ERROR_CLASSES[record["expect"]["error_class"]]):
            asyncio.run(main())
        return
    assert asyncio.run(main()) == record["expect"]["input_tokens"]
    sent, recorded = server.sent[0].json, record["request"]["body"]
    assert sent["messages"] == recorded["messages"]
    assert sent.get("thinking") == recorded.get("thinking")
