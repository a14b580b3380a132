"""Requests that the SDK builds once: the next is the same but for its body and its time, and what changed between two is in it."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import httpx2
import pytest
from anthropic import AnthropicError, AsyncAnthropic, RateLimitError

from pipelex_backend_anthropic._requests import KeepingAnthropic
from tests.servers.anthropic import KEY, AnthropicServer, config, failure, message, opened, replied, requested, text
from tests.servers.base import Received, Reply

if TYPE_CHECKING:
    from collections.abc import Callable

BODY: dict[str, Any] = {
    "model": "claude-test",
    "max_tokens": 100,
    "messages": [{"role": "user", "content": [{"type": "text", "text": "Hi."}]}],
}
_TIMEOUT = httpx2.Timeout(60.0, connect=10.0)
_SETTINGS: dict[str, Any] = {"default_headers": {"x-api-key": KEY}, "max_retries": 0, "open_telemetry": False}


def _plain(request: Received) -> dict[str, Any]:
    """A request without what is its own."""
    headers = {name: value for name, value in request.headers.items() if name != "content-length"}
    return {"method": request.method, "path": request.path, "query": request.query, "headers": headers}


@pytest.mark.parametrize("query", ["", "?a=1"])
@pytest.mark.parametrize("options", [{}, {"anthropic_version": "2023-06-01"}])
def test_the_second_request_is_as_the_first(query: str, options: dict[str, Any]) -> None:
    """A request that was kept, streamed or not, has the URL and the headers that the SDK builds, and a body and a length of its own."""

    async def main() -> None:
        async with AnthropicServer() as server, opened(config(server.url + query, **options)) as backend:
            await backend.generate_text(requested("one"))
            await backend.generate_text(requested("a longer one: ü"))
            async for _ in backend.stream_text(requested("three")):
                pass
            assert len(backend._client._sdk._kept) == 1
            first, *others = server.received
            assert first.headers["user-agent"].startswith("AsyncAnthropic/Python ")
            for other, asks in zip(others, ("a longer one: ü", "three"), strict=True):
                assert _plain(other) == _plain(first)
                assert other.json["messages"][0]["content"][0]["text"] == asks

    asyncio.run(main())


_CHANGES: dict[str, tuple[Callable[[Any], object], Callable[[Received], bool]]] = {
    "key": (
        lambda sdk: sdk._custom_headers.update({"Authorization": "Bearer new"}),
        lambda request: request.headers["authorization"] == "Bearer new",
    ),
    "query": (lambda sdk: sdk._custom_query.update({"new": "1"}), lambda request: request.query == {"new": "1"}),
    "cookie": (
        lambda sdk: sdk._client.cookies.set("session", "new"),
        lambda request: request.headers["cookie"] == "session=new",
    ),
}


@pytest.mark.parametrize("change, is_sent", _CHANGES.values(), ids=list(_CHANGES))
def test_what_changed_is_sent(change: Callable[[Any], object], is_sent: Callable[[Received], bool]) -> None:
    """A key, a header, a query or a cookie that changes between two calls is that of the second one."""

    async def main() -> None:
        async with AnthropicServer() as server, opened(config(server.url)) as backend:
            await backend.generate_text(requested())
            await backend.generate_text(requested())
            change(backend._client._sdk)
            await backend.generate_text(requested())
            assert is_sent(server.received[-1])

    asyncio.run(main())


def test_times_and_versions_are_those_of_the_request() -> None:
    """The headers of the time-out, and the version that sampling needs, are as the SDK writes them for each request."""

    async def main() -> None:
        asks = [requested(), requested(timeout=7.5), requested(temperature=0.5), requested(timeout=7.5), requested()]
        async with AnthropicServer() as server:
            received = []
            for fresh in (True, False):
                async with opened(config(server.url)) as backend:
                    for request in asks:
                        if fresh:
                            backend._client._sdk._kept.clear()
                        await backend.generate_text(request)
                received.append([*map(_plain, server.received)])
                server.received.clear()
        assert received[0] == received[1]
        assert received[0][1]["headers"]["x-stainless-timeout"] == "12.5"
        assert received[0][2]["headers"]["anthropic-version"] != received[0][3]["headers"]["anthropic-version"]

    asyncio.run(main())


def test_a_token_that_is_fetched_is_not_kept() -> None:
    """With credentials that the SDK fetches, every request has the token of the moment, and nothing is kept."""
    count = 0

    class Rotating(httpx2.Auth):
        def auth_flow(self, request: httpx2.Request) -> Any:
            nonlocal count
            count += 1
            request.headers["Authorization"] = f"Bearer token-{count}"
            yield request

    class Sdk(KeepingAnthropic):
        @property
        def custom_auth(self) -> httpx2.Auth:
            return Rotating()

    async def main() -> None:
        async with AnthropicServer() as server, httpx2.AsyncClient(trust_env=False) as http:
            sdk = Sdk(api_key=KEY, base_url=server.url, http_client=http, **_SETTINGS)
            for _ in range(2):
                await sdk.ask("/v1/messages", BODY, {"timeout": _TIMEOUT})
            assert not sdk._kept
            assert [request.headers["authorization"] for request in server.received] == [
                "Bearer token-1",
                "Bearer token-2",
            ]

    asyncio.run(main())


@pytest.mark.parametrize("logs", [False, True])
def test_a_kept_request_fails_as_the_sdk_fails(logs: bool, caplog: pytest.LogCaptureFixture) -> None:
    """Errors are of the SDK's classes, built of the same answer, and so are those without an answer; a DEBUG log is the SDK's."""
    caplog.set_level("DEBUG" if logs else "WARNING", "anthropic")
    caught: list[tuple[type[Exception], str, object]] = []
    answers = [
        replied(message(text("Hi."))),
        failure(429, "rate_limit_error"),
        Reply(status=302, headers={"location": "/elsewhere"}),
        Reply(fault="drop"),
    ]

    async def main() -> None:
        for by_sdk in (True, False):
            async with AnthropicServer() as server, httpx2.AsyncClient(trust_env=False) as http:
                server.queue(*answers)
                sdk = KeepingAnthropic(api_key=KEY, base_url=server.url, http_client=http, **_SETTINGS)
                await sdk.ask("/v1/messages", BODY, {"timeout": _TIMEOUT})
                assert bool(sdk._kept) is not logs
                for _ in answers[1:]:
                    if by_sdk:
                        sdk._kept.clear()
                    with pytest.raises(AnthropicError) as error:
                        await sdk.ask("/v1/messages", BODY, {"timeout": _TIMEOUT})
                    caught.append((type(error.value), str(error.value), type(error.value.__cause__)))

    asyncio.run(main())
    assert caught[:3] == caught[3:]
    assert caught[0][0] is RateLimitError


def test_a_kept_request_shows_no_key() -> None:
    """What is kept of a request does not show the key."""

    async def main() -> None:
        async with AnthropicServer() as server, opened(config(server.url)) as backend:
            await backend.generate_text(requested())
            shown = repr(backend._client._sdk._kept)
            assert "/v1/messages" in shown
            assert KEY not in shown

    assert issubclass(KeepingAnthropic, AsyncAnthropic)
    asyncio.run(main())
