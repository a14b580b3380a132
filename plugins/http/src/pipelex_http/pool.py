"""The shared pool: the client that providers' SDKs are given."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from contextlib import suppress
from functools import lru_cache
from typing import Any

import httpx2
from httpx2 import USE_CLIENT_DEFAULT

_ELSE = ("data", "files", "json", "params", "cookies", "extensions")
"""What a request may be made of besides its body, headers and timeout."""

_NOTHING_ELSE = [None] * len(_ELSE)

_httpx2_log = logging.getLogger("httpx2")

_WITH_LENGTH = frozenset({"POST", "PUT", "PATCH", "QUERY"})
"""Methods whose requests tell the length of a body that is empty, too."""


class Pool(httpx2.AsyncClient):
    """An `httpx2.AsyncClient` that makes and sends the usual request in one pass.

    httpx2 merges, copies and decodes the headers of a request several times over, and sends it through what it has for
    authentication, redirects and hooks: a fifth of what a call costs. A request without a body, or with one of bytes or
    text, comes out the same here; that is all that SDKs send, but for uploads.
    """

    def __init__(self, *, transport: httpx2.AsyncBaseTransport, **settings: Any) -> None:
        super().__init__(transport=transport, **settings)
        self._way = transport

    def build_request(self, method: str, url: httpx2.URL | str, **options: Any) -> httpx2.Request:
        """As `httpx2.AsyncClient.build_request`, which is asked for every other kind of request."""
        body = options.get("content") or b""
        if isinstance(body, str):
            body = body.encode()
        address = _parsed(url) if isinstance(url, str) else url
        if type(body) is not bytes or address.is_relative_url or [*map(options.get, _ELSE)] != _NOTHING_ELSE:
            return super().build_request(method, address, **options)
        timeout = options.get("timeout", USE_CLIENT_DEFAULT)
        timeout = self.timeout if timeout is USE_CLIENT_DEFAULT else httpx2.Timeout(timeout)
        request = httpx2.Request(
            method,
            address,
            headers=self._complete(method, address, _pairs(options.get("headers")), len(body)),
            cookies=self.cookies,
            stream=httpx2.ByteStream(body),
            extensions={"timeout": timeout.as_dict()},
        )
        request.read()
        return request

    async def send(
        self,
        request: httpx2.Request,
        *,
        stream: bool = False,
        auth: Any = USE_CLIENT_DEFAULT,
        follow_redirects: Any = USE_CLIENT_DEFAULT,
    ) -> httpx2.Response:
        """As `httpx2.AsyncClient.send`, which is asked where there is more to do than to send."""
        if self._is_more_than_sent(request, auth, follow_redirects):
            return await super().send(request, stream=stream, auth=auth, follow_redirects=follow_redirects)
        try:
            response = await self._way.handle_async_request(request)
        except httpx2.RequestError as error:
            error.request = request
            raise
        response.request = request
        if "set-cookie" in response.headers:
            self.cookies.extract_cookies(response)
        if 300 <= response.status_code < 400 and response.has_redirect_location:
            with suppress(httpx2.RemoteProtocolError):
                response.next_request = self._build_redirect_request(request, response)
        if not stream:
            try:
                await response.aread()
            except BaseException:
                await response.aclose()
                raise
        return response

    def _is_more_than_sent(self, request: httpx2.Request, auth: Any, follow_redirects: Any) -> bool:
        """Whether a request needs authentication, redirects, hooks, a time-out, a line in httpx2's log, or an error."""
        return (
            (self.follow_redirects if follow_redirects is USE_CLIENT_DEFAULT else follow_redirects)
            or (self.auth if auth is USE_CLIENT_DEFAULT else auth) is not None
            or bool(request.url.userinfo)
            or any(self.event_hooks.values())
            or "timeout" not in request.extensions
            or self.is_closed
            or _httpx2_log.isEnabledFor(logging.INFO)
        )

    def _complete(
        self, method: str, url: httpx2.URL, options: Sequence[tuple[Any, Any]], length: int
    ) -> list[tuple[Any, Any]]:
        """The client's own headers, those given, and those that httpx2 adds: the host, and the length of the body."""
        names = set(map(_lower, dict(options)))
        headers: list[tuple[Any, Any]] = [] if "host" in names else [("Host", url.netloc)]
        headers += [pair for pair in self.headers.multi_items() if pair[0] not in names]
        headers += options
        has_length = "content-length" in names or "transfer-encoding" in names
        if not has_length and (length or method.upper() in _WITH_LENGTH):
            headers.append(("Content-Length", str(length)))
        return headers


@lru_cache(maxsize=64)
def _parsed(url: str) -> httpx2.URL:
    """Backends ask at few addresses, and to take one apart costs as much as a twentieth of a call."""
    return httpx2.URL(url)


def _pairs(headers: Any) -> Sequence[tuple[Any, Any]]:
    if isinstance(headers, httpx2.Headers):
        return headers.multi_items()
    if isinstance(headers, Mapping):
        return list(headers.items())
    return list(headers or ())


@lru_cache(maxsize=256)
def _lower(name: str | bytes) -> str:
    """A header's name in small letters; programs send few different ones."""
    return (name if isinstance(name, str) else name.decode("ascii")).lower()
