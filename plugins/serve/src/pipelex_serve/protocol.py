"""uvicorn's HTTP protocol, with what it lacks: limits of a request's head, and a word when a client leaves.

httptools keeps a head in memory however long it grows, and waits for it for ever.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from pipelex_serve.exchange import LEFT
from pipelex_serve.settings import Limits

if TYPE_CHECKING:
    import asyncio

_CHUNKED = b"transfer-encoding: chunked\r\n"


class JoiningTransport:
    """A connection's transport, on which the head of an answer waits for the first piece of its body: one write, not two.

    A write is a system call, and the dearest part of a small answer.

    Attributes:
        is_old: Whether the client speaks HTTP/1.0, which has no chunks (RFC 9112, 7): a body of unknown length goes out bare,
            and ends with the connection. uvicorn makes chunks of it, each in a write of its own.
    """

    is_old = False

    def __init__(self, transport: asyncio.Transport) -> None:
        self._transport = transport
        self._head: bytes | None = None
        self._is_chunked = False
        self.is_closing = transport.is_closing

    def write(self, data: bytes) -> None:
        """Write, or keep a head for what follows it."""
        if self.is_old:
            data = self._without_chunks(data)
        if self._head is not None:
            data, self._head = self._head + data, None
        elif data.startswith(b"HTTP/1.1 ") and not data.startswith(b"HTTP/1.1 100"):
            self._head = data
            return
        self._transport.write(data)

    def _without_chunks(self, data: bytes) -> bytes:
        """A head, or a piece of a body, as HTTP/1.0 has it."""
        if self._head is None and data.startswith(b"HTTP/1.1 "):
            self._is_chunked = _CHUNKED in data
            return data.replace(_CHUNKED, b"", 1)
        if not self._is_chunked:
            return data
        size, _, rest = data.partition(b"\r\n")
        return rest[: int(size or b"0", 16)]

    def flush(self) -> None:
        """Write a head that nothing followed."""
        if self._head is not None:
            data, self._head = self._head, None
            self._transport.write(data)

    def close(self) -> None:
        """Close, once what waits is written."""
        self.flush()
        self._transport.close()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._transport, name)


class Protocol(HttpToolsProtocol):
    """One connection."""

    limits = Limits()

    def __init__(self, *arguments: Any, **named: Any) -> None:
        super().__init__(*arguments, **named)
        self._head = 0
        self._is_in_head = True
        self._is_refused = False
        self._clock: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Start the clock of the first head."""
        self._joining = JoiningTransport(transport)
        super().connection_made(self._joining)  # type: ignore[arg-type]  # as far as it is used
        self._start_clock()

    def connection_lost(self, exc: Exception | None) -> None:
        """Tell whoever answers that nobody waits for it any more."""
        self._stop_clock()
        cycle: Any = self.cycle
        if cycle is not None and not cycle.response_complete:
            on_gone: Any = cycle.scope.get(LEFT)
            super().connection_lost(exc)
            if on_gone is not None:
                on_gone()
            return
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Count what belongs to a head."""
        if self._is_refused:
            return
        if self._is_in_head:
            if self._clock is None:
                self._start_clock()
            self._head += len(data)
        super().data_received(data)
        if self._is_in_head and self._head > self.limits.head_bytes:
            self._refuse(
                b"431 Request Header Fields Too Large", "the request's headers are too large", "headers_too_large"
            )

    def on_message_begin(self) -> None:
        """A head begins."""
        self._is_in_head = True
        super().on_message_begin()

    def on_headers_complete(self) -> None:
        """A head has ended."""
        self._is_in_head = False
        self._head = 0
        self._stop_clock()
        size = len(self.url) + sum(len(name) + len(value) for name, value in self.headers)
        if size > self.limits.head_bytes:
            self._refuse(
                b"431 Request Header Fields Too Large", "the request's headers are too large", "headers_too_large"
            )
            return
        self._joining.is_old = self.parser.get_http_version() == "1.0"
        super().on_headers_complete()

    def on_message_complete(self) -> None:
        """A body has ended: what comes next is a head."""
        if not self._is_refused:
            super().on_message_complete()
        self._is_in_head = True

    def on_response_complete(self) -> None:
        """An answer is complete: one without a body has to leave."""
        self._joining.flush()
        super().on_response_complete()

    def on_body(self, body: bytes) -> None:
        """A piece of a body."""
        if not self._is_refused:
            super().on_body(body)

    def _start_clock(self) -> None:
        self._clock = self.loop.call_later(self.limits.head_seconds, self._too_slow)

    def _stop_clock(self) -> None:
        if self._clock is not None:
            self._clock.cancel()
            self._clock = None

    def _too_slow(self) -> None:
        self._clock = None
        if self._head:
            self._refuse(b"408 Request Timeout", "the request's headers took too long", "request_timeout")
        elif not self.transport.is_closing():
            self.transport.close()

    def _refuse(self, status: bytes, message: str, code: str) -> None:
        self._is_refused = True
        if self.transport.is_closing():
            return
        body = b'{"error":{"message":"%s","type":"invalid_request_error","param":null,"code":"%s"}}' % (
            message.encode("ascii"),
            code.encode("ascii"),
        )
        head = b"HTTP/1.1 %s\r\ncontent-type: application/json\r\ncontent-length: %d\r\nconnection: close\r\n\r\n"
        self.transport.write(head % (status, len(body)) + body)
        self.transport.close()
