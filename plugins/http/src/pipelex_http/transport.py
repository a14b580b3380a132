"""The transport of the shared pool: httpx2's requests over aiohttp's connections.

Its own, and not the one of httpx-aiohttp: importing that brings the whole of httpx and a command line's libraries, a
hundred modules, and it takes refused and dropped connections for timeouts.
"""

from __future__ import annotations

import select
from asyncio import sleep
from errno import EMFILE, ENFILE
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import aiohttp
import httpx2
from multidict import CIMultiDict, istr
from yarl import URL

from pipelex_core.errors import InvalidAnswerError, ProviderConnectionError
from pipelex_core.sending import Sending, SilenceClock, answers, sending, silence
from pipelex_http.decoding import steps_of
from pipelex_http.proxies import DIRECT, Proxies
from pipelex_http.public import public_socket

if TYPE_CHECKING:
    import ssl
    from collections.abc import AsyncGenerator, AsyncIterator, Sequence

    from pipelex_http.proxies import Way


PIECE = 256 * 1024
"""Bytes of a large body that are written at once."""

LARGE = 1024 * 1024
"""A body above this is written in pieces: aiohttp would write it in one go, stopping the loop, and warns of that."""

AT_ONCE = 64 * 1024
"""An answer of so many bytes that has come is read at once, without what httpx2 does for each piece of a body."""

ERROR_BYTES = 1024 * 1024
"""Bytes that are read of the body of an error; what follows is left out, and the error stays what its status says."""

_ERRORS: tuple[tuple[type[Exception], type[httpx2.TransportError]], ...] = (
    (aiohttp.ConnectionTimeoutError, httpx2.ConnectTimeout),
    (TimeoutError, httpx2.ReadTimeout),
    (aiohttp.ClientProxyConnectionError, httpx2.ProxyError),
    (aiohttp.ClientHttpProxyError, httpx2.ProxyError),
    (aiohttp.ClientResponseError, httpx2.RemoteProtocolError),
    (aiohttp.ClientConnectorError, httpx2.ConnectError),
    (aiohttp.InvalidURL, httpx2.UnsupportedProtocol),
    (aiohttp.NonHttpUrlClientError, httpx2.UnsupportedProtocol),
    (aiohttp.ClientConnectionError, httpx2.RemoteProtocolError),
    (aiohttp.ClientPayloadError, httpx2.ReadError),
    (OSError, httpx2.ReadError),
    (ValueError, httpx2.UnsupportedProtocol),  # an invalid port or host name
)
"""aiohttp's errors as httpx2's, the first that fits."""

_NEVER_LEFT = (httpx2.ConnectError, httpx2.ConnectTimeout, httpx2.ProxyError, httpx2.UnsupportedProtocol)
"""Those from before a request leaves: there was no connection for it."""

_NO_DESCRIPTOR = (
    "this process has as many files and connections open as it may: raise the limit of open files (ulimit -n), or lower "
    "max_concurrency of the backend in backends.toml"
)

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
                connector=_Connections(
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
                data=_body(request, clock),
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
            ours = _noted(error, record)
            # An answer's error holds the request's headers, so nothing of it goes on.
            raise ours from None if isinstance(error, aiohttp.ClientResponseError) else error
        if clock is not None:
            clock.heard()
        answers.get()(request.url.host, response.headers)
        head: dict[str, Any] = {
            "status_code": response.status,
            "headers": _plain_headers(response),
            "extensions": {"http_version": b"HTTP/1.1", "reason_phrase": (response.reason or "").encode()},
        }
        if (whole := _whole(response, record)) is not None:
            await _closed(response, clock)
            return _Whole(whole, **head)
        return _Streamed(stream=_Body(response, clock, record), **head)

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


class _Connections(aiohttp.TCPConnector):
    """aiohttp's connections, those left out that the server has closed while the loop could not hear of it.

    A request on one of these would get no answer, and nobody could tell whether it was taken.
    """

    async def _get(self, *args: Any) -> Any:
        while (found := await super()._get(*args)) is not None:
            transport = found.transport
            if transport is None or not _has_something_to_read(transport.get_extra_info("socket")):
                break
            found.close()
        return found


def _has_something_to_read(sock: Any) -> bool:
    """Whether bytes, or its end, have come on a connection on which nothing was asked."""
    if sock is None or sock.fileno() < 0:
        return sock is not None
    if not hasattr(select, "poll"):
        return bool(select.select([sock], [], [], 0)[0])
    poll = select.poll()
    poll.register(sock, select.POLLIN)
    return bool(poll.poll(0))


class _Whole(httpx2.Response):
    """An answer whose body is here already: nothing is left to read, to decode or to close."""

    def __init__(self, body: bytes, **head: Any) -> None:
        super().__init__(stream=httpx2.ByteStream(body), **head)
        self._content = body

    async def aread(self) -> bytes:
        """The body."""
        self.is_closed = self.is_stream_consumed = True
        return self._content


class _Streamed(httpx2.Response):
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


class _Body(httpx2.AsyncByteStream):
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
            raise _ours(error) from error

    async def aclose(self) -> None:
        clock, self._clock = self._clock, None
        await _closed(self._response, clock)


async def _closed(response: aiohttp.ClientResponse, clock: SilenceClock | None) -> None:
    """Give a connection back, or close it where its answer was not read to the end."""
    if clock is not None:
        clock.answered()
    response.release()
    await response.wait_for_close()


def _whole(response: aiohttp.ClientResponse, record: Sending) -> bytes | None:
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


def _plain_headers(response: aiohttp.ClientResponse) -> Sequence[tuple[bytes, bytes]]:
    """The headers of a body that is decoded."""
    if "Content-Encoding" not in response.headers:
        return response.raw_headers
    return [pair for pair in response.raw_headers if pair[0].lower() not in {b"content-encoding", b"content-length"}]


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


def _body(request: httpx2.Request, clock: SilenceClock | None) -> object:
    """What aiohttp is to send: bytes, a stream of bytes, or nothing."""
    try:
        body = request.content
    except httpx2.RequestNotRead:
        request.headers.pop("transfer-encoding", None)  # aiohttp says so itself
        return request.stream if clock is None else _Upload(request.stream, clock)
    if len(body) > LARGE:
        return _Pieces(body, clock)
    return body or None


def _noted(error: Exception, record: Sending) -> httpx2.TransportError:
    """The error of a request that got no answer, and in `record` how far it got."""
    ours = _ours(error)
    if getattr(error, "errno", None) in {EMFILE, ENFILE}:
        record.fault = ProviderConnectionError(_NO_DESCRIPTOR)
    if isinstance(ours, _NEVER_LEFT):
        record.never_sent += 1
    return ours


def _ours(error: Exception) -> httpx2.TransportError:
    kind = next((ours for theirs, ours in _ERRORS if isinstance(error, theirs)), httpx2.NetworkError)
    if isinstance(error, aiohttp.ClientResponseError):
        return kind("the proxy refuses" if kind is httpx2.ProxyError else "the server's answer is not HTTP")
    return kind(str(error) or type(error).__name__)
