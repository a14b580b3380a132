"""One request and its answer, on bare ASGI.

An answer in one piece is one write. A stream joins what came in one turn of the event loop into one write, and ends the
call to the provider as soon as its client has left. Starlette's `StreamingResponse` costs three times as much, and
`BaseHTTPMiddleware` fifteen times.
"""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING, Any

from pipelex_serve.bodies import body_pieces, read_body, read_json
from pipelex_serve.jsons import encode

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Iterable, MutableMapping

    from starlette.types import Receive, Scope, Send

    from pipelex_serve.keys.key import Key
    from pipelex_serve.problems import Problem
    from pipelex_serve.protocols import Surface
    from pipelex_serve.settings import Limits

    Headers = list[tuple[bytes, bytes]]

LEFT = "pipelex.left"
"""Key of the scope: what the server calls when the client has left before its answer was complete."""

_JSON = (b"content-type", b"application/json")
_EVENTS = (b"content-type", b"text/event-stream; charset=utf-8")
_NO_CACHE = (b"cache-control", b"no-cache")
_UNBUFFERED = (b"x-accel-buffering", b"no")
_MOST_WAITING = 64 * 1024
"""Bytes that may wait for the end of a turn."""

_SLOWEST_READ = 120.0
"""Seconds in which a client has to take what was sent to it, before its stream is given up."""


class Exchange:
    """One request and its answer.

    Attributes:
        scope: As ASGI gives it; its `path` is the route's, whatever the client wrote.
        id: Goes out as `x-request-id`, and into the log.
        surface: The protocol of its client.
        key: Whose key it came with.
        status: HTTP status of the answer, 0 before it began, 499 where the client left.
        is_remaining: Whether the client left before its answer was complete.
        notes: What the log and the metrics say of it: handle, model, tokens.
        further: Headers that go with the answer.
    """

    def __init__(
        self, scope: Scope, receive: Receive, send: Send, *, id: str, surface: Surface, limits: Limits
    ) -> None:
        self.scope = scope
        self.id = id
        self.surface = surface
        self.key: Key | None = None
        self.status = 0
        self.is_remaining = False
        self.notes: dict[str, Any] = {}
        self.further: Headers = []
        self.started = time.monotonic()
        self._receive = receive
        self._send = send
        self._limits = limits
        self._task = asyncio.current_task()
        self._headers: dict[bytes, bytes] | None = None
        scope[LEFT] = self._client_gone

    def _client_gone(self) -> None:
        self.is_remaining = True
        if self._task is not None:
            self._task.cancel()

    @property
    def headers(self) -> dict[bytes, bytes]:
        """The request's headers; of one that comes several times, the last."""
        if self._headers is None:
            self._headers = dict(self.scope["headers"])
        return self._headers

    async def body(self) -> bytes:
        """The request's body, decompressed; too large a one, or too slow a one, is refused."""
        return await read_body(self._receive, self.headers, self._limits)

    def body_pieces(self) -> AsyncGenerator[bytes, None]:
        """The same piece by piece, for what need not be held as a whole."""
        return body_pieces(self._receive, self.headers, self._limits)

    async def json(self) -> dict[str, Any]:
        """The request's body, which must be a JSON object."""
        return read_json(await self.body())

    async def answer(self, value: Any, status: int = 200) -> None:
        """Answer with JSON."""
        await self.answer_bytes(encode(value), _JSON[1], status)

    async def answer_bytes(self, body: bytes, content_type: bytes, status: int = 200) -> None:
        """Answer with bytes of a type."""
        self.status = status
        length = (b"content-length", str(len(body)).encode("ascii"))
        headers = [(b"content-type", content_type), length, (b"x-request-id", self.id.encode("ascii")), *self.further]
        await self._send({"type": "http.response.start", "status": status, "headers": headers})
        await self._send({"type": "http.response.body", "body": body})

    async def fail(self, problem: Problem) -> None:
        """Answer with an error, in the form of the client's protocol; nothing where an answer has begun."""
        if self.status:
            return
        self.notes["error"] = problem.code
        self.further += problem.headers()
        await self.answer(self.surface.error_body(problem, self.id), self.surface.status_of(problem))

    async def open_stream(self, content_type: bytes = _EVENTS[1]) -> EventStream:
        """Begin a stream: of server-sent events, or of bytes of another type."""
        self.status = 200
        headers = [
            (b"content-type", content_type),
            _NO_CACHE,
            _UNBUFFERED,
            (b"x-request-id", self.id.encode("ascii")),
            *self.further,
        ]
        await self._send({"type": "http.response.start", "status": 200, "headers": headers})
        return EventStream(self._send)

    def add_headers(self, headers: Iterable[tuple[bytes, bytes]]) -> None:
        """Let headers go with the answer, which has not begun."""
        self.further += headers


class EventStream:
    """Server-sent events, or bytes, on their way out; what is put in one turn of the event loop leaves in one write."""

    def __init__(self, send: Send) -> None:
        self._send = send
        self._waiting: list[bytes] = []
        self._size = 0
        self._is_due = False
        self._is_full = False
        self._call_soon = asyncio.get_running_loop().call_soon

    @property
    def is_full(self) -> bool:
        """Whether the client takes less than it is sent: wait for `drain` before more is put."""
        return self._is_full

    def put(self, event: bytes) -> None:
        """Send an event with the others of this turn."""
        self._waiting.append(event)
        self._size += len(event)
        if not self._is_due:
            self._is_due = True
            self._call_soon(self._flush)
        elif self._size > _MOST_WAITING:  # whoever makes events without waiting for anything lets no turn end
            self._write()

    def _flush(self) -> None:
        """Write what waits, if that needs no waiting: a send waits only before it has written anything."""
        self._is_due = False
        self._write()

    def _write(self) -> None:
        if not self._waiting or self._is_full:
            return
        sending: Any = self._send(self._message(b"".join(self._waiting)))
        try:
            sending.send(None)
        except StopIteration:
            self._waiting.clear()
            self._size = 0
        else:
            sending.close()
            self._is_full = True

    async def drain(self) -> None:
        """Wait until the client has taken what was sent.

        Raises:
            TimeoutError: It takes nothing.
        """
        waiting, self._waiting, self._size = self._waiting, [], 0
        async with asyncio.timeout(_SLOWEST_READ):
            await self._send(self._message(b"".join(waiting)))
        self._is_full = False

    async def end(self, *events: bytes) -> None:
        """Send the last events, and end."""
        rest, self._waiting = [*self._waiting, *events], []
        async with asyncio.timeout(_SLOWEST_READ):
            await self._send(self._message(b"".join(rest), more=False))

    @staticmethod
    def _message(body: bytes, *, more: bool = True) -> MutableMapping[str, Any]:
        return {"type": "http.response.body", "body": body, "more_body": more}
