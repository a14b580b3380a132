"""The backend as a whole: a text, its usage, the key, the address, the API version, the list of models."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from typing import Any

import attrs
import pytest

from pipelex_backend_anthropic import pipelex_backends, pipelex_model_specs
from pipelex_core.backend import ModelLister, ObjectGenerator, TextGenerator, TextStreamer
from pipelex_core.errors import AuthenticationError, InvalidAnswerError
from pipelex_core.execution.resources import LoopResources
from pipelex_core.results import FinishReason, Usage
from pipelex_testing.running import until
from tests.servers.anthropic import (
    ANSWER,
    KEY,
    REQUEST_ID,
    AnthropicServer,
    config,
    message,
    opened,
    replied,
    requested,
    spec,
    text,
)
from tests.servers.base import Received, Reply


def test_a_prompt_is_answered() -> None:
    """A prompt goes out as one user message, and its answer comes back with reason, usage, id and the raw message."""

    async def main() -> None:
        async with AnthropicServer() as server, opened(config(server.url)) as backend:
            answer = await backend.generate_text(requested(system="Be brief."))
            assert (answer.text, answer.finish_reason, answer.request_id) == (ANSWER, "stop", REQUEST_ID)
            assert answer.usage == Usage(input_tokens=10, output_tokens=5)
            assert answer.raw["id"] == "msg_01"
            assert server.bodies == [
                {
                    "model": "claude-test",
                    "max_tokens": 32000,
                    "system": "Be brief.",
                    "messages": [
                        {"role": "user", "content": [{"type": "text", "text": "What is the capital of France?"}]}
                    ],
                }
            ]

    asyncio.run(main())


@pytest.mark.parametrize(
    "reason, ours",
    [
        ("end_turn", "stop"),
        ("stop_sequence", "stop"),
        ("max_tokens", "length"),
        ("model_context_window_exceeded", "length"),
        ("tool_use", "tool_calls"),
        ("refusal", "content_filter"),
        ("a_reason_of_tomorrow", "other"),
    ],
)
def test_stop_reasons(reason: str, ours: FinishReason) -> None:
    """Each stop reason of the API is one of ours, and one that is new is `other`."""

    async def main() -> None:
        async with AnthropicServer() as server, opened(config(server.url)) as backend:
            server.queue(replied(message(text("…"), stop_reason=reason)))
            assert (await backend.generate_text(requested())).finish_reason == ours

    asyncio.run(main())


def test_usage_counts_cached_and_reasoning_tokens_in() -> None:
    """Input is the fresh, read and written tokens together; thinking is a share of the output already."""

    async def main() -> None:
        async with AnthropicServer() as server, opened(config(server.url)) as backend:
            server.queue(
                replied(
                    message(
                        text("…"),
                        input_tokens=3,
                        cache_read_input_tokens=1000,
                        cache_creation_input_tokens=20,
                        output_tokens=50,
                        output_tokens_details={"thinking_tokens": 30},
                    )
                )
            )
            assert (await backend.generate_text(requested())).usage == Usage(
                input_tokens=1023, output_tokens=50, cached_tokens=1000, cache_write_tokens=20, reasoning_tokens=30
            )

    asyncio.run(main())


def test_the_key_goes_in_both_headers() -> None:
    """`x-api-key` is the API's own header and `Authorization` the SDK's: a gateway that reads either finds the key."""

    async def main() -> None:
        async with AnthropicServer() as server, opened(config(server.url)) as backend:
            await backend.generate_text(requested())
            headers = server.received[0].headers
            assert (headers["x-api-key"], headers["authorization"]) == (KEY, f"Bearer {KEY}")

    asyncio.run(main())


def test_the_environment_is_not_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither key, token, address nor headers of the environment reach a request beside the configured ones."""
    monkeypatch.setenv("ANTHROPIC_API_KEY", "other-key")
    monkeypatch.setenv("ANTHROPIC_AUTH_TOKEN", "other-token")
    monkeypatch.setenv("ANTHROPIC_BASE_URL", "http://127.0.0.1:9")
    monkeypatch.setenv("ANTHROPIC_CUSTOM_HEADERS", "X-Api-Key: other-key\nauthorization: Bearer other-token")

    async def main() -> None:
        async with AnthropicServer() as server, opened(config(server.url)) as backend:
            await backend.generate_text(requested())
            headers = server.received[0].headers
            assert (headers["x-api-key"], headers["authorization"]) == (KEY, f"Bearer {KEY}")

    asyncio.run(main())


def test_a_gateway_may_need_no_key(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a key, an endpoint is called without credentials, whatever the environment holds."""
    monkeypatch.setenv("ANTHROPIC_API_KEY", "other-key")

    async def main() -> None:
        async with AnthropicServer() as server, opened(config(server.url, key=None)) as backend:
            server.queue(replied(message(text("Hi."))))
            assert (await backend.generate_text(requested())).text == "Hi."
            assert not {"x-api-key", "authorization"} & server.received[0].headers.keys()

    asyncio.run(main())


def test_anthropic_itself_needs_a_key() -> None:
    """Without a key and without an endpoint nothing is sent."""

    async def main() -> None:
        with pytest.raises(AuthenticationError, match="api_key"):
            async with opened(config(None, key=None)):
                pass

    asyncio.run(main())


@pytest.mark.parametrize("suffix", ["", "/", "/v1", "/v1/"])
def test_an_endpoint_may_end_with_v1(suffix: str) -> None:
    """The API's paths begin with /v1; an endpoint that has it too means the same."""

    async def main() -> None:
        async with AnthropicServer() as server, opened(config(server.url + suffix)) as backend:
            await backend.generate_text(requested())
            assert server.received[0].path == "/v1/messages"

    asyncio.run(main())


def test_the_query_of_an_endpoint_goes_with_every_request() -> None:
    """It stays behind the path, beside what a request has of its own."""

    async def main() -> None:
        async with AnthropicServer() as server, opened(config(f"{server.url}/v1/?team=a%20b#top")) as backend:
            await backend.generate_text(requested())
            [_ async for _ in backend.stream_text(requested())]
            server.queue(Reply.json({"data": [{"id": "claude"}], "has_more": False}))
            await backend.list_models()
            first, second, third = server.received
            assert (first.path, first.query) == (second.path, second.query) == ("/v1/messages", {"team": "a b"})
            assert (third.path, third.query) == ("/v1/models", {"team": "a b", "limit": "1000"})

    asyncio.run(main())


def test_an_endpoint_keeps_its_path() -> None:
    """A gateway's own path stays before the API's."""

    async def main() -> None:
        async with AnthropicServer() as server, opened(config(f"{server.url}/team/anthropic/")) as backend:
            server.queue(replied(message(text("Hi."))))
            await backend.generate_text(requested())
            assert server.received[0].path == "/team/anthropic/v1/messages"

    asyncio.run(main())


@pytest.mark.parametrize(
    "options, settings, version",
    [
        ({}, {}, "2026-10-21"),
        ({}, {"temperature": 0.2}, "2023-06-01"),
        ({}, {"top_p": 0.9}, "2023-06-01"),
        ({"anthropic_version": "2023-06-01"}, {}, "2023-06-01"),
        ({"anthropic_version": "2026-10-21"}, {"temperature": 0.2}, "2026-10-21"),
    ],
)
def test_the_api_version_fits_the_settings(options: dict[str, Any], settings: dict[str, Any], version: str) -> None:
    """Sampling settings go with the last version that takes them, all else with the SDK's own; an option fixes it."""

    async def main() -> None:
        async with AnthropicServer() as server, opened(config(server.url, **options)) as backend:
            server.queue(replied(message(text("Hi."))))
            await backend.generate_text(requested(**settings))
            assert server.received[0].headers["anthropic-version"] == version
            assert {name: server.bodies[0][name] for name in settings} == settings

    asyncio.run(main())


@pytest.mark.parametrize("max_tokens", [100, 64000])
def test_long_answers_need_no_stream(max_tokens: int) -> None:
    """The SDK's own call refuses many tokens without a stream; this path does not."""

    async def main() -> None:
        async with AnthropicServer() as server, opened(config(server.url)) as backend:
            assert (await backend.generate_text(requested(max_tokens=max_tokens))).text == ANSWER
            assert server.bodies[0]["max_tokens"] == max_tokens

    asyncio.run(main())


def test_nothing_is_retried() -> None:
    """One call is one request, whatever it is answered with."""

    async def main() -> None:
        async with AnthropicServer() as server, opened(config(server.url)) as backend:
            server.queue(*[Reply.json({}, status=500)] * 3)
            with pytest.raises(Exception, match="500"):
                await backend.generate_text(requested())
            assert len(server.received) == 1

    asyncio.run(main())


def test_closing_the_backend_leaves_the_pool() -> None:
    """The pool is core's: it serves others after a backend is closed, and one connection serves them all."""

    async def main() -> None:
        resources = LoopResources()
        async with AnthropicServer() as server:
            for _ in range(2):
                backend = pipelex_backends()["anthropic"](config(server.url))
                await backend.open(resources)
                assert (await backend.generate_text(requested())).text == ANSWER
                await backend.close()
            assert server.connections == 1
            await resources.close()

    asyncio.run(main())


def test_cancelling_a_call_leaves_no_request_behind() -> None:
    """A caller who gives up closes the connection, so that the server stops."""

    async def main() -> None:
        async with AnthropicServer() as server, opened(config(server.url)) as backend:
            server.queue(Reply(fault="hang"))
            call = asyncio.create_task(backend.generate_text(requested()))
            await until(lambda: server.received)
            call.cancel()
            with pytest.raises(asyncio.CancelledError):
                await call
            await until(lambda: server.abandoned)

    asyncio.run(main())


class ModelsServer(AnthropicServer):
    """Lists five models, two a page."""

    async def answer(self, request: Received) -> Reply:
        assert (request.method, request.path) == ("GET", "/v1/models")
        names = [f"claude-{number}" for number in range(5)]
        start = names.index(request.query["after_id"]) + 1 if "after_id" in request.query else 0
        page = names[start : start + 2]
        return Reply.json(
            {"data": [{"id": name} for name in page], "has_more": start + 2 < len(names), "last_id": page[-1]}
        )


def test_models_are_listed_page_after_page() -> None:
    """Every page of the list is asked for."""

    async def main() -> None:
        async with ModelsServer() as server, opened(config(server.url)) as backend:
            assert await backend.list_models() == ("claude-0", "claude-1", "claude-2", "claude-3", "claude-4")
            assert len(server.received) == 3

    asyncio.run(main())


@pytest.mark.parametrize("page", [{}, [], {"data": [{"name": "claude"}]}, {"data": None}])
def test_a_list_of_models_that_is_none(page: Any) -> None:
    """An answer of another form is an error, not an empty list."""

    async def main() -> None:
        async with AnthropicServer() as server, opened(config(server.url)) as backend:
            server.queue(Reply.json(page))
            with pytest.raises(InvalidAnswerError):
                await backend.list_models()

    asyncio.run(main())


def test_what_the_backend_can_do() -> None:
    """The class header is the table of capabilities."""
    backend = pipelex_backends()["anthropic"](config(None))
    assert isinstance(backend, TextGenerator)
    assert isinstance(backend, TextStreamer)
    assert isinstance(backend, ObjectGenerator)
    assert isinstance(backend, ModelLister)


def test_the_plugin_imports_no_sdk_until_a_backend_is_made() -> None:
    """Neither for its models nor for its options; core makes backends in a thread, where 3,233 modules hold up nobody."""
    script = (
        "import sys\n"
        "from pipelex_backend_anthropic import pipelex_backends, pipelex_model_specs\n"
        "from pipelex_core.specs import BackendConfig\n"
        "pipelex_model_specs()['anthropic'].read_bytes()\n"
        "factory = pipelex_backends()['anthropic']\n"
        "assert not {'anthropic', 'httpx2', 'pydantic'} & sys.modules.keys(), sorted(sys.modules)\n"
        "factory(BackendConfig(name='anthropic'))\n"
        "assert 'anthropic' in sys.modules\n"
    )
    subprocess.run([sys.executable, "-c", script], check=True)


def test_the_declared_options_are_the_ones_that_are_read() -> None:
    """An option that is declared does something, so each is set in a test here; this list says which there are."""
    factory = pipelex_backends()["anthropic"]
    assert {option.name for option in factory.options} == {
        "anthropic_version",
        "claude_4_tokens_limit",
        "prompt_caching",
    }
    assert {option.name for option in factory.model_options} == {
        "prefill",
        "effort_levels",
        "forced_tools",
        "prompt_caching",
        "structured_output",
        "thinking",
        "thinking_off",
    }
    assert list(pipelex_model_specs()) == ["anthropic"]


def test_a_refusal_is_no_empty_answer() -> None:
    """Where the provider withholds the answer, its reason says so."""

    async def main() -> None:
        async with AnthropicServer() as server, opened(config(server.url)) as backend:
            server.queue(replied(message(stop_reason="refusal")))
            answer = await backend.generate_text(requested())
            assert (answer.text, answer.finish_reason) == ("", "content_filter")

    asyncio.run(main())


def test_the_model_id_is_sent_as_it_stands() -> None:
    """The provider hears the spec's `model_id`, not its name."""

    async def main() -> None:
        async with AnthropicServer() as server, opened(config(server.url)) as backend:
            request = attrs.evolve(requested(), spec=spec(name="ours", model_id="claude-theirs"))
            await backend.generate_text(request)
            assert server.bodies[0]["model"] == "claude-theirs"

    asyncio.run(main())
