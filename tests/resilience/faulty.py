"""A server that misbehaves below HTTP: what it does with a connection, once a request came, is a function."""

from __future__ import annotations

import asyncio
import socket
import struct
from typing import TYPE_CHECKING, Self

from pipelex_testing.server import Received, Server

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    Fault = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]

HEAD = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n"


class FaultyServer(Server):
    """Takes requests, and does to each connection what it is told."""

    def __init__(self, fault: Fault) -> None:
        super().__init__()
        self._fault = fault
        self._serving: set[asyncio.Task[None]] = set()
        self._tcp: asyncio.Server | None = None

    async def __aenter__(self) -> Self:
        self._tcp = await asyncio.start_server(self._begin, "127.0.0.1", 0)
        self.url = f"http://127.0.0.1:{self._tcp.sockets[0].getsockname()[1]}"
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self._tcp is not None
        self._tcp.close()
        for task in self._serving:
            task.cancel()
        await asyncio.gather(*self._serving, return_exceptions=True)
        await self._tcp.wait_closed()

    async def _begin(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        task = asyncio.create_task(self._serve(reader, writer))
        self._serving.add(task)
        await asyncio.wait([task])
        self._serving.discard(task)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            request = await _request(reader)
            self.received.append(request)
            await self._fault(reader, writer)
        except (ConnectionError, asyncio.IncompleteReadError):
            pass  # the client has gone
        finally:
            writer.transport.abort()


async def _request(reader: asyncio.StreamReader) -> Received:
    head = await reader.readuntil(b"\r\n\r\n")
    first, *lines = head.decode("latin-1").strip().split("\r\n")
    method, target, _ = first.split(" ", 2)
    headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
    body = await reader.readexactly(int(headers.get("content-length", 0)))
    return Received(method=method, path=target, query={}, headers=headers, body=body)


async def silence(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Not a byte, until the client goes."""
    await reader.read()


async def silence_after_headers(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """The headers of an answer, and no more."""
    writer.write(HEAD + b"content-length: 100\r\n\r\n")
    await reader.read()


async def drip(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Headers, and then a byte now and then, for ever."""
    writer.write(HEAD + b"transfer-encoding: chunked\r\n\r\n")
    while True:
        writer.write(b"1\r\n \r\n")
        await writer.drain()
        await asyncio.sleep(0.05)


async def dripping_headers(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """The headers themselves byte by byte, for ever."""
    writer.write(b"HTTP/1.1 200 OK\r\nx-slow: ")
    while True:
        writer.write(b"a")
        await writer.drain()
        await asyncio.sleep(0.05)


async def drop(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """The connection closed in place of an answer."""


async def reset(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """A RST in place of an answer."""
    _reset(writer)


async def reset_in_the_body(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """A RST in the middle of an answer."""
    writer.write(HEAD + b'content-length: 100\r\n\r\n{"id": "a", ')
    await writer.drain()
    await asyncio.sleep(0.02)  # let it arrive
    _reset(writer)


async def garbage(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Bytes that are no HTTP."""
    writer.write(b"\x16\x03\x01\x02\x00 SSH-2.0-OpenSSH\r\n\r\n")
    await writer.drain()
    await asyncio.sleep(0.02)


async def cut_in_headers(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Half of the headers, and the end."""
    writer.write(HEAD)
    await writer.drain()
    await asyncio.sleep(0.02)


def _reset(writer: asyncio.StreamWriter) -> None:
    sock = writer.get_extra_info("socket")
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()


class Nobody(Server):
    """An address where nobody listens, by its number or by a name that nobody has."""

    def __init__(self, host: str = "127.0.0.1") -> None:
        super().__init__()
        self._host = host

    async def __aenter__(self) -> Self:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.url = f"http://{self._host}:{free.getsockname()[1]}"
        return self

    async def __aexit__(self, *_: object) -> None:
        """There is nothing to close."""
