"""The pool's own way of making a request gives what httpx2 gives, and sends nothing that nobody asked for."""

from __future__ import annotations

import asyncio
import contextlib
from typing import Any

import httpx2
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelex_core.errors import InvalidAnswerError
from pipelex_core.execution.resources import LoopResources
from pipelex_core.sending import Sending, sending
from pipelex_http.pool import Pool
from pipelex_http.transport import _MOST_TEXTS, _HeaderTexts

_NAMES = st.sampled_from(
    ["Accept", "ACCEPT-ENCODING", "user-agent", "connection", "Host", "content-length", "Transfer-Encoding", "X-One"]
)
_PAIRS = st.lists(st.tuples(_NAMES, st.text("abc0 ,;=", max_size=5)), max_size=6)
_HEADERS = st.one_of(st.none(), _PAIRS, _PAIRS.map(dict), _PAIRS.map(httpx2.Headers))
_BODIES = st.one_of(st.none(), st.binary(max_size=9), st.text("aé", max_size=9))
_URLS = st.sampled_from(
    ["http://127.0.0.1:80/v1/chat", "https://a.example:8443/v1?x=1#y", "/relative", httpx2.URL("https://ü.example/a b")]
)
_TIMEOUTS = st.sampled_from([httpx2.USE_CLIENT_DEFAULT, None, 2.5, httpx2.Timeout(None, connect=30.0)])


def _reported(request: httpx2.Request) -> dict[str, Any]:
    return {
        "method": request.method,
        "url": str(request.url),
        "headers": sorted((name.lower(), value) for name, value in request.headers.multi_items()),
        "body": request.content,
        "extensions": request.extensions,
    }


@pytest.mark.parametrize("more", [{}, {"params": {"a": "b"}}, {"params": {}}, {"json": {}}, {"cookies": {"a": "b"}}])
@given(
    method=st.sampled_from(["post", "GET", "PUT"]),
    url=_URLS,
    headers=_HEADERS,
    content=_BODIES,
    timeout=_TIMEOUTS,
    cookie=st.booleans(),
)
def test_a_request_comes_out_as_httpx2_makes_it(more: dict[str, Any], cookie: bool, **given: Any) -> None:
    """Method, address, headers, body and timeouts are those of `httpx2.AsyncClient`, whatever is given."""
    own: dict[str, Any] = {"headers": {"X-Own": "1", "user-agent": "own"}, "timeout": 7.0, "trust_env": False}
    if "json" in more:
        given["content"] = None
    pool, plain = (
        kind(**own, base_url="http://base.example/v1", transport=httpx2.AsyncBaseTransport())
        for kind in (Pool, httpx2.AsyncClient)
    )
    if cookie:
        for client in (pool, plain):
            client.cookies.set("session", "1", domain="a.example")
    assert _reported(pool.build_request(**given, **more)) == _reported(plain.build_request(**given, **more))


async def _heard(headers: dict[str, str]) -> bytes:
    """What a server hears of a request with these headers alone."""
    heard: list[bytes] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        heard.append(await reader.readuntil(b"\r\n\r\n"))
        writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok")
        await writer.drain()
        writer.close()

    resources = LoopResources()
    async with await asyncio.start_server(serve, "127.0.0.1", 0) as server:
        url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/"
        try:
            await resources.http().send(httpx2.Request("POST", url, headers=headers, content=b"{}"))
        finally:
            await resources.close()
    return heard[0]


@pytest.mark.parametrize("headers", [{}, {"accept": "a/b"}, {"User-Agent": "me", "Accept-Encoding": "identity"}])
def test_the_transport_adds_no_header_of_its_own(headers: dict[str, str]) -> None:
    """What is sent is what the request says, and its host and length."""
    lines = asyncio.run(_heard(headers)).decode().split("\r\n")[1:-2]
    names = {line.partition(":")[0].lower() for line in lines}
    assert names == {name.lower() for name in headers} | {"host", "content-length"}


@given(headers=st.lists(st.tuples(st.sampled_from([b"X-One", b"X-TWO"]), st.binary(max_size=4)), max_size=4))
def test_headers_are_read_as_httpx2_reads_them(headers: list[tuple[bytes, bytes]]) -> None:
    """Names and values are those of `multi_items`, in whatever encoding they are."""
    texts = _HeaderTexts()
    for _ in range(2):  # the second time they are known
        assert list(texts.of(httpx2.Headers(headers)).items()) == httpx2.Headers(headers).multi_items()


def test_the_texts_of_headers_that_differ_in_each_request_are_forgotten() -> None:
    """A pool keeps those of a few hundred headers, however many requests it sends."""
    texts = _HeaderTexts()
    for number in range(10 * _MOST_TEXTS):
        assert texts.of(httpx2.Headers({"x-id": str(number)}))["X-Id"] == str(number)
    assert len(texts._texts) <= _MOST_TEXTS + 2


@pytest.mark.parametrize("most", [None, 3])
@pytest.mark.parametrize("status", [200, 429])
@pytest.mark.parametrize("pause", [0.0, 0.05])
def test_an_answer_that_came_with_its_head_is_as_any_other(pause: float, status: int, most: int | None) -> None:
    """Whether a body comes with its head or after it: its bytes, its limit, and that its connection is used again are the same."""
    connections = 0

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal connections
        connections += 1
        with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError):
            while await reader.readuntil(b"\r\n\r\n"):
                head, body = b"HTTP/1.1 %d X\r\nContent-Length: 8\r\n\r\n" % status, b"the body"
                if pause:
                    writer.write(head)
                    await asyncio.sleep(pause)
                    writer.write(body)
                else:
                    writer.write(head + body)
        writer.close()

    async def main() -> list[str]:
        reported = Sending() if most is None else Sending(most=most)
        token = sending.set(reported)
        resources = LoopResources()
        try:
            async with await asyncio.start_server(answer, "127.0.0.1", 0) as server:
                url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/"
                pool = resources.http()
                read = []
                for _ in range(2):
                    try:
                        response = await pool.get(url)
                    except httpx2.DecodingError:
                        read.append("too large")
                        assert isinstance(reported.fault, InvalidAnswerError)
                    else:
                        read.append(response.text)
                await resources.close()
                return read
        finally:
            sending.reset(token)

    read = asyncio.run(main())
    if most is None:
        assert read == ["the body"] * 2
        assert connections == 1
    else:
        assert read == (["too large"] * 2 if status == 200 else [""] * 2)
