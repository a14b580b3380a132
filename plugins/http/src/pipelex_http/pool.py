"""The shared pool: the client that providers' SDKs are given."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any

import httpx2
from httpx2 import USE_CLIENT_DEFAULT

_ELSE = ("data", "files", "json", "params", "cookies", "extensions")
"""What a request may be made of besides its body, headers and timeout."""

_NOTHING_ELSE = [None] * len(_ELSE)

_WITH_LENGTH = frozenset({"POST", "PUT", "PATCH", "QUERY"})
"""Methods whose requests tell the length of a body that is empty, too."""


class Pool(httpx2.AsyncClient):
    """An `httpx2.AsyncClient` that makes the usual request in one pass.

    httpx2 merges, copies and decodes the headers of a request several times over, a tenth of what a call costs. A request
    without a body, or with one of bytes or text, comes out the same here; that is all that SDKs send, but for uploads.
    """

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
