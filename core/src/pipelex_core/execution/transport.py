"""The transport of the shared pool: aiohttp's connections, and a request's large body written in pieces."""

from __future__ import annotations

from typing import TYPE_CHECKING

import aiohttp
import httpx2
from httpx_aiohttp.httpx2 import AiohttpTransport

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

PIECE = 256 * 1024
"""Bytes of a large body that are written at once."""

LARGE = 1024 * 1024
"""A body above this is written in pieces: aiohttp would write it in one go, stopping the loop, and warns of that."""


class PoolTransport(AiohttpTransport):
    """Sends requests through aiohttp."""

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        """The answer to one request; raises httpx2's errors."""
        if request.url.userinfo:  # httpx2 has made a header of it, and aiohttp refuses to see both
            request.url = request.url.copy_with(userinfo=b"")
        try:
            return await super().handle_async_request(_in_pieces(request))
        except httpx2.ConnectTimeout as error:  # what the base class makes of every connection error
            raise _precise(error) from error.__cause__
        except aiohttp.ClientResponseError:  # which the base class lets through, and which holds the request's headers
            msg = "the server's answer is no HTTP"
            raise httpx2.RemoteProtocolError(msg) from None


def _precise(error: httpx2.ConnectTimeout) -> httpx2.TransportError:
    """The error by what happened: a refused connection and a dropped one are no timeouts."""
    cause = error.__cause__
    if isinstance(cause, aiohttp.ServerTimeoutError):
        return error
    if isinstance(cause, (aiohttp.ServerDisconnectedError, aiohttp.ClientOSError)) and not isinstance(
        cause, aiohttp.ClientConnectorError
    ):
        return httpx2.RemoteProtocolError(str(error) or "the server closed the connection")
    return httpx2.ConnectError(str(error))


def _in_pieces(request: httpx2.Request) -> httpx2.Request:
    """The same request, its body as a stream where it is large."""
    try:
        body = request.content
    except httpx2.RequestNotRead:
        return request  # a stream already
    if len(body) <= LARGE:
        return request
    return httpx2.Request(
        request.method, request.url, headers=request.headers, stream=_Pieces(body), extensions=request.extensions
    )


class _Pieces(httpx2.AsyncByteStream):
    def __init__(self, body: bytes) -> None:
        self._body = body

    async def __aiter__(self) -> AsyncIterator[bytes]:
        for start in range(0, len(self._body), PIECE):
            yield self._body[start : start + PIECE]
