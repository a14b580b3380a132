"""The test server itself: what it records, and that its faults are faults."""

from __future__ import annotations

import asyncio
import http.client
from typing import TYPE_CHECKING

import httpx2
import pytest

from tests.servers.base import Received, Reply, Server, in_thread, sse_event

if TYPE_CHECKING:
    from collections.abc import AsyncIterator


async def ask(server: Server) -> httpx2.Response:
    async with httpx2.AsyncClient(trust_env=False, timeout=0.5) as client:
        return await client.post(f"{server.url}/v1/thing?a=1", json={"x": "ü"})


def test_a_request_is_recorded_and_replies_come_in_order() -> None:
    """Queued replies are given first to last, and the request is kept with its parts."""

    async def main() -> None:
        async with Server() as server, httpx2.AsyncClient(trust_env=False) as client:
            server.queue(Reply.json({"n": 1}), Reply.json({"n": 2}, status=429, headers={"Retry-After": "2"}))
            first = await client.post(f"{server.url}/v1/a%20b?q=1", json={"x": "ü"}, headers={"X-Id": "7"})
            second = await client.post(f"{server.url}/v1/b", content=b"")
            third = await client.get(f"{server.url}/v1/c")
            assert first.json() == {"n": 1}
            assert (second.status_code, second.headers["retry-after"]) == (429, "2")
            assert third.status_code == 500
            got = server.received[0]
            assert (got.method, got.path, got.query, got.headers["x-id"]) == ("POST", "/v1/a b", {"q": "1"}, "7")
            assert got.json == {"x": "ü"}
            assert server.connections == 1

    asyncio.run(main())


def test_a_chunked_request_is_read_whole() -> None:
    """A body without a length is put together from its chunks."""

    async def body() -> AsyncIterator[bytes]:
        yield b"ab"
        yield b"c" * 70000

    async def main() -> None:
        async with Server() as server, httpx2.AsyncClient(trust_env=False) as client:
            server.queue(Reply.json({}))
            await client.post(server.url, content=body())
            assert server.received[0].body == b"ab" + b"c" * 70000

    asyncio.run(main())


def test_events_are_streamed() -> None:
    """`Reply.sse` sends one event after the other, in the forms servers use."""

    async def main() -> None:
        async with Server() as server:
            server.queue(Reply.sse({"a": 1}, ("ping", {}), ": comment", b"raw\n\n", "[DONE]"))
            answer = await ask(server)
            assert answer.headers["content-type"].startswith("text/event-stream")
            assert answer.text == ('data: {"a": 1}\n\nevent: ping\ndata: {}\n\n: comment\n\nraw\n\ndata: [DONE]\n\n')

    asyncio.run(main())


@pytest.mark.parametrize(
    "reply, error",
    [
        (Reply(fault="drop"), httpx2.RemoteProtocolError),
        (Reply(fault="hang"), httpx2.ReadTimeout),
        (Reply(chunks=(b"a", b"b"), cut_after=1), httpx2.RemoteProtocolError),
        (Reply(chunks=(b"a", b"b"), cut_after=1, chunked=True), httpx2.RemoteProtocolError),
        (Reply(chunks=(b"a", b"b"), stall_after=1), httpx2.ReadTimeout),
        (Reply(delay=5), httpx2.ReadTimeout),
    ],
    ids=["drop", "hang", "cut", "cut-chunked", "stall", "delay"],
)
def test_a_fault_is_a_fault(reply: Reply, error: type[Exception]) -> None:
    """Each fault reaches a client as the transport error it stands for."""

    async def main() -> None:
        async with Server() as server:
            server.queue(reply)
            with pytest.raises(error):
                await ask(server)

    asyncio.run(main())


def test_a_client_that_leaves_is_noticed() -> None:
    """A client that closes the connection in the middle of an answer is in `abandoned`."""

    async def main() -> None:
        async with Server() as server, httpx2.AsyncClient(trust_env=False) as client:
            server.queue(Reply.sse("one", "two", stall_after=1))
            async with client.stream("GET", server.url) as answer:
                async for data in answer.aiter_raw():
                    assert data == sse_event("one")
                    break
            for _ in range(100):
                if server.abandoned:
                    break
                await asyncio.sleep(0.01)
            assert server.abandoned == server.received

    asyncio.run(main())


def test_synchronous_code_uses_a_thread() -> None:
    """`in_thread` serves while the thread that asks blocks; a subclass answers by itself."""

    class Echo(Server):
        async def answer(self, request: Received) -> Reply:
            return Reply.text(request.body.decode(), content_type="text/plain")

    with in_thread(Echo()) as server:
        connection = http.client.HTTPConnection("127.0.0.1", int(server.url.rpartition(":")[2]))
        connection.request("POST", "/", body="hello")
        assert connection.getresponse().read() == b"hello"
        connection.close()
