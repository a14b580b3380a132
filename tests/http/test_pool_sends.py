"""The pool's own way of sending a request gives what httpx2 gives, and leaves to httpx2 what needs more than sending."""

from __future__ import annotations

import asyncio
import logging
from typing import Any

import httpx2
import pytest

from pipelex_http.pool import Pool

_URL = "http://a.example/v1"


class _Answers(httpx2.AsyncBaseTransport):
    """Answers every request alike, or raises; keeps what it was asked."""

    def __init__(
        self, status: int = 200, headers: dict[str, str] | None = None, error: Exception | None = None
    ) -> None:
        self.head = {"status_code": status, "headers": headers or {}}
        self.error = error
        self.requested: list[httpx2.Request] = []

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        self.requested.append(request)
        if self.error is not None:
            raise self.error
        if request.url.path == "/next":
            return httpx2.Response(200, stream=httpx2.ByteStream(b"there"))
        return httpx2.Response(**self.head, stream=httpx2.ByteStream(b'{"a": "\xc3\xbc"}'))  # type: ignore[arg-type]


def _seen(client: httpx2.AsyncClient, response: httpx2.Response) -> dict[str, Any]:
    """What whoever sent a request sees of its answer."""
    return {
        "status": response.status_code,
        "content": response.content,
        "text": response.text,
        "headers": response.headers.multi_items(),
        "asked": (response.request.method, response.request.url, sorted(response.request.headers.multi_items())),
        "next": response.next_request and response.next_request.url,
        "closed": (response.is_closed, response.is_stream_consumed),
        "history": response.history,
        "cookies": dict(client.cookies),
        "success": (response.is_success, response.has_redirect_location),
    }


async def _both(ask: Any, *, error: Exception | None = None, **settings: Any) -> list[Any]:
    """What is seen of the pool, and of httpx2's own client."""
    seen = []
    for kind in (httpx2.AsyncClient, Pool):
        transport = _Answers(**settings, error=error)
        async with kind(transport=transport, trust_env=False) as client:
            seen.append((await ask(client), [sorted(request.headers.multi_items()) for request in transport.requested]))
    return seen


_CASES: dict[str, dict[str, Any]] = {
    "usual": {},
    "error": {"status": 429},
    "cookie": {"headers": {"set-cookie": "session=1; Path=/"}},
    "redirect": {"status": 307, "headers": {"location": "/next"}},
    "redirect to nowhere": {"status": 302, "headers": {"location": "http://[::1"}},
    "status of a redirect": {"status": 304},
}


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("settings", _CASES.values(), ids=list(_CASES))
def test_an_answer_is_as_httpx2_gives_it(settings: dict[str, Any], stream: bool) -> None:
    """Status, headers, body, request, cookies, and where a redirect leads; read, or open where it is asked for as a stream."""

    async def ask(client: httpx2.AsyncClient) -> list[Any]:
        seen = []
        for _ in range(2):  # the second one has the cookies of the first
            response = await client.send(client.build_request("POST", _URL, content=b"{}"), stream=stream)
            was_open = not response.is_closed
            if stream:
                await response.aread()
            seen.append((was_open, _seen(client, response)))
        return seen

    theirs, ours = asyncio.run(_both(ask, **settings))
    assert ours == theirs


_MORE: dict[str, dict[str, Any]] = {
    "follow": {"options": {"follow_redirects": True}},
    "auth": {"options": {"auth": ("user", "word")}},
    "no auth": {"options": {"auth": None}, "url": "http://user:word@a.example/v1"},
    "auth in the address": {"url": "http://user:word@a.example/v1"},
    "hook": {"hooks": True},
    "bare request": {"bare": True},
}


@pytest.mark.parametrize("case", _MORE.values(), ids=list(_MORE))
def test_what_needs_more_than_sending_gets_it(case: dict[str, Any]) -> None:
    """Redirects, authentication, hooks and default time-outs are httpx2's."""

    async def ask(client: httpx2.AsyncClient) -> Any:
        heard: list[int] = []

        async def hook(response: httpx2.Response) -> None:
            heard.append(response.status_code)

        if case.get("hooks"):
            client.event_hooks = {"response": [hook]}
        url = case.get("url", _URL)
        request = httpx2.Request("GET", url) if case.get("bare") else client.build_request("GET", url)
        response = await client.send(request, **case.get("options", {}))
        return [each | {"history": None} for each in [_seen(client, response)]], request.extensions, heard

    theirs, ours = asyncio.run(_both(ask, status=307, headers={"location": "/next"}))
    assert ours == theirs
    assert ours[0][1]["timeout"]


def test_an_error_names_its_request() -> None:
    """What the transport raises comes as it is, and has the request."""

    async def ask(client: httpx2.AsyncClient) -> Any:
        request = client.build_request("GET", _URL)
        with pytest.raises(httpx2.ReadTimeout, match="slow") as caught:
            await client.send(request)
        return caught.value.request is request

    assert asyncio.run(_both(ask, error=httpx2.ReadTimeout("slow")))[1][0] is True


def test_a_closed_pool_sends_nothing() -> None:
    """It is httpx2's error."""

    async def main() -> None:
        pool = Pool(transport=_Answers())
        request = pool.build_request("GET", _URL)
        await pool.aclose()
        with pytest.raises(RuntimeError, match="closed"):
            await pool.send(request)

    asyncio.run(main())


def test_the_log_of_httpx2_has_its_line(caplog: pytest.LogCaptureFixture) -> None:
    """Whoever listens to httpx2's log reads of each request, as ever."""
    caplog.set_level(logging.INFO, "httpx2")

    async def ask(client: httpx2.AsyncClient) -> None:
        await client.send(client.build_request("GET", _URL))

    asyncio.run(_both(ask))
    lines = [record.getMessage() for record in caplog.records if record.name == "httpx2"]
    assert len(lines) == 2
    assert lines[0] == lines[1]
