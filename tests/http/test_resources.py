"""The shared pool: one client for every SDK of a loop, and what it never does."""

from __future__ import annotations

import asyncio
import hashlib
import socket

import httpx2
import pytest

from pipelex_core.execution.resources import LoopResources


async def _server(
    log: list[tuple[str, bytes]], answer: bytes = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok"
) -> asyncio.Server:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while True:
                head = (await reader.readuntil(b"\r\n\r\n")).decode()
                length = [
                    int(line.split(":")[1]) for line in head.lower().splitlines() if line.startswith("content-length:")
                ]
                log.append((head, await reader.readexactly(length[0]) if length else b""))
                writer.write(answer)
                await writer.drain()
        except asyncio.IncompleteReadError:
            writer.close()

    return await asyncio.start_server(serve, "127.0.0.1", 0)


@pytest.mark.parametrize("size", [0, 10, 1024 * 1024, 12_000_000])
def test_a_body_of_any_size_arrives_whole(size: int) -> None:
    """With its length, not chunked, and without a warning from below."""

    async def main() -> None:
        log: list[tuple[str, bytes]] = []
        server = await _server(log)
        resources = LoopResources()
        body = bytes(range(256)) * (size // 256) + b"x" * (size % 256)
        async with server:
            url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/"
            response = await resources.http().post(url, content=body)
            assert response.text == "ok"
            await resources.close()
        (head, got) = log[0]
        assert "chunked" not in head.lower()
        assert hashlib.sha256(got).digest() == hashlib.sha256(body).digest()

    asyncio.run(main())


def test_the_pool_is_one_follows_no_redirect_and_keeps_no_cookie() -> None:
    """A key in a header goes to the configured host only."""

    async def main() -> None:
        log: list[tuple[str, bytes]] = []
        moved = b"HTTP/1.1 302 Found\r\nlocation: http://127.0.0.1:1/\r\nset-cookie: a=b\r\ncontent-length: 0\r\n\r\n"
        server = await _server(log, moved)
        resources = LoopResources()
        assert resources.http() is resources.http()
        async with server:
            url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/"
            for _ in range(2):
                assert (await resources.http().get(url, headers={"authorization": "Bearer k"})).status_code == 302
            await resources.close()
        assert len(log) == 2
        await resources.close()

    asyncio.run(main())


def test_a_refused_and_a_dropped_connection_are_no_timeouts() -> None:
    """The pool's errors say what happened."""

    async def main() -> None:
        async def drop(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await reader.readuntil(b"\r\n\r\n")
            writer.close()

        server = await asyncio.start_server(drop, "127.0.0.1", 0)
        url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/"
        resources = LoopResources()
        async with server:
            with pytest.raises(httpx2.RemoteProtocolError):
                await resources.http().post(url, content=b"x")
        with pytest.raises(httpx2.ConnectError):
            await resources.http().post(url, content=b"x")
        await resources.close()

    asyncio.run(main())


def test_an_answer_that_is_no_http() -> None:
    """It is an error of httpx2's, and its text is not the answer's."""

    async def main() -> None:
        server = await _server([], b"hello\r\n\r\n")
        resources = LoopResources()
        async with server:
            url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/"
            with pytest.raises(httpx2.RemoteProtocolError, match="not HTTP"):
                await resources.http().get(url, headers={"Authorization": "Bearer secret"})
            await resources.close()

    asyncio.run(main())


@pytest.mark.parametrize("address", ["http://x:99999/", "http://a..b/", f"http://{'a' * 300}/"])
def test_an_address_that_is_none_is_an_error_of_the_pools_own(address: str) -> None:
    """Not a bare `ValueError`, which no table of errors has."""

    async def main() -> None:
        resources = LoopResources()
        with pytest.raises(httpx2.UnsupportedProtocol):
            await resources.http().get(address)
        await resources.close()

    asyncio.run(main())


def test_a_host_with_a_dead_family_of_addresses_is_reached_by_the_other(monkeypatch: pytest.MonkeyPatch) -> None:
    """One that refuses, or that nothing comes back from, such as IPv6 on a network that only claims to have it."""

    async def main() -> None:
        server = await _server([])
        port = server.sockets[0].getsockname()[1]

        def look_up(host: str, *_args: object, **_options: object) -> list[tuple[object, ...]]:
            stream = (socket.SOCK_STREAM, socket.IPPROTO_TCP, "")
            return [
                (socket.AF_INET6, *stream, ("::1", port, 0, 0)),
                (socket.AF_INET6, *stream, ("100::1", port, 0, 0)),
                (socket.AF_INET, *stream, ("127.0.0.1", port)),
            ]

        monkeypatch.setattr(socket, "getaddrinfo", look_up)
        resources = LoopResources()
        async with server:
            assert (await resources.http().get(f"http://dual.test:{port}/")).text == "ok"
            await resources.close()

    asyncio.run(main())
