"""ConverseStream: binary events, decoded by botocore, as deltas and an answer."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING, Any

import pytest

from pipelex_core.errors import (
    BadRequestError,
    CallError,
    InvalidAnswerError,
    OverloadedError,
    ProviderConnectionError,
    RateLimitError,
    ServerError,
    UnsupportedInputError,
)
from pipelex_core.parts import ProviderPart, ToolCall
from pipelex_core.results import TextAnswer, Usage
from pipelex_testing.running import until
from tests.servers import bedrock
from tests.servers.base import Reply
from tests.servers.bedrock import (
    MODEL_ID,
    REQUEST_ID,
    end_events,
    event,
    exception_event,
    failure,
    frame,
    next_delta,
    read,
    request,
    served,
    stream,
    text_events,
)

if TYPE_CHECKING:
    from pipelex_core.requests import TextRequest

clean_aws = bedrock.clean_aws
pytestmark = pytest.mark.usefixtures("clean_aws")


def streamed(reply: Reply, requested: TextRequest | None = None) -> tuple[list[str], TextAnswer]:
    async def main() -> tuple[list[str], TextAnswer]:
        async with served(reply) as (_, backend):
            return await read(backend.stream_text(requested or request()))

    return asyncio.run(main())


def broken(reply: Reply, requested: TextRequest | None = None) -> tuple[list[str], CallError]:
    """The deltas of a stream that fails, and its error."""

    async def main() -> tuple[list[str], CallError]:
        async with served(reply) as (_, backend):
            deltas: list[str] = []
            with pytest.raises(CallError) as caught:
                async for item in backend.stream_text(requested or request()):
                    assert isinstance(item, str)
                    deltas += [item] if item else []
            return deltas, caught.value

    return asyncio.run(main())


def tool_events(index: int, call_id: str, *pieces: str) -> list[bytes]:
    start = {"toolUse": {"toolUseId": call_id, "name": "add"}}
    return [
        event("contentBlockStart", contentBlockIndex=index, start=start),
        *(event("contentBlockDelta", contentBlockIndex=index, delta={"toolUse": {"input": piece}}) for piece in pieces),
        event("contentBlockStop", contentBlockIndex=index),
    ]


def test_deltas_then_the_answer() -> None:
    """Each delta comes as it was sent; the answer has the whole text, the usage and the request's id."""
    usage = {"inputTokens": 6, "outputTokens": 3, "totalTokens": 109, "cacheReadInputTokens": 100}
    deltas, answer = streamed(stream(*text_events("Grü", "ße", " 🧮", usage=usage)))
    assert deltas == ["Grü", "ße", " 🧮"]
    assert (answer.text, answer.finish_reason, answer.request_id) == ("Grüße 🧮", "stop", REQUEST_ID)
    assert answer.usage == Usage(input_tokens=106, output_tokens=3, cached_tokens=100)


def test_the_same_request_goes_to_the_other_operation() -> None:
    """A stream sends what a call sends."""

    async def main() -> None:
        async with served(bedrock.stated("x"), stream(*text_events("x"))) as (server, backend):
            requested = request("Hi", system="Brief", temperature=0.3)
            await backend.generate_text(requested)
            await read(backend.stream_text(requested))
            plain, live = server.received
            assert live.path == f"/model/{bedrock.MODEL_ID}/converse-stream"
            assert live.json == plain.json

    asyncio.run(main())


def test_a_delta_is_given_when_it_comes() -> None:
    """Nothing waits for the end of the stream."""

    async def main() -> None:
        events = text_events("one", "two")
        async with served(stream(*events, stall_after=2)) as (_, backend):
            deltas = backend.stream_text(request())
            assert await asyncio.wait_for(next_delta(deltas), 5) == "one"
            await deltas.aclose()

    asyncio.run(main())


def test_events_cut_anywhere_are_put_together() -> None:
    """The pieces of the network are not the events of the stream."""
    whole = b"".join(text_events("a", "b", "c"))
    pieces = [whole[at : at + 7] for at in range(0, len(whole), 7)]
    assert streamed(stream(*pieces))[0] == ["a", "b", "c"]


def test_parallel_tool_calls_among_text() -> None:
    """Arguments come in pieces of JSON, blocks in any order; no arguments are none."""
    stated = event("contentBlockDelta", contentBlockIndex=0, delta={"text": "So."})
    events = [stated, *tool_events(2, "t2"), *tool_events(1, "t1", '{"a": [1', ", 2]}"), *end_events("tool_use")]
    deltas, answer = streamed(stream(*events))
    assert deltas == ["So."]
    assert answer.tool_calls == (
        ToolCall(id="t1", name="add", arguments={"a": [1, 2]}),
        ToolCall(id="t2", name="add", arguments={}),
    )
    assert answer.finish_reason == "tool_calls"


def test_a_tool_call_cut_short_is_no_call() -> None:
    """Half of a call's arguments, at the end of the tokens, are left out; otherwise they are an error."""
    half = tool_events(1, "t1", '{"a": [1')
    stated = event("contentBlockDelta", contentBlockIndex=0, delta={"text": "So."})
    assert streamed(stream(stated, *half, *end_events("max_tokens")))[1].tool_calls == ()
    error = broken(stream(stated, *half, *end_events("tool_use")))[1]
    assert isinstance(error, InvalidAnswerError)
    assert error.partial_text == "So."


def test_reasoning_is_no_delta() -> None:
    """Reasoning, its signature and redacted pieces are put together as Converse would give them."""

    def thought(index: int, **delta: Any) -> bytes:
        return event("contentBlockDelta", contentBlockIndex=index, delta={"reasoningContent": delta})

    events = [
        thought(0, text="Let me "),
        thought(0, text="think."),
        thought(0, signature="c2ln"),
        thought(1, redactedContent="AAE="),
        event("contentBlockDelta", contentBlockIndex=2, delta={"text": "Yes"}),
    ]
    deltas, answer = streamed(stream(*events, *end_events()))
    assert deltas == ["Yes"]
    assert answer.reasoning == "Let me think."
    whole = {"reasoningText": {"text": "Let me think.", "signature": "c2ln"}}
    assert answer.provider_parts == (
        ProviderPart(provider="bedrock", data={"reasoningContent": whole, "model_id": MODEL_ID}),
        ProviderPart(
            provider="bedrock", data={"reasoningContent": {"redactedContent": b"\x00\x01"}, "model_id": MODEL_ID}
        ),
    )


def test_citations_and_aws_own_tools_pass_by() -> None:
    """What AWS did by itself is in the raw answer, not in the text and not among the calls."""
    own = {"toolUse": {"toolUseId": "t", "name": "nova_grounding", "type": "server_tool_use"}}
    result = {"toolResult": {"toolUseId": "t", "type": "nova_grounding_result", "status": "success"}}
    events = [
        event("contentBlockStart", contentBlockIndex=0, start=own),
        event("contentBlockDelta", contentBlockIndex=0, delta={"toolUse": {"input": "{}"}}),
        event("contentBlockStart", contentBlockIndex=1, start=result),
        event("contentBlockDelta", contentBlockIndex=1, delta={"toolResult": [{"text": "found"}]}),
        event("contentBlockDelta", contentBlockIndex=2, delta={"citation": {"title": "page"}}),
        event("contentBlockDelta", contentBlockIndex=2, delta={"text": "In 1993."}),
        event("somethingNew", novelty=1),
        *end_events(),
    ]
    deltas, answer = streamed(stream(*events))
    assert (deltas, answer.tool_calls) == (["In 1993."], ())


def test_an_answer_without_metadata_is_whole() -> None:
    """The message's end is what counts; its usage is then unknown, not zero."""
    _, answer = streamed(stream(*text_events("x")[:-1]))
    assert (answer.text, answer.usage) == ("x", Usage())


def test_a_withheld_stream() -> None:
    """A guardrail's text, or none, is an answer that says why it ended; nothing without a reason is an error."""
    assert streamed(stream(*text_events("No.", stop="guardrail_intervened")))[1].finish_reason == "content_filter"
    assert streamed(stream(*end_events("guardrail_intervened")))[1].finish_reason == "content_filter"
    assert isinstance(broken(stream(*end_events()))[1], InvalidAnswerError)


def test_a_stream_that_ends_early_is_broken() -> None:
    """A clean end before the message's end is an error with the text so far; botocore itself says nothing."""
    deltas, error = broken(stream(*text_events("one", "two")[:3]))
    assert type(error) is ProviderConnectionError
    assert (deltas, error.partial_text, error.request_id) == (["one", "two"], "onetwo", REQUEST_ID)
    assert type(broken(stream())[1]) is ProviderConnectionError


def test_half_an_event_at_the_end_is_broken() -> None:
    """A cut within an event is no end either."""
    *events, last = text_events("one")
    assert streamed(stream(*events, last[:-1]))[1].usage == Usage()
    deltas, error = broken(stream(*events[:2], events[2][:-1]))
    assert (deltas, type(error)) == (["one"], ProviderConnectionError)


def test_a_connection_that_breaks_is_broken() -> None:
    """The bare error of the transport becomes ours, with the text so far."""
    deltas, error = broken(stream(*text_events("one", "two"), cut_after=3))
    assert type(error) is ProviderConnectionError
    assert (deltas, error.partial_text) == (["one", "two"], "onetwo")


def test_silence_in_a_stream_ends_a_little_after_the_time_of_the_request() -> None:
    """The connection has a read timeout, for where nobody cancels the call; it does not come before the call's own end."""
    started = time.monotonic()
    deltas, error = broken(stream(*text_events("one", "two"), stall_after=2), request(timeout=0.3))
    assert time.monotonic() - started > 1
    assert (deltas, error.partial_text, type(error)) == (["one"], "one", ProviderConnectionError)


def test_a_corrupt_event_is_an_invalid_answer() -> None:
    """A checksum that is wrong."""
    first, second, *rest = text_events("one", "two")
    spoiled = rest[0][:-6] + b"!" + rest[0][-5:]
    deltas, error = broken(stream(first, second, spoiled, *rest[1:]))
    assert (deltas, error.partial_text, type(error)) == (["one"], "one", InvalidAnswerError)


@pytest.mark.parametrize(
    ("failed", "kind"),
    [
        (exception_event("throttlingException", message="It broke"), RateLimitError),
        (exception_event("internalServerException", message="It broke"), ServerError),
        (exception_event("serviceUnavailableException", message="It broke"), OverloadedError),
        (exception_event("validationException", message="It broke"), BadRequestError),
        (exception_event("modelStreamErrorException", message="It broke", originalStatusCode=500), ServerError),
        (exception_event("modelStreamErrorException", message="It broke", originalStatusCode=429), RateLimitError),
        (exception_event("modelStreamErrorException", message="It broke", originalStatusCode="?"), ServerError),
        (
            frame({":message-type": "error", ":error-code": "Throttling", ":error-message": "It broke"}, {}),
            RateLimitError,
        ),
        (frame({":message-type": "error", ":error-code": "Odd", ":error-message": "It broke"}, {}), ServerError),
    ],
)
def test_an_error_in_the_stream(failed: bytes, kind: type[CallError]) -> None:
    """An error event has no status but that of a bad request; its type says what it is, and the text so far stays known."""
    deltas, error = broken(stream(*text_events("one")[:2], failed))
    assert type(error) is kind
    assert (deltas, error.partial_text, error.request_id) == (["one"], "one", REQUEST_ID)
    assert error.status == (400 if kind is BadRequestError else None)
    assert "It broke" in error.message


def test_an_unknown_error_in_the_stream() -> None:
    """One that botocore does not know, and says nothing of, is the provider's."""
    failed = exception_event("somethingNewException", message="It broke")
    assert type(broken(stream(*text_events("one")[:2], failed))[1]) is ServerError


@pytest.mark.parametrize(
    "reply",
    [
        bedrock.stated("x"),
        Reply.json({}),
        Reply.text("<html>Sign in</html>"),
        Reply(chunks=(b"<html>Sign in to the portal</html>",), content_type="application/vnd.amazon.eventstream"),
    ],
    ids=["message", "object", "html", "html in disguise"],
)
def test_what_is_no_event_stream_is_an_invalid_answer(reply: Reply) -> None:
    """JSON or a web page where a stream was asked for."""
    assert isinstance(broken(reply)[1], InvalidAnswerError)


def test_an_error_before_the_stream() -> None:
    """It is the error it would be without streaming, and no text came before it."""
    error = broken(failure("ThrottlingException", 429, headers={"retry-after": "3"}))[1]
    assert isinstance(error, RateLimitError)
    assert (error.retry_after, error.partial_text) == (3.0, None)


def test_what_comes_without_text_is_an_empty_delta() -> None:
    """A sign of life for the call's `idle_timeout`, of which the pool knows nothing here: thoughts, and parts of an event."""
    thought = event("contentBlockDelta", contentBlockIndex=0, delta={"reasoningContent": {"text": "Hm."}})

    async def main() -> None:
        async with served(stream(thought, thought[:9], thought[9:], stall_after=3, pause=0.05)) as (_, backend):
            deltas = backend.stream_text(request())
            assert [await asyncio.wait_for(anext(deltas), 5) for _ in range(3)] == ["", "", ""]
            await deltas.aclose()

    asyncio.run(main())


def test_a_request_that_cannot_be_made_fails_at_the_first_item() -> None:
    """Asking for a stream raises nothing; reading it does."""
    assert isinstance(broken(stream(), request(seed=1))[1], UnsupportedInputError)


def test_leaving_a_stream_closes_its_connection() -> None:
    """The provider sees that nobody listens, while it is silent and while it speaks."""

    async def main(reply: Reply) -> None:
        async with served(reply) as (server, backend):
            deltas = backend.stream_text(request())
            assert await next_delta(deltas) == "one"
            await deltas.aclose()
            await until(lambda: bool(server.abandoned))

    asyncio.run(main(stream(*text_events("one", "two"), stall_after=2)))
    asyncio.run(main(stream(*text_events("one", *["more"] * 500), pause=0.01)))


def test_connections_are_used_again() -> None:
    """A stream that was read to its end leaves a connection for the next call."""

    async def main() -> None:
        replies = [stream(*text_events("x")), bedrock.stated("y"), stream(*text_events("z"))]
        async with served(*replies) as (server, backend):
            await read(backend.stream_text(request()))
            await backend.generate_text(request())
            await read(backend.stream_text(request()))
            assert server.connections == 1

    asyncio.run(main())
