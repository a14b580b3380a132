"""Spans: what they are called, what they say, and whose children they are."""

from __future__ import annotations

import asyncio
import threading
from typing import Any

import pytest
from attrs import evolve
from opentelemetry import trace
from opentelemetry.trace import SpanKind, StatusCode

from pipelex_core import AsyncClient, BadRequestError, Client, RateLimitError, ServerError
from pipelex_core.calls import Call
from pipelex_core.capabilities.text import TEXT
from pipelex_core.hookspecs import hookimpl
from pipelex_core.requests import TextRequest
from pipelex_core.results import TextAnswer, Usage
from pipelex_core.specs import BackendConfig
from pipelex_middleware_opentelemetry._attributes import operation_name, provider_name
from tests.plugins import opentelemetry_conventions as conventions
from tests.plugins.opentelemetry_traces import DONE, Traces, ask, number_of, parent_of, stated
from tests.support.scripted import OCR, PAINTER, PNG, Script, ScriptedBackend, deck_of, spec


def test_a_call_is_a_span_around_those_of_its_attempts() -> None:
    """Named after what was asked for, with how it ended; nothing of the conventions' is in it, to be counted twice."""
    traces = Traces()
    ask(traces, traces.plugins())
    attempt, call = traces.spans
    assert call.name == "generate_text m"
    assert (call.kind, call.parent, call.status.status_code) == (SpanKind.INTERNAL, None, StatusCode.UNSET)
    assert parent_of(attempt) == number_of(call)
    assert stated(call) == {
        "pipelex.operation": "generate_text",
        "pipelex.handle": "m",
        "pipelex.outcome": "ok",
        "pipelex.attempts": 1,
        "pipelex.model": "m",
        "pipelex.backend": "scripted",
        "pipelex.cost.amount": 0.00022,
        "pipelex.cost.currency": "USD",
    }
    scope = attempt.instrumentation_scope
    assert scope is not None
    assert scope.schema_url == "https://opentelemetry.io/schemas/1.41.1"


def test_an_attempt_says_what_the_conventions_want() -> None:
    """Operation, provider, model, settings, tokens with their parts, finish reason, id; prices are ours."""
    raw = {"id": "chatcmpl-1", "model": "gpt-4o-mini-2024-07-18"}
    usage = Usage(input_tokens=100, output_tokens=10, cached_tokens=40, cache_write_tokens=5, reasoning_tokens=2)
    answer = TextAnswer(text="Rhine", finish_reason="stop", usage=usage, raw=raw)
    traces = Traces()
    settings = {"temperature": 0.5, "max_tokens": 20, "top_p": 1, "seed": 3, "stop": ["."]}
    ask(traces, traces.plugins(Script(answers=[answer])), **settings)
    (attempt,) = traces.attempts()
    assert (attempt.name, attempt.kind) == ("chat id-of-m", SpanKind.CLIENT)
    assert stated(attempt) == {
        "gen_ai.operation.name": "chat",
        "gen_ai.provider.name": "scripted",
        "gen_ai.request.model": "id-of-m",
        "gen_ai.output.type": "text",
        "gen_ai.request.temperature": 0.5,
        "gen_ai.request.max_tokens": 20,
        "gen_ai.request.top_p": 1.0,
        "gen_ai.request.seed": 3,
        "gen_ai.request.stop_sequences": (".",),
        "gen_ai.response.finish_reasons": ("stop",),
        "gen_ai.response.id": "chatcmpl-1",
        "gen_ai.response.model": "gpt-4o-mini-2024-07-18",
        "gen_ai.usage.input_tokens": 100,
        "gen_ai.usage.output_tokens": 10,
        "gen_ai.usage.cache_read.input_tokens": 40,
        "gen_ai.usage.cache_creation.input_tokens": 5,
        "gen_ai.usage.reasoning.output_tokens": 2,
        "pipelex.handle": "m",
        "pipelex.model": "m",
        "pipelex.backend": "scripted",
        "pipelex.attempt": 1,
        "pipelex.cost.amount": 0.00022,
        "pipelex.cost.currency": "USD",
    }


@pytest.mark.parametrize("captures", [False, True])
def test_every_attribute_has_its_name_and_type(captures: bool) -> None:
    """Of every operation, well and badly ended, with content and without: as the table of the conventions says."""
    traces = Traces(capture_content=captures)
    failing = Script(answers=[RateLimitError("slow down", status=429)])

    async def main() -> None:
        deck = deck_of(spec("m"), spec("other", sdk="scripted1"), OCR, PAINTER, aliases={"chain": ["other", "m"]})
        async with AsyncClient(deck, traces.plugins(Script(), failing)) as client:
            settings: Any = {"temperature": 1, "max_tokens": 5, "stop": ["x"], "seed": 1}
            tool = {"name": "look", "description": "Looks.", "parameters": {"type": "object", "properties": {}}}
            await client.generate_text("Hi", model="chain", system="Be brief.", images=[PNG], tools=[tool], **settings)
            await client.extract(PNG, model="ocr")
            await client.generate_image("A lighthouse", model="painter", number=2, seed=9)
        traces.provider.force_flush()
        async with AsyncClient(deck, traces.plugins(Script(answers=['{"river": "Po"}']), failing)) as client:
            await client.generate_object("Hi", {"type": "object"}, model="m")
        async with AsyncClient(deck, traces.plugins(Script(answers=["a", "b", DONE]), failing)) as client:
            async with client.stream_text("Hi", model="m") as stream:
                assert [delta async for delta in stream] == ["a", "b"]

    asyncio.run(main())
    assert [breach for span in traces.spans for breach in conventions.breaches(stated(span))] == []
    assert [span.name for span in traces.attempts()] == [
        "chat id-of-other",
        "chat id-of-m",
        "extract id-of-ocr",
        "generate_content id-of-painter",
        "chat id-of-m",
        "chat id-of-m",
    ]
    for span in traces.attempts():
        assert all(name in stated(span) for name in conventions.REQUIRED)
        assert span.name == f"{stated(span)['gen_ai.operation.name']} {stated(span)['gen_ai.request.model']}"
        assert ("gen_ai.input.messages" in stated(span)) == captures
    by_type = [stated(span)["gen_ai.output.type"] for span in traces.attempts()]
    assert by_type == ["text", "text", "text", "image", "json", "text"]
    assert stated(traces.attempts()[3])["gen_ai.request.choice.count"] == 2
    assert stated(traces.attempts()[5])["gen_ai.request.stream"] is True


def test_attempts_of_a_chain_are_told_one_by_one() -> None:
    """Each with its number, its model and its error; the call tells who answered, and what all of it cost."""
    traces = Traces()
    scripts = Script(answers=[ServerError("down", status=500)]), Script()
    ask(traces, traces.plugins(*scripts), spec("m"), spec("other", sdk="scripted1"), model="chain")
    first, second, call = traces.spans
    assert [parent_of(span) for span in (first, second)] == [number_of(call)] * 2
    assert [stated(span)["pipelex.attempt"] for span in (first, second)] == [1, 2]
    assert (stated(first)["error.type"], stated(first)["http.response.status_code"]) == ("ServerError", 500)
    assert (first.status.status_code, first.status.description) == (StatusCode.ERROR, None)
    assert "error.type" not in stated(second)
    assert (stated(call)["pipelex.model"], stated(call)["pipelex.attempts"]) == ("other", 2)
    assert stated(call)["pipelex.cost.amount"] == stated(second)["pipelex.cost.amount"]


def test_retries_are_attempts_too() -> None:
    """One span each, all of them children of the call's, which lasts from the first to the last."""
    traces = Traces()
    ask(traces, traces.plugins(Script(answers=[ServerError("down", status=500), "Rhine"])))
    first, second, call = traces.spans
    assert [stated(span)["pipelex.attempt"] for span in (first, second)] == [1, 2]
    assert [parent_of(span) for span in (first, second)] == [number_of(call)] * 2
    assert (stated(call)["pipelex.outcome"], stated(call)["pipelex.attempts"]) == ("ok", 2)
    assert (call.start_time or 0) <= (first.start_time or 0) < (second.end_time or 0) <= (call.end_time or 0)


def test_a_call_that_fails_is_an_error_in_both_spans() -> None:
    """By the names of their errors' classes; a call that asked nobody has a span too."""
    traces = Traces()
    with pytest.raises(BadRequestError):
        ask(traces, traces.plugins(Script(answers=[BadRequestError("no", status=400)])))
    for span in traces.spans:
        assert (stated(span)["error.type"], span.status.status_code) == ("BadRequestError", StatusCode.ERROR)
    assert stated(traces.calls()[0])["pipelex.outcome"] == "error"
    traces.exporter.clear()
    text_only = spec("m", inputs=frozenset({"text"}))
    with pytest.raises(Exception, match="images"):
        ask(traces, traces.plugins(), text_only, images=[PNG])
    (call,) = traces.spans
    assert (stated(call)["error.type"], stated(call)["pipelex.attempts"]) == ("UnsupportedInputError", 0)
    assert call.start_time is not None
    assert call.end_time is not None
    assert call.start_time <= call.end_time


def test_a_deadline_and_a_cancellation_end_both_spans() -> None:
    """The attempt was cancelled; the call ran out of time, or was given up."""
    traces = Traces()
    with pytest.raises(Exception, match="deadline"):
        ask(traces, traces.plugins(Script(answers=[30.0, "late"])), deadline=0.5)
    attempt, call = traces.spans
    assert (stated(attempt)["error.type"], stated(call)["error.type"]) == ("CancelledError", "DeadlineExceededError")
    traces.exporter.clear()

    async def main() -> None:
        async with AsyncClient(deck_of(spec("m")), traces.plugins(Script(answers=[30.0, "late"]))) as client:
            task = asyncio.create_task(client.generate_text("Hi", model="m"))
            await asyncio.sleep(0.5)
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task

    asyncio.run(main())
    attempt, call = traces.spans
    assert stated(attempt)["error.type"] == "CancelledError"
    assert (stated(call)["pipelex.outcome"], call.status.status_code) == ("cancelled", StatusCode.UNSET)


class Looking(ScriptedBackend):
    """Looks at the span it runs in, as an instrumented HTTP library would."""

    seen: list[int]

    async def generate_text(self, request: Any) -> TextAnswer:
        Looking.seen.append(trace.get_current_span().get_span_context().span_id)
        return await super().generate_text(request)

    async def stream_text(self, request: Any) -> Any:
        async for event in super().stream_text(request):
            Looking.seen.append(trace.get_current_span().get_span_context().span_id)
            yield event


def test_the_plugin_runs_inside_the_span_of_its_attempt() -> None:
    """What an instrumented HTTP library does there belongs to it; also piece by piece of a stream."""
    traces = Traces()
    Looking.seen = []

    async def main() -> None:
        async with AsyncClient(
            deck_of(spec("m")), traces.plugins(Script(answers=["text", "a", DONE]), kind=Looking)
        ) as client:
            await client.generate_text("Hi", model="m")
            outside = []
            async with client.stream_text("Hi", model="m") as stream:
                async for _ in stream:
                    outside.append(trace.get_current_span().get_span_context().span_id)
            assert outside == [0], "the reader of a stream is never inside its span"

    asyncio.run(main())
    first, second = (number_of(span) for span in traces.attempts())
    assert Looking.seen == [first, second, second]


@pytest.mark.parametrize("streams", [False, True])
@pytest.mark.parametrize("kind", ["async", "sync"])
def test_a_call_belongs_to_the_span_around_it(kind: str, streams: bool) -> None:
    """In a loop, and in two threads at once across the thread of a synchronous client."""
    traces = Traces()
    script = Script(answers=["a", DONE, "b", DONE] if streams else ["text"])
    deck = deck_of(spec("m"))

    async def in_loop(client: AsyncClient) -> None:
        with traces.tracer.start_as_current_span("mine"):
            if streams:
                async with client.stream_text("Hi", model="m") as stream:
                    assert len([delta async for delta in stream]) == 1
            else:
                await client.generate_text("Hi", model="m")

    def in_thread(client: Client, turn: threading.Lock) -> None:
        with traces.tracer.start_as_current_span("mine"), turn:
            if streams:
                with client.stream_text("Hi", model="m") as stream:
                    assert len(list(stream)) == 1
            else:
                client.generate_text("Hi", model="m")

    async def main() -> None:
        async with AsyncClient(deck, traces.plugins(script)) as client:
            await in_loop(client)
            await in_loop(client)

    if kind == "async":
        asyncio.run(main())
    else:
        turn = threading.Lock()
        with Client(deck, traces.plugins(script)) as client:
            threads = [threading.Thread(target=in_thread, args=(client, turn)) for _ in range(2)]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
    mine = [number_of(span) for span in traces.spans if span.name == "mine"]
    assert sorted(parent_of(call) or 0 for call in traces.calls()) == sorted(mine)
    assert len(mine) == 2
    assert {parent_of(attempt) for attempt in traces.attempts()} == {number_of(call) for call in traces.calls()}


@pytest.mark.parametrize("kind", ["async", "sync"])
@pytest.mark.parametrize("terms", [{}, {"deadline": 60}, {"idle_timeout": 60}])
def test_a_stream_that_is_left_ends_its_spans(kind: str, terms: dict[str, Any]) -> None:
    """Without an error, also while its next piece is awaited: the caller had enough. Nothing is kept of it."""
    traces = Traces()
    script = Script(answers=["a", 20.0, "c"])

    async def main() -> None:
        async with AsyncClient(deck_of(spec("m")), traces.plugins(script)) as client:
            async with client.stream_text("Hi", model="m", **terms) as stream:
                async for _ in stream:
                    break

    if kind == "async":
        asyncio.run(main())
    else:
        with Client(deck_of(spec("m")), traces.plugins(script)) as client:
            with client.stream_text("Hi", model="m", **terms) as stream:
                next(stream)
    assert script.abandoned == 1
    attempt, call = traces.spans
    assert stated(attempt)["pipelex.outcome"] == "left"
    assert stated(attempt)["gen_ai.response.time_to_first_chunk"] > 0
    assert stated(call)["pipelex.outcome"] == "cancelled"
    assert {span.status.status_code for span in traces.spans} == {StatusCode.UNSET}
    recorder = traces.telemetry._recorder
    assert recorder is not None
    assert recorder._calls == {}


def test_a_stream_that_breaks_is_an_error() -> None:
    """With the class of the error, after the pieces that came."""
    traces = Traces()

    async def main() -> None:
        script = Script(answers=["a", BadRequestError("no", status=400)])
        async with AsyncClient(deck_of(spec("m")), traces.plugins(script)) as client:
            with pytest.raises(BadRequestError):
                async with client.stream_text("Hi", model="m") as stream:
                    async for _ in stream:
                        pass

    asyncio.run(main())
    assert [stated(span)["error.type"] for span in traces.spans] == ["BadRequestError", "BadRequestError"]


@pytest.mark.parametrize("stands", ["outside", "inside"])
def test_an_answer_out_of_a_cache_counts_nothing(stands: str) -> None:
    """Nobody was asked: no attempt where the cache stands outside, one without tokens where it stands inside."""
    traces = Traces()

    class Cache:
        __name__ = "cache"

        @hookimpl
        def pipelex_middleware(self) -> Any:
            async def give(call: Any, proceed: Any) -> Any:
                return evolve(DONE, cache="hit")

            return [give]

    ask(traces, traces.plugins(before=[Cache()]) if stands == "outside" else traces.plugins(after=[Cache()]))
    *attempts, call = traces.spans
    assert (stated(call)["pipelex.cache"], stated(call)["pipelex.cost.amount"]) == ("hit", 0.0)
    assert len(attempts) == (stands == "inside")
    for attempt in attempts:
        assert stated(attempt)["pipelex.cache"] == "hit"
        assert not any(name.startswith(("gen_ai.usage", "pipelex.cost")) for name in stated(attempt))


def test_a_plugin_that_breaks_its_contract_is_told_as_without_telemetry() -> None:
    """Core's own error reaches the caller."""
    traces = Traces()
    with pytest.raises(Exception, match="ended with int where an answer was due"):
        ask(traces, traces.plugins(Script(answers=[7])))
    assert stated(traces.attempts()[0])["error.type"] == "PluginError"


def test_many_calls_at_once_are_not_mixed_up() -> None:
    """Each attempt is a child of its own call."""
    traces = Traces()

    async def main() -> None:
        async with AsyncClient(deck_of(spec("m")), traces.plugins(Script(answers=[0.01, "text"] * 2))) as client:
            await asyncio.gather(*(client.generate_text("Hi", model="m") for _ in range(50)))

    asyncio.run(main())
    assert sorted(number_of(call) for call in traces.calls()) == sorted(
        parent_of(attempt) or 0 for attempt in traces.attempts()
    )
    assert len(traces.calls()) == 50


def test_the_server_is_the_configured_endpoint() -> None:
    """Host and port; nothing else of an address, which may hold a password."""
    traces = Traces()
    deck = deck_of(spec("m"))
    addresses = {
        "http://user:secret@gateway.example:8080/v1?key=secret": ("gateway.example", 8080),
        "https://gateway.example/v1": ("gateway.example", 443),
        "http://127.0.0.1": ("127.0.0.1", 80),
    }

    async def main(endpoint: str) -> None:
        deck.backends["scripted"] = BackendConfig(name="scripted", endpoint=endpoint)  # type: ignore[index]  # by hand
        async with AsyncClient(deck, traces.plugins()) as client:
            await client.generate_text("Hi", model="m")

    for endpoint, (host, port) in addresses.items():
        asyncio.run(main(endpoint))
        reported = stated(traces.attempts()[-1])
        assert (reported["server.address"], reported["server.port"]) == (host, port)
        assert "secret" not in str([stated(span) for span in traces.spans])


@pytest.mark.parametrize(
    ("backend", "sdk", "provider", "operation"),
    [
        ("openai", "openai_responses", "openai", "chat"),
        ("azure_openai", "azure_openai", "azure.ai.openai", "chat"),
        ("anthropic", "anthropic", "anthropic", "chat"),
        ("bedrock", "bedrock_aioboto3", "aws.bedrock", "chat"),
        ("mistral", "mistral", "mistral_ai", "chat"),
        ("google", "google", "gcp.gemini", "generate_content"),
        ("vertexai", "openai", "gcp.vertex_ai", "generate_content"),
        ("xai", "openai", "x_ai", "chat"),
        ("groq", "openai", "groq", "chat"),
        ("eu_claude", "anthropic", "anthropic", "chat"),
        ("acme_gateway", "openai", "acme_gateway", "chat"),
    ],
)
def test_providers_and_operations_have_the_conventions_names(
    backend: str, sdk: str, provider: str, operation: str
) -> None:
    """Where the conventions know them; a backend of one's own keeps its name."""
    made = spec("m", backend=backend, sdk=sdk)
    assert provider_name(made) == provider
    assert provider in conventions.PROVIDERS or provider == backend
    request = TextRequest(spec=made, messages=())
    call = Call(operation="generate_text", capability="llm", handle="m", request=request, kind=TEXT)
    assert operation_name(call, provider) == operation
    assert operation in conventions.OPERATIONS
