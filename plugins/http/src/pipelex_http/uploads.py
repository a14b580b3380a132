"""The bodies of requests, as they are written."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import httpx2

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from pipelex_core.sending import SilenceClock

PIECE = 256 * 1024
"""Bytes of a large body that are written at once."""

LARGE = 1024 * 1024
"""A body above this is written in pieces: aiohttp would write it in one go, stopping the loop, and warns of that."""


class _Pieces:
    """A large body, written piece by piece; each that finds its way is a sign of life."""

    def __init__(self, body: bytes, clock: SilenceClock | None) -> None:
        self._body = body
        self._clock = clock

    async def __aiter__(self) -> AsyncIterator[bytes]:
        for start in range(0, len(self._body), PIECE):
            if self._clock is not None:
                self._clock.heard()
            yield self._body[start : start + PIECE]


class _Upload:
    """A body that is read as it is sent, such as a file; each piece that finds its way is a sign of life."""

    def __init__(self, stream: Any, clock: SilenceClock) -> None:
        self._stream = stream
        self._clock = clock

    async def __aiter__(self) -> AsyncIterator[bytes]:
        async for piece in self._stream:
            self._clock.heard()
            yield piece


def body_of(request: httpx2.Request, clock: SilenceClock | None) -> object:
    """What aiohttp is to send: bytes, a stream of bytes, or nothing."""
    try:
        body = request.content
    except httpx2.RequestNotRead:
        request.headers.pop("transfer-encoding", None)  # aiohttp says so itself
        return request.stream if clock is None else _Upload(request.stream, clock)
    if len(body) > LARGE:
        return _Pieces(body, clock)
    return body or None
