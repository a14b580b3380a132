"""A small HTTP/1.1 server on loopback: scripted replies, server-sent events, recorded requests, faults.

    async with Server() as server:
        server.queue(Reply.json({"error": "slow down"}, status=429, headers={"Retry-After": "2"}))
        server.queue(Reply.sse({"delta": "Hel"}, {"delta": "lo"}, "[DONE]", pause=0.01))
        ...point an SDK at server.url...
        assert server.received[0].json["model"] == "gpt-4o-mini"

Replies are given in the order they were queued; when none is left, `answer` decides, which a subclass overrides.
Synchronous code uses `with in_thread(Server()) as server`.
"""

from __future__ import annotations

import asyncio
import threading
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, ClassVar, Self
from urllib.parse import parse_qsl, unquote, urlsplit

from attrs import define, field

from pipelex_testing.replies import Fault, Received, Reply, sse_event
from pipelex_testing.rulebook import Rulebook

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

__all__ = ["Fault", "Received", "Reply", "Server", "in_thread", "sse_event"]


class Server:
    """The server; an asynchronous context manager that listens on a free port of 127.0.0.1.

    Attributes:
        url: Its address, such as `http://127.0.0.1:40123`, without a slash at the end.
        received: Every request, oldest first.
        abandoned: The requests whose client went away before the answer was complete.
        connections: How many connections were made.
        rules: What the provider would refuse, checked before anything is answered; None switches that off.
        provider: Whose rules a subclass checks by default.
        refused: The ids of the rules that requests broke.
        faults: What went wrong in the server itself: a wire that raised.
        on_fault: Called when something did.
    """

    provider: ClassVar[str | None] = None

    def __init__(self, rules: Rulebook | None = None) -> None:
        self.url = ""
        self.rules = Rulebook(provider=self.provider) if rules is None and self.provider else rules
        self.refused: list[str] = []
        self.faults: list[Exception] = []
        self.on_fault: Callable[[], None] = _nothing
        self.received: list[Received] = []
        self.abandoned: list[Received] = []
        self.connections = 0
        self._queued: list[Reply] = []
        self.opened: set[_Connection] = set()
        self._listener: asyncio.Server | None = None

    def queue(self, *replies: Reply) -> None:
        """Give these next, in this order."""
        self._queued += replies

    def forget(self) -> None:
        """Give nothing of what is still queued."""
        self._queued.clear()

    async def answer(self, request: Received) -> Reply:
        """What to reply when nothing is queued."""
        return Reply.json({"error": {"message": f"nothing queued for {request.method} {request.path}"}}, status=500)

    async def __aenter__(self) -> Self:
        loop = asyncio.get_running_loop()
        self._listener = await loop.create_server(lambda: _Connection(self), "127.0.0.1", 0)
        self.url = f"http://127.0.0.1:{self._listener.sockets[0].getsockname()[1]}"
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self._listener is not None
        self._listener.close()
        tasks = [connection.task for connection in self.opened if connection.task]
        for connection in list(self.opened):
            connection.stop()
        await asyncio.gather(*tasks, return_exceptions=True)
        await self._listener.wait_closed()

    async def reply_to(self, request: Received) -> Reply:
        """Note a request, and choose its reply."""
        self.received.append(request)
        refusal = self.rules.refuse(request) if self.rules else None
        if refusal is not None:
            self.refused.append(refusal.headers["x-pipelex-rule"])
            return refusal
        return self._queued.pop(0) if self._queued else await self.answer(request)


def _nothing() -> None:
    pass


@define(eq=False)
class _Connection(asyncio.Protocol):
    """One connection, kept alive; one request at a time."""

    server: Server
    transport: asyncio.Transport = field(init=False)
    buffer: bytearray = field(init=False, factory=bytearray)
    task: asyncio.Task[None] | None = field(init=False, default=None)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport  # type: ignore[assignment]  # a stream's; other loops have classes of their own for it
        self.server.connections += 1
        self.server.opened.add(self)

    def data_received(self, data: bytes) -> None:
        self.buffer += data
        self._next()

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 -- as asyncio calls it
        self.server.opened.discard(self)
        if self.task:
            self.task.cancel()

    def stop(self) -> None:
        self.transport.abort()
        if self.task:
            self.task.cancel()

    def _next(self) -> None:
        if self.task is None and (request := _take_request(self.buffer)):
            self.task = asyncio.get_running_loop().create_task(self._serve(request))

    async def _serve(self, request: Received) -> None:
        complete = False
        try:
            await self._send(await self.server.reply_to(request))
            complete = True
        except Exception as error:  # noqa: BLE001 -- a wire's own mistake: the scenario ends with it
            self.server.faults.append(error)
            self.server.on_fault()
            self.transport.abort()
        finally:
            self.task = None
            if not complete:
                self.server.abandoned.append(request)
        self._next()

    async def _send(self, reply: Reply) -> None:
        if reply.delay:
            await asyncio.sleep(reply.delay)
        if reply.fault == "hang":
            await asyncio.Event().wait()
        if reply.fault == "drop" or self.transport.is_closing():
            self.transport.abort()
            return
        self.transport.write(_head(reply))
        for number, chunk in enumerate(reply.chunks):
            if number == reply.stall_after:
                await asyncio.Event().wait()
            if number == reply.cut_after:
                await asyncio.sleep(0.01)  # let what was written leave
                self.transport.close()
                return
            if reply.pause and number:
                await asyncio.sleep(reply.pause)
            self.transport.write(b"%x\r\n%b\r\n" % (len(chunk), chunk) if reply.chunked else chunk)
        if reply.chunked:
            self.transport.write(b"0\r\n\r\n")


def _head(reply: Reply) -> bytes:
    headers = {"Content-Type": reply.content_type, **reply.headers}
    if reply.chunked:
        headers["Transfer-Encoding"] = "chunked"
    else:
        headers["Content-Length"] = str(sum(map(len, reply.chunks)))
    lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
    return f"HTTP/1.1 {reply.status} Status\r\n{lines}\r\n".encode("latin-1")


def _take_request(buffer: bytearray) -> Received | None:
    """The first whole request, taken out of the buffer; None where more bytes must come."""
    head, separator, rest = bytes(buffer).partition(b"\r\n\r\n")
    if not separator:
        return None
    first, *lines = head.decode("latin-1").split("\r\n")
    method, target, _ = first.split(" ", 2)
    headers = {name.strip().lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
    if headers.get("transfer-encoding", "").lower() == "chunked":
        taken = _take_chunks(rest)
        if taken is None:
            return None
        body, used = taken
    else:
        used = int(headers.get("content-length", 0))
        if len(rest) < used:
            return None
        body = rest[:used]
    del buffer[: len(head) + 4 + used]
    url = urlsplit(target)
    return Received(method=method, path=unquote(url.path), query=dict(parse_qsl(url.query)), headers=headers, body=body)


def _take_chunks(data: bytes) -> tuple[bytes, int] | None:
    """The body of a chunked request and how many bytes it took; None where more must come."""
    body, position = b"", 0
    while True:
        end = data.find(b"\r\n", position)
        if end < 0:
            return None
        size = int(data[position:end].split(b";")[0], 16)
        start = end + 2
        if len(data) < start + size + 2:
            return None
        body += data[start : start + size]
        position = start + size + 2
        if size == 0:
            return body, position


@contextmanager
def in_thread(server: Server) -> Iterator[Server]:
    """Run a server in a thread of its own, for synchronous code."""
    started, stop = threading.Event(), asyncio.Event()
    loops: list[asyncio.AbstractEventLoop] = []

    async def main() -> None:
        loops.append(asyncio.get_running_loop())
        async with server:
            started.set()
            await stop.wait()

    thread = threading.Thread(target=asyncio.run, args=(main(),), daemon=True)
    thread.start()
    try:
        assert started.wait(10), "the server did not start"
        yield server
    finally:
        with suppress(RuntimeError):  # it has ended already
            loops[0].call_soon_threadsafe(stop.set)
        thread.join(10)
