"""The transport of the shared pool: httpx2's requests over aiohttp's connections.

Its own, and not the one of httpx-aiohttp: importing that brings the whole of httpx and a command line's libraries, a
hundred modules, and it takes refused and dropped connections for timeouts.
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Any

import aiohttp
import httpx2
from multidict import CIMultiDict, istr
from yarl import URL

from pipelex_core.sending import Sending, answers, sending, silence
from pipelex_http.connections import Connections
from pipelex_http.failures import noted
from pipelex_http.proxies import DIRECT, Proxies
from pipelex_http.public import public_socket
from pipelex_http.receiving import Body, Streamed, Whole, give_back, plain_headers, whole_of
from pipelex_http.uploads import body_of

if TYPE_CHECKING:
    import ssl

    from pipelex_http.proxies import Way


_MOST_TEXTS = 256
"""Headers whose text a pool keeps: more than programs send, those aside that differ in each request."""

_ADDED = tuple(istr(name) for name in ("Accept", "Accept-Encoding", "Content-Type", "User-Agent"))
"""Headers that aiohttp adds of itself to a request that lacks them, unless that is switched off."""


@lru_cache(maxsize=64)
def _timeout(pool: float | None, connect: float | None, read: float | None) -> aiohttp.ClientTimeout:
    """Made once for each kind: a program uses few, and making one costs as much as sending a header."""
    return aiohttp.ClientTimeout(total=None, connect=pool, sock_connect=connect, sock_read=read)


@lru_cache(maxsize=64)
def _address(url: str) -> URL:
    """Taken apart once for each: backends ask at few."""
    return URL(url, encoded=True)


class _HeaderTexts:
    """Headers as text. Most of a request's are those of the one before: each is decoded once, and held once by all calls under way."""

    def __init__(self) -> None:
        self._texts: dict[tuple[bytes, bytes], tuple[str, str]] = {}

    def of(self, headers: httpx2.Headers) -> CIMultiDict[str]:
        """The headers of a request for aiohttp."""
        texts = self._texts
        if len(texts) > _MOST_TEXTS:
            texts.clear()
        try:
            return CIMultiDict([texts.get(pair) or self._decoded(pair) for pair in headers.raw])
        except UnicodeDecodeError:
            return CIMultiDict(headers.multi_items())

    def _decoded(self, pair: tuple[bytes, bytes]) -> tuple[str, str]:
        text = self._texts[pair] = (istr(pair[0].lower().decode()), pair[1].decode())
        return text


class PoolTransport(httpx2.AsyncBaseTransport):
    """Sends requests through an aiohttp session, which is made at the first one, inside the loop it belongs to.

    Without proxies, not even an empty set of them, it connects to public addresses only.

    Certificates are read at the first request that needs them: a model server on this machine is asked without.
    """

    def __init__(self, proxies: Proxies | None) -> None:
        self._session: aiohttp.ClientSession | None = None
        self._only_public = proxies is None
        self._tls: ssl.SSLContext | None = None
        self._proxies = proxies or None
        self._texts = _HeaderTexts()
        self._may_need_tls = {"https", "http"} if proxies else {"https"}  # a proxy may itself be reached by TLS

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        """The answer to one request; raises httpx2's errors."""
        if self._session is None:
            self._session = aiohttp.ClientSession(
                connector=Connections(
                    limit=0, keepalive_timeout=60, socket_factory=public_socket if self._only_public else None
                ),
                cookie_jar=aiohttp.DummyCookieJar(),
                trust_env=False,
                auto_decompress=False,
            )
        if self._tls is None and request.url.scheme in self._may_need_tls:
            self._tls = httpx2.create_ssl_context()
        record = sending.get()
        if record is None:
            record = Sending()  # nobody asks how far it gets
        record.requests += 1
        clock = silence.get()
        if clock is not None:
            clock.sent()
        limits = request.extensions.get("timeout") or {}
        way = DIRECT if self._proxies is None else self._proxies.to(request.url)
        url = request.url.copy_with(userinfo=b"") if request.url.userinfo else request.url  # it is a header by now
        try:
            response = await self._session.request(
                request.method,
                _address(str(url)),
                data=body_of(request, clock),
                allow_redirects=False,
                timeout=_timeout(limits.get("pool"), limits.get("connect"), limits.get("read")),
                proxy=way.proxy,
                proxy_headers=way.headers or None,
                ssl=self._tls or True,
                server_hostname=request.extensions.get("sni_hostname"),
                **self._headers(request, way),
            )
        except (aiohttp.ClientError, OSError, ValueError) as error:
            if clock is not None:
                clock.answered()
            ours = noted(error, record)
            # An answer's error holds the request's headers, so nothing of it goes on.
            raise ours from None if isinstance(error, aiohttp.ClientResponseError) else error
        if clock is not None:
            clock.heard()
        if response.status == 407 and way.proxy is not None:  # it speaks for itself: nothing has reached the provider
            await give_back(response, clock)
            record.never_sent += 1
            raise httpx2.ProxyError("the proxy refuses")
        answers.get()(request.url.host, response.headers)
        head: dict[str, Any] = {
            "status_code": response.status,
            "headers": plain_headers(response),
            "extensions": {"http_version": b"HTTP/1.1", "reason_phrase": (response.reason or "").encode()},
        }
        if (whole := whole_of(response, record)) is not None:
            await give_back(response, clock)
            return Whole(whole, **head)
        return Streamed(stream=Body(response, clock, record), **head)

    def _headers(self, request: httpx2.Request, way: Way) -> dict[str, Any]:
        """The headers of a request, and which of its own aiohttp must not add; nothing here holds them while it waits."""
        headers = self._texts.of(request.headers)
        if way.headers and request.url.scheme == "http":
            headers.update(way.headers)  # there is no tunnel: the proxy reads the request itself
        return {"headers": headers, "skip_auto_headers": [name for name in _ADDED if name not in headers] or None}

    async def aclose(self) -> None:
        """Close every connection."""
        if self._session is not None:
            session, self._session = self._session, None
            await session.close()
