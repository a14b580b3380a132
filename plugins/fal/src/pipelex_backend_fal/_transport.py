"""The way of httpx's requests, which is what fal's SDK makes, through core's connection pool."""

from __future__ import annotations

import httpx
import httpx2

_DECODED = frozenset({"content-encoding", "content-length", "transfer-encoding"})
"""Headers of a body that the pool has decoded already."""


class SharedTransport(httpx.AsyncBaseTransport):
    """Sends requests through a pool that is somebody else's to close. Answers are read whole: none here is a stream.

    httpx's own connections cost as much CPU as all the rest of a call.
    """

    def __init__(self, pool: httpx2.AsyncClient) -> None:
        self._pool = pool

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """The answer to one request; raises httpx's errors."""
        sent = self._pool.build_request(
            request.method,
            str(request.url),
            headers=[
                pair for pair in request.headers.multi_items() if pair[0] != "accept-encoding"
            ],  # the pool decodes
            content=await request.aread(),
            timeout=httpx2.Timeout(**request.extensions["timeout"]),
        )
        try:
            answered = await self._pool.send(sent, auth=None, follow_redirects=False)
        except httpx2.HTTPError as error:
            kind = getattr(httpx, type(error).__name__, httpx.NetworkError)  # the two have the same errors
            msg = "the request failed"
            raise kind(msg, request=request) from None
        headers = [item for item in answered.headers.multi_items() if item[0] not in _DECODED]
        return httpx.Response(answered.status_code, headers=headers, content=answered.content)
