"""The backend as a whole, through the real SDK: text, streams, objects, models, the key, the address, the pool."""

from __future__ import annotations

import asyncio
import logging
import subprocess
import sys
import tomllib
from typing import TYPE_CHECKING, Any

import pytest
from attrs import evolve

from pipelex_backend_mistral import pipelex_backends, pipelex_model_specs
from pipelex_core.backend import DocumentExtractor, ModelLister, ObjectGenerator, TextGenerator, TextStreamer
from pipelex_core.errors import AuthenticationError, CallError, PluginError
from pipelex_core.parts import Tool
from pipelex_core.requests import ObjectRequest, TextRequest
from pipelex_core.results import TextAnswer, Usage
from pipelex_testing.running import until
from tests.servers.base import Reply
from tests.servers.mistral import (
    HEADERS,
    KEY,
    MODELS,
    REQUEST_ID,
    MistralServer,
    chunk,
    config,
    message,
    opened,
    requested,
    spec,
)

if TYPE_CHECKING:
    from pipelex_backend_mistral._backend import MistralBackend


async def streamed(backend: MistralBackend, request: TextRequest) -> tuple[list[str], TextAnswer]:
    """All deltas, and the answer that must come last."""
    *deltas, answer = [event async for event in backend.stream_text(request)]
    assert isinstance(answer, TextAnswer)
    assert all(isinstance(delta, str) for delta in deltas)
    return [str(delta) for delta in deltas], answer


def test_a_prompt_is_answered() -> None:
    """Text goes out and comes back with usage and the id from the header."""

    async def main() -> None:
        async with MistralServer() as server, opened(config(server.url)) as backend:
            answer = await backend.generate_text(requested(system="Be brief.", temperature=0.5))
            assert (answer.text, answer.finish_reason, answer.request_id) == ("Hello.", "stop", REQUEST_ID)
            assert answer.usage == Usage(input_tokens=11, output_tokens=7)
            (sent,) = server.bodies()
            assert sent["temperature"] == 0.5
            assert "stream" not in sent

    asyncio.run(main())


def test_a_stream_gives_deltas_then_the_answer() -> None:
    """Empty deltas are left out; usage and the id are in the answer at the end."""

    async def main() -> None:
        async with MistralServer() as server, opened(config(server.url)) as backend:
            deltas, answer = await streamed(backend, requested())
            assert deltas == ["Hel", "lo."]
            assert (answer.text, answer.finish_reason, answer.request_id) == ("Hello.", "stop", REQUEST_ID)
            assert answer.usage == Usage(input_tokens=11, output_tokens=7)
            assert server.bodies()[0]["stream"] is True

    asyncio.run(main())


def test_streams_use_their_connection_again() -> None:
    """A stream read to its end gives its connection back to the pool."""

    async def main() -> None:
        async with MistralServer() as server, opened(config(server.url)) as backend:
            for _ in range(3):
                await streamed(backend, requested())
            assert server.connections == 1

    asyncio.run(main())


def test_leaving_a_stream_closes_its_connection() -> None:
    """Nobody reads on what nobody wants: the provider can stop."""

    async def main() -> None:
        async with MistralServer() as server, opened(config(server.url)) as backend:
            server.queue(Reply.sse(chunk("a"), *[chunk("b")] * 1000, pause=0.01))
            stream = backend.stream_text(requested())
            assert await anext(stream) == "a"
            await stream.aclose()  # type: ignore[attr-defined]  # an async generator, as the contract says
            await until(lambda: bool(server.abandoned))

    asyncio.run(main())


@pytest.mark.parametrize("streaming", [False, True])
def test_cancelling_a_call_ends_it(streaming: bool) -> None:
    """A cancelled call is cancelled, not an error, and its connection is closed."""

    async def main() -> None:
        async with MistralServer() as server, opened(config(server.url)) as backend:
            server.queue(Reply(fault="hang"))
            call = streamed(backend, requested()) if streaming else backend.generate_text(requested())
            task: asyncio.Task[Any] = asyncio.create_task(call)
            await until(lambda: bool(server.received))
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
            await until(lambda: bool(server.abandoned))

    asyncio.run(main())


@pytest.mark.parametrize("options", [{}, {"structured_output": "json_mode"}], ids=["schema", "json mode"])
def test_an_object_is_json_text(options: dict[str, str]) -> None:
    """The answer's text is the document, in either way of asking for one."""

    async def main() -> None:
        async with MistralServer() as server, opened(config(server.url)) as backend:
            schema = {"type": "object", "properties": {"answer": {"type": "integer"}}}
            request = ObjectRequest(messages=requested().messages, spec=spec(options=options), schema=schema)
            assert (await backend.generate_object(request)).text == '{"answer": 1}'

    asyncio.run(main())


def test_a_conversation_with_tools_is_carried_on() -> None:
    """What a result's message would hold goes back in a form that Mistral takes."""
    from pipelex_core.parts import Message, TextPart, ToolResult

    async def main() -> None:
        async with MistralServer() as server, opened(config(server.url)) as backend:
            calls = [{"id": "abcdefgh1", "function": {"name": "add", "arguments": "{}"}, "index": 0}]
            content = [{"type": "thinking", "thinking": [{"type": "text", "text": "Add."}]}]
            server.queue(Reply.json(message(content, finish_reason="tool_calls", tool_calls=calls)))
            request = requested(tools=(Tool(name="add"),), tool_choice="required")
            answer = await backend.generate_text(request)
            stated = Message(
                role="assistant", parts=(TextPart(answer.text), *answer.tool_calls, *answer.provider_parts)
            )
            result = Message(role="tool", parts=(ToolResult(call_id=answer.tool_calls[0].id, content="3"),))
            messages = (*request.messages, stated, result, *request.messages)
            assert (await backend.generate_text(evolve(request, messages=messages))).text == "Hello."
            assert server.bodies()[1]["messages"][1]["content"] == content

    asyncio.run(main())


def test_the_models_of_the_key_are_listed() -> None:
    """Their ids, from the provider's list."""

    async def main() -> None:
        async with MistralServer() as server, opened(config(server.url)) as backend:
            assert await backend.list_models() == MODELS
            server.queue(Reply.json({"data": "none"}))
            with pytest.raises(CallError, match="lists no models"):
                await backend.list_models()

    asyncio.run(main())


@pytest.mark.parametrize("end", ["", "/", "/v1", "/v1/"])
def test_an_endpoint_may_end_in_v1(end: str) -> None:
    """The address is taken as Mistral's documentation writes it, and as its SDK wants it."""

    async def main() -> None:
        async with MistralServer() as server, opened(config(server.url + end)) as backend:
            await backend.generate_text(requested())
            assert server.received[0].path == "/v1/chat/completions"

    asyncio.run(main())


def test_the_query_of_an_endpoint_goes_with_every_request() -> None:
    """It stays behind the path."""

    async def main() -> None:
        async with MistralServer() as server, opened(config(server.url + "/v1?team=a%20b#top")) as backend:
            await backend.generate_text(requested())
            [_ async for _ in backend.stream_text(requested())]
            await backend.list_models()
            paths = [(got.path, got.query) for got in server.received]
            query = {"team": "a b"}
            assert paths == [("/v1/chat/completions", query), ("/v1/chat/completions", query), ("/v1/models", query)]

    asyncio.run(main())


def test_without_an_endpoint_it_is_mistrals_own() -> None:
    """The SDK's own address stands, and is https."""

    async def main() -> None:
        async with opened(config(None)) as backend:
            assert backend._client._url == "https://api.mistral.ai"

    asyncio.run(main())


@pytest.mark.parametrize("provided", [None, "other-key-of-the-config"])
def test_only_the_configs_key_is_sent(provided: str | None, monkeypatch: pytest.MonkeyPatch) -> None:
    """No key means none: one that lies in the environment is not sent to this endpoint."""
    monkeypatch.setenv("MISTRAL_API_KEY", KEY)

    async def main() -> None:
        async with MistralServer() as server, opened(config(server.url, provided)) as backend:
            with pytest.raises(AuthenticationError):
                await backend.generate_text(requested())
            with pytest.raises(AuthenticationError):
                await backend._client.delete("file")
            sent = [received.headers.get("authorization") for received in server.received]
            assert sent == [provided and f"Bearer {provided}"] * 2

    asyncio.run(main())


def test_the_shared_pool_outlives_a_backend() -> None:
    """Closing a backend leaves the pool to the others, and the SDK does not touch it."""

    async def main() -> None:
        async with MistralServer() as server, opened(config(server.url)) as one:
            async with opened(config(server.url)) as other:
                pool = one._client._http._pool
                other._opened = None
                await other.open(type("Same", (), {"http": lambda _: pool})())
                await other.generate_text(requested())
            assert not pool.is_closed
            assert (await one.generate_text(requested())).text == "Hello."

    asyncio.run(main())


def test_a_closed_backend_says_so() -> None:
    """A call after `close` is a fault of the caller's, with the backend's name."""

    async def main() -> None:
        async with MistralServer() as server, opened(config(server.url)) as backend:
            await backend.close()
            with pytest.raises(PluginError, match="'mistral' is not open"):
                await backend.generate_text(requested())

    asyncio.run(main())


@pytest.mark.parametrize("streaming", [False, True])
def test_a_deprecated_model_still_answers(streaming: bool, caplog: pytest.LogCaptureFixture) -> None:
    """Mistral's header for such a model, which breaks the SDK's streams, becomes one warning in the log."""
    headers = {**HEADERS, "x-model-deprecation-timestamp": "2026-12-01"}
    plain = Reply.json(message("Hi."), headers=headers)
    events = Reply.sse(chunk("Hi.", finish_reason="stop"), "[DONE]", headers=headers)

    async def main() -> None:
        async with MistralServer() as server, opened(config(server.url)) as backend:
            for _ in range(2):
                server.queue(events if streaming else plain)
                answer = (
                    (await streamed(backend, requested()))[1] if streaming else await backend.generate_text(requested())
                )
                assert answer.text == "Hi."

    with caplog.at_level(logging.WARNING):
        asyncio.run(main())
    assert caplog.messages == ["Mistral removes the model mistral-small-latest on 2026-12-01"]


def test_one_backend_has_every_capability() -> None:
    """Its class says what it can do."""
    backend = pipelex_backends()["mistral"](config(None))
    for capability in (TextGenerator, TextStreamer, ObjectGenerator, DocumentExtractor, ModelLister):
        assert isinstance(backend, capability)


def test_registering_imports_no_sdk() -> None:
    """Both hooks answer without the SDK and its transport."""
    code = (
        "import sys; import pipelex_backend_mistral as p; p.pipelex_backends(); p.pipelex_model_specs();"
        "print([name for name in ('mistralai', 'httpx2', 'pydantic') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_the_shipped_models_are_well_formed() -> None:
    """Each has known inputs and outputs, a price of its kind, and options that the backend declares."""
    text = pipelex_model_specs()["mistral"].read_text(encoding="utf-8")
    tables = tomllib.loads(text)
    assert tables.pop("backend")["api_key"] == "${MISTRAL_API_KEY}"
    defaults = tables.pop("defaults")
    declared = {option.name: option.choices for option in pipelex_backends()["mistral"].model_options}
    kinds = {
        "llm": ({"text", "structured"}, {"input"}),
        "text_extractor": ({"pages"}, {"page", "input"}),
        "embedding": ({"vectors"}, {"input"}),
        "transcriber": ({"text"}, {"minute", "input"}),
        "speaker": ({"audio"}, {"character", "input"}),
        "moderator": ({"scores"}, {"input"}),
    }
    for name, table in tables.items():
        model = defaults | table
        assert model["sdk"] == "mistral", name
        assert set(model["inputs"]) <= {"text", "images", "pdf", "audio"}, name
        outputs, price = kinds[model["model_type"]]
        assert set(model["outputs"]) <= outputs, name
        costs = model.get("costs")
        assert costs is None or price & costs.keys(), name
        if costs is not None and model["model_type"] == "llm":
            assert {"input", "output"} <= costs.keys(), name
            assert costs.get("input_cached", 0) < costs["input"] or costs["input"] == 0, name
        for option, choices in declared.items():
            assert option not in model or not choices or model[option] in choices, name
