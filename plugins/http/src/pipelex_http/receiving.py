"""The bodies of answers, as they come: bounded, decoded, and read at once where they are small."""

from __future__ import annotations

from asyncio import sleep
from typing import TYPE_CHECKING, Any

import aiohttp
import httpx2

from pipelex_core.errors import InvalidAnswerError
from pipelex_http.decoding import steps_of
from pipelex_http.failures import translated

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, AsyncIterator, Sequence

    from pipelex_core.sending import Sending, SilenceClock

AT_ONCE = 64 * 1024
"""An answer of so many bytes that has come is read at once, without what httpx2 does for each piece of a body."""

ERROR_BYTES = 1024 * 1024
"""Bytes that are read of the body of an error; what follows is left out, and the error stays what its status says."""


class Whole(httpx2.Response):
    """An answer whose body is here already: nothing is left to read, to decode or to close."""

    def __init__(self, body: bytes, **head: Any) -> None:
        super().__init__(stream=httpx2.ByteStream(body), **head)
        self._content = body

    async def aread(self) -> bytes:
        """The body."""
        self.is_closed = self.is_stream_consumed = True
        return self._content


class Streamed(httpx2.Response):
    """An answer whose body the transport decodes as it comes: httpx2 would take each piece through three generators more."""

    async def aiter_bytes(self, chunk_size: int | None = None) -> AsyncGenerator[bytes, None]:
        """The pieces of the body as they come."""
        if chunk_size is not None or self.is_stream_consumed or self.is_closed:
            async for piece in super().aiter_bytes(chunk_size):
                yield piece
            return
        self.is_stream_consumed = True
        try:
            async for piece in self.stream:  # type: ignore[union-attr]  # it is ours
                yield piece
        finally:
            await self.aclose()


class Body(httpx2.AsyncByteStream):
    """The body of an answer, decoded, as it comes; closing it before its end closes the connection."""

    def __init__(self, response: aiohttp.ClientResponse, clock: SilenceClock | None, record: Sending) -> None:
        self._response = response
        self._clock = clock
        self._record = record

    async def __aiter__(self) -> AsyncIterator[bytes]:  # noqa: C901 -- one generator: a further one would cost every chunk
        response, record, clock = self._response, self._record, self._clock
        is_error = response.status >= 400
        most = min(record.most, ERROR_BYTES) if is_error else record.most
        in_events = response.headers.get("Content-Type", "").startswith("text/event-stream")
        count = 0
        try:
            inflater = steps_of(response.headers.get("Content-Encoding", ""))
            async for piece in response.content.iter_any():
                if clock is not None:
                    clock.heard()
                for number, decoded in enumerate((piece,) if inflater is None else inflater.feed(piece)):
                    if number:
                        await sleep(0)  # a long piece must not hold up the loop
                    count += len(decoded)
                    if count > most and is_error:
                        return
                    if count > most and (not in_events or _longest_event(decoded, count - len(decoded)) > most):
                        raise httpx2.DecodingError(record.too_large())  # noqa: TRY301 -- as any other that is raised in there
                    yield decoded
                    if in_events and (b"\n\n" in decoded or b"\r\n\r\n" in decoded):
                        count = 0
            if inflater is not None and (rest := inflater.rest()):
                yield rest
        except httpx2.DecodingError as error:
            record.fault = InvalidAnswerError(str(error))
            raise
        except (aiohttp.ClientError, OSError) as error:
            raise translated(error) from error

    async def aclose(self) -> None:
        """Give the connection back, or close it."""
        clock, self._clock = self._clock, None
        await give_back(self._response, clock)


async def give_back(response: aiohttp.ClientResponse, clock: SilenceClock | None) -> None:
    """Give a connection back, or close it where its answer was not read to the end."""
    if clock is not None:
        clock.answered()
    response.release()
    await response.wait_for_close()


def whole_of(response: aiohttp.ClientResponse, record: Sending) -> bytes | None:
    """The body of a small answer that came with its head; None where there is more to come, to decode, or to count."""
    content, headers = response.content, response.headers
    if (
        not content.is_eof()
        or content.exception() is not None
        or content.total_bytes > min(AT_ONCE, record.most)
        or "Content-Encoding" in headers
        or headers.get("Content-Type", "").startswith("text/event-stream")
    ):
        return None
    return content.read_nowait()


def _longest_event(piece: bytes, before: int) -> int:
    """Bytes of the longest event of a piece; `before` are those that came of its first one already."""
    first, *others = map(len, piece.replace(b"\r\n", b"\n").split(b"\n\n"))
    return max(before + first, *others, 0)


def plain_headers(response: aiohttp.ClientResponse) -> Sequence[tuple[bytes, bytes]]:
    """The headers of a body that is decoded."""
    if "Content-Encoding" not in response.headers:
        return response.raw_headers
    return [pair for pair in response.raw_headers if pair[0].lower() not in {b"content-encoding", b"content-length"}]
