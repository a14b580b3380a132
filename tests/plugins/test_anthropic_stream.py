"""Streams: deltas and their answer, broken and foreign streams, and callers who leave early."""

from __future__ import annotations

import asyncio
from contextlib import aclosing
from typing import TYPE_CHECKING, Any

import pytest

from pipelex_core.errors import (
    CallError,
    InvalidAnswerError,
    OverloadedError,
    ProviderConnectionError,
    RateLimitError,
    ServerError,
)
from pipelex_core.parts import ToolCall
from pipelex_core.results import TextAnswer, Usage
from pipelex_testing.running import until
from tests.servers.anthropic import (
    KEY,
    REQUEST_ID,
    SHORT,
    AnthropicServer,
    config,
    error_body,
    events,
    failure,
    message,
    opened,
    replied,
    requested,
    spec,
    streamed,
    text,
    thinking,
    tool_use,
)
from tests.servers.base import Reply, sse_event

if TYPE_CHECKING:
    from pipelex_backend_anthropic._backend import AnthropicBackend
    from pipelex_core.requests import TextRequest

WHOLE = message(text("Hello there."), output_tokens=7)
EVENTS = events(WHOLE)


async def collected(backend: AnthropicBackend, request: TextRequest | None = None) -> tuple[list[str], TextAnswer]:
    stated: list[str] = []
    last: TextAnswer | None = None
    async for event in backend.stream_text(request or requested()):
        assert last is None, "something came after the answer"
        if isinstance(event, str):
            stated.append(event)
        else:
            last = event
    assert last is not None
    return stated, last


async def failed(server: AnthropicServer, reply: Reply) -> CallError:
    """The error that a stream which is answered so ends with."""
    async with opened(config(server.url)) as backend:
        server.queue(reply)
        with pytest.raises(CallError) as caught:
            await collected(backend)
        return caught.value


def test_deltas_then_the_answer() -> None:
    """The text comes in pieces, and then once more whole, with reason, usage and the request's id."""

    async def main() -> None:
        async with AnthropicServer() as server, opened(config(server.url)) as backend:
            server.queue(streamed(WHOLE))
            stated, answer = await collected(backend)
            assert stated == ["Hello ", "there."]
            assert (answer.text, answer.finish_reason, answer.request_id) == ("Hello there.", "stop", REQUEST_ID)
            assert answer.usage == Usage(input_tokens=10, output_tokens=7)
            assert answer.raw == WHOLE
            assert server.bodies[0]["stream"] is True

    asyncio.run(main())


def test_a_stream_gives_what_a_document_gives() -> None:
    """Thinking, text and parallel calls come out of a stream as they come out of one document."""
    rich = message(
        thinking("Which?"),
        text("Both."),
        tool_use("toolu_1", "weather", {"at": "Zürich", "days": [1, 2]}),
        tool_use("toolu_2", "news", {}),
        stop_reason="tool_use",
        cache_read_input_tokens=100,
        output_tokens_details={"thinking_tokens": 2},
    )

    async def main() -> None:
        async with AnthropicServer() as server, opened(config(server.url)) as backend:
            server.queue(replied(rich), streamed(rich))
            whole = await backend.generate_text(requested())
            stated, answer = await collected(backend)
            assert answer == whole
            assert [piece for piece in stated if piece] == ["Bot", "h."]
            assert answer.tool_calls[0] == ToolCall(
                id="toolu_1", name="weather", arguments={"at": "Zürich", "days": [1, 2]}
            )

    asyncio.run(main())


def test_usage_of_the_end_wins() -> None:
    """Counts are cumulative: the last ones stand, and those the end leaves out stay."""
    reported = events(message(text("Hi."), input_tokens=5, cache_read_input_tokens=3))
    reported[-2][1]["usage"] = {"input_tokens": 500, "output_tokens": 9, "cache_read_input_tokens": None}

    async def main() -> None:
        async with AnthropicServer() as server, opened(config(server.url)) as backend:
            server.queue(Reply.sse(*reported))
            _, answer = await collected(backend)
            assert answer.usage == Usage(input_tokens=503, output_tokens=9, cached_tokens=3)

    asyncio.run(main())


def test_events_and_deltas_of_tomorrow_are_passed_over() -> None:
    """The API may add events, blocks and deltas; a stream that has them is read all the same."""
    reported = [
        *EVENTS[:3],
        ("new_event", {"type": "new_event"}),
        ("content_block_delta", {"type": "content_block_delta", "index": 0, "delta": {"type": "new_delta"}}),
        *EVENTS[3:-2],
        ("content_block_start", {"type": "content_block_start", "index": 1, "content_block": {"type": "new_block"}}),
        *EVENTS[-2:],
    ]

    async def main() -> None:
        async with AnthropicServer() as server, opened(config(server.url)) as backend:
            server.queue(Reply.sse(*reported))
            _, answer = await collected(backend)
            assert answer.text == "Hello there."

    asyncio.run(main())


def test_events_without_names_are_read_by_their_type() -> None:
    """Some gateways leave out the `event:` line; the data says the same."""

    async def main() -> None:
        async with AnthropicServer() as server, opened(config(server.url)) as backend:
            server.queue(Reply.sse(*(data for _, data in EVENTS)))
            assert (await collected(backend))[1].text == "Hello there."

    asyncio.run(main())


def test_a_stream_leaves_its_connection_to_the_next() -> None:
    """It is read to its end, so that the connection serves again."""

    async def main() -> None:
        async with AnthropicServer() as server, opened(config(server.url)) as backend:
            for _ in range(3):
                await collected(backend)
            assert server.connections == 1

    asyncio.run(main())


def test_leaving_early_closes_the_connection() -> None:
    """Closing the iterator ends the request at the provider."""

    async def main() -> None:
        async with AnthropicServer() as server, opened(config(server.url)) as backend:
            server.queue(Reply.sse(*EVENTS, stall_after=4))
            stream = backend.stream_text(requested())
            async with aclosing(stream):  # type: ignore[type-var]  # an async generator, as the contract says
                async for event in stream:
                    assert event == "Hello "
                    break
            await until(lambda: server.abandoned)

    asyncio.run(main())


def test_cancelling_closes_the_connection() -> None:
    """So does cancelling the task that reads it, and the cancellation is not turned into an error."""

    async def main() -> None:
        async with AnthropicServer() as server, opened(config(server.url)) as backend:
            server.queue(Reply.sse(*EVENTS, stall_after=4))
            task = asyncio.create_task(collected(backend))
            await until(lambda: server.received)
            await asyncio.sleep(0.05)
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
            await until(lambda: server.abandoned)

    asyncio.run(main())


@pytest.mark.parametrize("sent", range(len(EVENTS)))
def test_a_stream_that_ends_early(sent: int) -> None:
    """Without its finish event a stream is not an answer, wherever it ended, cleanly or not; the text so far is kept."""

    async def main() -> None:
        async with AnthropicServer() as server:
            for reply in (Reply.sse(*EVENTS[:sent]), Reply.sse(*EVENTS, cut_after=sent)):
                error = await failed(server, reply)
                assert type(error) is ProviderConnectionError
                partial = "".join(data["delta"].get("text", "") for _, data in EVENTS[:sent] if "delta" in data)
                assert (error.partial_text or "") == partial
                assert (error.partial_text is None) == (sent == 0)

    asyncio.run(main())


def test_a_stream_that_stalls() -> None:
    """Silence for longer than the call may take is a broken connection, with what there was."""

    async def main() -> None:
        async with AnthropicServer() as server, opened(config(server.url)) as backend:
            server.queue(Reply.sse(*EVENTS, stall_after=4))
            with pytest.raises(ProviderConnectionError, match="did not answer in time") as caught:
                await collected(backend, requested(timeout=SHORT))
            assert caught.value.partial_text == "Hello "

    asyncio.run(main())


@pytest.mark.parametrize(
    "kind, ours",
    [
        ("overloaded_error", OverloadedError),
        ("rate_limit_error", RateLimitError),
        ("api_error", ServerError),
        ("error_of_tomorrow", ServerError),
    ],
)
@pytest.mark.parametrize("sent", [0, 4])
def test_an_error_event_in_a_stream(sent: int, kind: str, ours: type[CallError]) -> None:
    """The status is 200 by then: the error's type decides, and the text so far is kept."""

    async def main() -> None:
        async with AnthropicServer() as server:
            error = await failed(server, Reply.sse(*EVENTS[:sent], ("error", error_body(kind, f"No: {KEY}"))))
            assert type(error) is ours
            assert (error.status, error.request_id) == (200, REQUEST_ID)
            assert error.partial_text == ("Hello " if sent else None)
            assert error.message == "No: ***"

    asyncio.run(main())


def test_a_failure_before_the_stream() -> None:
    """An error status instead of a stream is that error, without text."""

    async def main() -> None:
        async with AnthropicServer() as server:
            error = await failed(server, failure(529, "overloaded_error"))
            assert type(error) is OverloadedError
            assert (error.status, error.partial_text) == (529, None)

    asyncio.run(main())


BAD = {"type": "text", "text": 5}
BAD_DELTA = {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": ["x"]}}


@pytest.mark.parametrize(
    "reply, raw",
    [
        (replied(WHOLE), None),
        (Reply.json({}), "{}"),
        (Reply.text("<html>Sign in</html>"), "<html>Sign in</html>"),
        (Reply.sse(b"event: content_block_delta\ndata: {broken\n\n"), None),
        (Reply.sse(("content_block_delta", {"type": "content_block_delta", "index": 9, "delta": {}})), None),
        (Reply.sse(("message_start", ["no", "object"])), None),
        (Reply.sse(("content_block_start", {"type": "content_block_start", "index": 0, "content_block": BAD})), None),
        (Reply.sse(*EVENTS[:3], ("content_block_delta", BAD_DELTA)), None),
        (Reply.sse(*EVENTS[:3], ("message_delta", {"type": "message_delta", "delta": ["x"]})), None),
        (streamed(message()), None),
        (Reply.sse(*EVENTS[:3], b"event: x\ndata: \xff\xfe\n\n"), None),
        (
            Reply.sse(
                ("message_start", {"type": "message_start", "message": {}}), ("message_stop", {"type": "message_stop"})
            ),
            None,
        ),
    ],
)
def test_what_is_no_such_stream(reply: Reply, raw: str | None) -> None:
    """A document, a web page, or events that make no message: an invalid answer, never an empty one."""

    async def main() -> None:
        async with AnthropicServer() as server:
            error = await failed(server, reply)
            assert type(error) is InvalidAnswerError
            assert raw is None or error.raw == raw

    asyncio.run(main())


@pytest.mark.parametrize("reason", ["tool_use", "max_tokens"])
def test_a_tool_input_that_is_no_json(reason: str) -> None:
    """It is an invalid answer, unless the token limit cut it: then the call is left out and the reason says why."""
    reported = events(message(text("So. "), tool_use("toolu_1", "weather", {"at": "Rome"}), stop_reason=reason))
    cut = [event for event in reported if '"Rome' not in str(event[1]).replace("'", '"') or "partial" not in str(event)]
    cut = [
        event for event in cut if "delta" not in event[1] or not event[1]["delta"].get("partial_json", "").endswith("}")
    ]

    async def main() -> None:
        async with AnthropicServer() as server, opened(config(server.url)) as backend:
            server.queue(Reply.sse(*cut))
            if reason == "tool_use":
                with pytest.raises(InvalidAnswerError, match="weather"):
                    await collected(backend)
            else:
                _, answer = await collected(backend)
                assert (answer.text, answer.finish_reason, answer.tool_calls) == ("So. ", "length", ())

    asyncio.run(main())


def test_pieces_may_be_cut_anywhere() -> None:
    """Events split over many small packets, in the middle of letters, are read as if whole."""
    wire = b"".join(sse_event(event) for event in events(message(text("Grüße 🌍"))))
    reply = Reply(
        chunks=[wire[at : at + 3] for at in range(0, len(wire), 3)], chunked=True, content_type="text/event-stream"
    )

    async def main() -> None:
        async with AnthropicServer() as server, opened(config(server.url)) as backend:
            server.queue(reply)
            stated, answer = await collected(backend)
            assert answer.text == "".join(stated) == "Grüße 🌍"

    asyncio.run(main())


def test_settings_go_with_a_stream_too() -> None:
    """A streamed request is the same request, with `stream`."""

    async def main() -> None:
        async with AnthropicServer() as server, opened(config(server.url)) as backend:
            fields: dict[str, Any] = {"temperature": 0.3, "spec": spec(options={"prompt_caching": True})}
            await backend.generate_text(requested(**fields))
            await collected(backend, requested(**fields))
            one, other = server.bodies
            assert other == {**one, "stream": True}
            assert server.received[1].headers["anthropic-version"] == "2023-06-01"

    asyncio.run(main())
