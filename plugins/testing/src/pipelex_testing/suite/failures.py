"""Scenarios: errors that the provider reports, and connections that fail."""

from __future__ import annotations

import asyncio
import socket
from typing import TYPE_CHECKING, Any, Self

import pytest
from attrs import evolve

from pipelex_core.errors import (
    CallError,
    InvalidAnswerError,
    ProviderConnectionError,
    RateLimitError,
    error_class_for_status,
)
from pipelex_testing.absence import absent
from pipelex_testing.calls import Kind  # noqa: TC001 -- read by pytest
from pipelex_testing.marks import about, each_call
from pipelex_testing.running import running
from pipelex_testing.samples import PLAIN, PROMPT, TEXT
from pipelex_testing.server import Reply, Server
from pipelex_testing.suite.base import Scenarios

if TYPE_CHECKING:
    from pipelex_testing.running import Running

STATUSES = (400, 401, 403, 404, 409, 413, 422, 429, 500, 502, 503, 504, 529)
WAIT = 7


class Failures(Scenarios):
    """Each failure is an error of its class, after one request."""

    @each_call
    @pytest.mark.parametrize("status", STATUSES)
    def test_a_status_is_the_error_of_its_class(self, call: Kind, status: int) -> None:
        """The class that the status says; status, backend and model in the error; one request, no retry of the SDK's."""

        async def use(at: Running) -> None:
            at.server.queue(*[at.wire.error(status)] * 3)
            error = await _failure(at, call)
            assert type(error) is error_class_for_status(status)
            assert (error.status, error.backend) == (status, self.suite.backend_name)
            assert error.model
            assert len(at.calls) == 1, "one call is one request: the SDK's retries are off"

        self.run(use)

    @each_call
    def test_the_wait_that_a_provider_asks_for_is_reported(self, call: Kind) -> None:
        """`Retry-After`, in seconds."""

        async def use(at: Running) -> None:
            reply = at.wire.error(429)
            at.server.queue(*[evolve(reply, headers={**reply.headers, "Retry-After": str(WAIT)})] * 3)
            error = await _failure(at, call)
            assert isinstance(error, RateLimitError)
            assert error.retry_after == WAIT

        self.run(use)

    @each_call
    def test_an_error_that_is_a_web_page_is_the_error_of_its_status(self, call: Kind) -> None:
        """A proxy between caller and provider words errors in HTML."""

        async def use(at: Running) -> None:
            for status in (403, 502, 503):
                at.server.queue(*[Reply.text("<html><h1>Gateway</h1></html>", status=status)] * 3)
                error = await _failure(at, call)
                at.server.forget()
                assert type(error) is error_class_for_status(status)

        self.run(use)

    @about("text")
    def test_a_code_says_more_than_its_status(self) -> None:
        """Errors that a structured code of the provider tells apart have their own class."""

        async def use(at: Running) -> None:
            for kind, (status, body) in at.wire.special_errors.items():
                at.server.queue(Reply.json(body, status=status, headers=at.wire.error_headers))
                with pytest.raises(kind):
                    await at.client.generate_text(PROMPT, model=at.llm, retries=0)

        self.run(use)

    @each_call
    @pytest.mark.parametrize("fault", ["drop", "cut"])
    def test_a_connection_that_breaks_is_an_error(self, call: Kind, fault: str) -> None:
        """Without a byte of an answer, or in the middle of one: no half document is an answer."""

        async def use(at: Running) -> None:
            broken = Reply(fault="drop") if fault == "drop" else Reply(chunks=(b'{"a": ', b"1}"), cut_after=1)
            at.server.queue(*[broken] * 3)
            error = await _failure(at, call)
            expected = ProviderConnectionError if fault == "drop" else (ProviderConnectionError, InvalidAnswerError)
            assert isinstance(error, expected)
            assert len(at.calls) == 1

        self.run(use)

    @each_call
    def test_an_address_where_nobody_listens_is_a_connections_error(self, call: Kind) -> None:
        """Refused at once, and reported as such."""

        async def main() -> None:
            async with asyncio.timeout(60), running(self.suite, server=_Nobody(self.suite.spoken.rules)) as at:
                assert isinstance(await _failure(at, call), ProviderConnectionError)

        asyncio.run(main())

    @about("stream")
    def test_a_stream_cut_at_any_event_is_an_error_with_its_text(self) -> None:
        """Never a short answer: what came before is in `partial_text`."""

        async def use(at: Running) -> None:
            reply = at.wire.stream(PLAIN)
            for place in range(len(reply.chunks) - at.wire.ending + 1):
                at.server.queue(evolve(reply, cut_after=place))
                deltas, error = await _broken_stream(at)
                assert isinstance(error, ProviderConnectionError), place
                assert TEXT.startswith("".join(deltas))
                assert (error.partial_text or "") == "".join(deltas)

        self.run(use)

    @about("stream")
    def test_a_stream_that_ends_early_is_an_error_with_its_text(self) -> None:
        """A stream that closes well, but without the provider's finish, is not whole."""

        async def use(at: Running) -> None:
            reply = at.wire.stream(PLAIN)
            for count in range(1, len(reply.chunks) - at.wire.ending + 1):
                at.server.queue(evolve(reply, chunks=reply.chunks[:count]))
                deltas, error = await _broken_stream(at)
                assert error is not None, count
                assert (error.partial_text or "") == "".join(deltas)

        self.run(use)

    @about("stream")
    def test_an_error_in_a_stream_is_an_error_with_its_text(self) -> None:
        """An error event ends the stream as an error."""

        async def use(at: Running) -> None:
            reply = at.wire.error_in_stream()
            if reply is None or "error events" in at.wire.lacks:
                absent("error events in streams")
            at.server.queue(reply)
            deltas, error = await _broken_stream(at)
            assert error is not None
            assert (error.partial_text or "") == "".join(deltas)
            assert TEXT.startswith("".join(deltas))

        self.run(use)


class _Nobody(Server):
    """An address where nobody listens."""

    async def __aenter__(self) -> Self:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.url = f"http://127.0.0.1:{free.getsockname()[1]}"
        return self

    async def __aexit__(self, *_: object) -> None:
        """There is nothing to close."""


async def _failure(at: Running, call: Kind) -> Any:
    with pytest.raises(CallError) as caught:
        await call.make(at, retries=0)
    return caught.value


async def _broken_stream(at: Running) -> tuple[list[str], CallError | None]:
    """What a stream gave before its error."""
    deltas: list[str] = []
    try:
        async with at.client.stream_text(PROMPT, model=at.llm, retries=0) as stream:
            async for delta in stream:
                deltas.append(delta)
    except CallError as error:
        return deltas, error
    return deltas, None
