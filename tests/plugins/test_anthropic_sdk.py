"""What this plugin relies on in the anthropic SDK: the next release that changes it fails here, and says what."""

from __future__ import annotations

import asyncio
import inspect
from typing import TYPE_CHECKING, Any

import anthropic
import httpx2
import pytest

from tests.servers.anthropic import (
    KEY,
    REQUEST_ID,
    AnthropicServer,
    events,
    failure,
    message,
    replied,
    streamed,
    text,
)
from tests.servers.base import Reply

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

BODY: dict[str, Any] = {
    "model": "claude-test",
    "max_tokens": 100,
    "messages": [{"role": "user", "content": [{"type": "text", "text": "Hi."}]}],
}


def client(server: AnthropicServer, http: httpx2.AsyncClient, **options: Any) -> anthropic.AsyncAnthropic:
    return anthropic.AsyncAnthropic(
        **{"api_key": KEY, "base_url": server.url, "max_retries": 0, "http_client": http, **options}
    )


def test_a_request_may_be_answered_by_the_bare_response() -> None:
    """`post(…, cast_to=httpx2.Response)` gives the response, read, with its headers."""

    async def main() -> None:
        async with AnthropicServer() as server, httpx2.AsyncClient(trust_env=False) as http:
            response = await client(server, http).post("/v1/messages", cast_to=httpx2.Response, body=BODY)
            assert response.json()["type"] == "message"
            assert response.headers["request-id"] == REQUEST_ID

    asyncio.run(main())


def test_a_stream_gives_raw_events() -> None:
    """`AsyncStream.response` is open, and `raw_events` reads every event of it, pings and all."""

    async def main() -> None:
        async with AnthropicServer() as server, httpx2.AsyncClient(trust_env=False) as http:
            server.queue(streamed(message(text("Hello."))))
            stream = await client(server, http).post(
                "/v1/messages",
                cast_to=object,
                body={**BODY, "stream": True},
                stream=True,
                stream_cls=anthropic.AsyncStream[object],
            )
            assert not stream.response.is_closed
            names = [event.event async for event in anthropic.AsyncStream.raw_events(stream.response)]
            assert names == [name for name, _ in events(message(text("Hello.")))]
            await stream.close()

    asyncio.run(main())


def test_the_sdk_sends_its_key_as_a_bearer() -> None:
    """Since 2.0 there is no `x-api-key` unless it is given; the version it sends takes no sampling settings."""

    async def main() -> None:
        async with AnthropicServer() as server, httpx2.AsyncClient(trust_env=False) as http:
            await client(server, http).post("/v1/messages", cast_to=httpx2.Response, body=BODY)
            headers = server.received[0].headers
            assert headers["authorization"] == f"Bearer {KEY}"
            assert "x-api-key" not in headers
            assert headers["anthropic-version"] == "2026-10-21"

    asyncio.run(main())


def test_the_typed_call_knows_no_sampling_settings() -> None:
    """`temperature`, `top_p` and `top_k` are gone from `messages.create`: the body is the way to send them."""
    known = inspect.signature(anthropic.resources.AsyncMessages.create).parameters
    assert not {"temperature", "top_p", "top_k"} & known.keys()


def test_the_typed_call_refuses_long_answers() -> None:
    """Without a stream or a timeout, `messages.create` raises on many tokens; `post` does not."""

    async def main() -> None:
        async with AnthropicServer() as server, httpx2.AsyncClient(trust_env=False, timeout=None) as http:
            made = client(server, http, timeout=anthropic.DEFAULT_TIMEOUT)
            with pytest.raises(ValueError, match="Streaming is required"):
                await made.messages.create(**{**BODY, "max_tokens": 64_000})
            response = await made.post("/v1/messages", cast_to=httpx2.Response, body={**BODY, "max_tokens": 64_000})
            assert response.status_code == 200

    asyncio.run(main())


def test_closing_the_client_closes_the_pool() -> None:
    """Which is why the plugin never does: the pool is core's."""

    async def main() -> None:
        async with AnthropicServer() as server:
            http = httpx2.AsyncClient(trust_env=False)
            await client(server, http).close()
            assert http.is_closed

    asyncio.run(main())


@pytest.mark.parametrize(
    "status, error_class",
    [
        (400, anthropic.BadRequestError),
        (401, anthropic.AuthenticationError),
        (403, anthropic.PermissionDeniedError),
        (404, anthropic.NotFoundError),
        (409, anthropic.ConflictError),
        (422, anthropic.UnprocessableEntityError),
        (429, anthropic.RateLimitError),
        (500, anthropic.InternalServerError),
        (529, anthropic.APIStatusError),
    ],
)
def test_status_errors_hold_body_status_and_headers(status: int, error_class: type[anthropic.APIStatusError]) -> None:
    """Every error status is an `APIStatusError` with the decoded body and the response."""

    async def main() -> None:
        async with AnthropicServer() as server, httpx2.AsyncClient(trust_env=False) as http:
            server.queue(failure(status, "some_error", "No."))
            with pytest.raises(error_class) as caught:
                await client(server, http).post("/v1/messages", cast_to=httpx2.Response, body=BODY)
            assert isinstance(caught.value.body, dict)
            assert caught.value.body["error"]["message"] == "No."
            assert caught.value.status_code == status
            assert caught.value.response.headers["request-id"] == REQUEST_ID

    asyncio.run(main())


@pytest.mark.parametrize(
    "reply, cause", [(Reply(fault="drop"), httpx2.RemoteProtocolError), (Reply(fault="hang"), httpx2.ReadTimeout)]
)
def test_connection_errors_have_their_cause(reply: Reply, cause: type[Exception]) -> None:
    """Before an answer, the transport's error is the cause of the SDK's; a timeout is one of them."""

    async def main() -> None:
        async with AnthropicServer() as server, httpx2.AsyncClient(trust_env=False) as http:
            server.queue(reply)
            with pytest.raises(anthropic.APIConnectionError) as caught:
                await client(server, http, timeout=0.2).post("/v1/messages", cast_to=httpx2.Response, body=BODY)
            assert isinstance(caught.value.__cause__, cause)

    asyncio.run(main())


def test_a_stream_that_breaks_raises_the_transports_error() -> None:
    """In the middle of a stream nothing wraps it."""

    async def main() -> None:
        async with AnthropicServer() as server, httpx2.AsyncClient(trust_env=False) as http:
            server.queue(streamed(message(text("Hello.")), cut_after=3))
            stream = await client(server, http).post(
                "/v1/messages",
                cast_to=object,
                body={**BODY, "stream": True},
                stream=True,
                stream_cls=anthropic.AsyncStream[object],
            )
            with pytest.raises(httpx2.RemoteProtocolError):
                await _drained(anthropic.AsyncStream.raw_events(stream.response))
            await stream.close()

    asyncio.run(main())


async def _drained(iterator: AsyncIterator[object]) -> None:
    async for _ in iterator:
        pass


def test_headers_of_the_client_win_over_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """`ANTHROPIC_CUSTOM_HEADERS` is read by the SDK; what the client is given by name stays."""
    monkeypatch.setenv("ANTHROPIC_CUSTOM_HEADERS", "X-API-KEY: other")

    async def main() -> None:
        async with AnthropicServer() as server, httpx2.AsyncClient(trust_env=False) as http:
            made = client(server, http, default_headers={"x-api-key": KEY})
            server.queue(replied(message(text("Hi."))))
            await made.post("/v1/messages", cast_to=httpx2.Response, body=BODY)
            assert server.received[0].headers["x-api-key"] == KEY

    asyncio.run(main())


def test_without_a_key_the_environments_is_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    """Which is why the plugin always gives one, if an empty one."""
    monkeypatch.setenv("ANTHROPIC_API_KEY", "other")

    async def main() -> None:
        async with httpx2.AsyncClient(trust_env=False) as http:
            assert anthropic.AsyncAnthropic(http_client=http).api_key == "other"
            assert anthropic.AsyncAnthropic(http_client=http, api_key="").api_key == ""

    asyncio.run(main())


def test_retries_can_be_switched_off() -> None:
    """The SDK's default is two retries; with none, one call is one request."""
    assert anthropic.DEFAULT_MAX_RETRIES == 2

    async def main() -> None:
        async with AnthropicServer() as server, httpx2.AsyncClient(trust_env=False) as http:
            server.queue(failure(529, "overloaded_error"))
            with pytest.raises(anthropic.APIStatusError):
                await client(server, http).post("/v1/messages", cast_to=httpx2.Response, body=BODY)
            assert len(server.received) == 1

    asyncio.run(main())
