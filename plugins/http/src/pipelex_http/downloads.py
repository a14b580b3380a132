"""URLs made into bytes.

The one place where anything is downloaded from an address that somebody else named. Only public addresses are connected
to, at each redirect, unless the backend's table allows more; the host of the backend's own endpoint always is.
"""

from __future__ import annotations

import asyncio
from functools import partial
from typing import TYPE_CHECKING, Protocol
from urllib.parse import urlsplit

import httpx2

from pipelex_core.errors import CallError, ProviderConnectionError, UnsupportedInputError
from pipelex_core.media import shown_url
from pipelex_core.sending import Sending, sending
from pipelex_http.public import NOT_PUBLIC, is_public

if TYPE_CHECKING:
    from pipelex_core.specs import BackendConfig

MOST_REDIRECTS = 20


class Pools(Protocol):
    """The connection pools of an event loop."""

    def http(self) -> httpx2.AsyncClient:
        """The pool of the backends."""

    def public_http(self) -> httpx2.AsyncClient:
        """A pool that connects to public addresses only."""

    def has_proxy(self, url: httpx2.URL) -> bool:
        """Whether a proxy leads to an address."""


async def download(pools: Pools, config: BackendConfig, url: str) -> tuple[bytes, str]:
    """The bytes behind a URL, and the `Content-Type` they come with, without its parameters; see `Resources.download`."""
    shown = shown_url(url)
    counted = Sending(most=config.max_media_bytes, most_key="max_media_bytes")
    token = sending.set(counted)
    try:
        response = await _followed(pools, config, url)
    except (httpx2.HTTPError, httpx2.InvalidURL, UnicodeError) as error:
        raise _failed(error, counted, url, shown) from None
    finally:
        sending.reset(token)
    if response.status_code != 200:
        kind = ProviderConnectionError if response.status_code >= 500 else UnsupportedInputError
        raise kind(f"{shown} answered {response.status_code}", status=response.status_code)
    return response.content, response.headers.get("content-type", "").partition(";")[0].strip().lower()


async def _followed(pools: Pools, config: BackendConfig, url: str) -> httpx2.Response:
    """The answer, after redirects, each of which is checked as the first address is."""
    request = pools.http().build_request("GET", url, timeout=httpx2.Timeout(60, connect=15))
    for _ in range(MOST_REDIRECTS):
        pool = await _pool_for(request.url, pools, config)
        response = await pool.send(request, follow_redirects=False)
        if response.next_request is None:
            return response
        request = response.next_request
    raise httpx2.TooManyRedirects(f"more than {MOST_REDIRECTS} redirects")


async def _pool_for(url: httpx2.URL, pools: Pools, config: BackendConfig) -> httpx2.AsyncClient:
    """The pool that may connect to a host; one that a proxy resolves is looked up here too, as far as it is known here."""
    if config.allow_private_urls or url.host == _host(config.endpoint):
        return pools.http()
    if not pools.has_proxy(url):
        return pools.public_http()
    look_up = partial(asyncio.get_running_loop().getaddrinfo, url.host, url.port or 443)
    try:
        addresses = {str(info[4][0]) for info in await look_up()}
    except OSError:
        addresses = set()
    if not all(map(is_public, addresses)):
        raise httpx2.ConnectError(f"{url.host} is {NOT_PUBLIC}")
    return pools.http()


def _failed(error: Exception, counted: Sending, url: str, shown: str) -> CallError:
    what = str(error).replace(url, shown)
    if counted.fault is not None:
        return UnsupportedInputError(f"{shown} cannot be downloaded: {counted.fault.message}")
    if NOT_PUBLIC in what:
        allow = "set allow_private_urls = true for the backend in backends.toml to download from inside"
        return UnsupportedInputError(f"{shown} cannot be downloaded: it leads to what is {NOT_PUBLIC}; {allow}")
    invalid = (httpx2.UnsupportedProtocol, httpx2.InvalidURL, httpx2.TooManyRedirects, UnicodeError)
    kind = UnsupportedInputError if isinstance(error, invalid) else ProviderConnectionError
    return kind(f"{shown} cannot be downloaded: {type(error).__name__}: {what}")


def _host(endpoint: str | None) -> str | None:
    return urlsplit(endpoint).hostname if endpoint else None
