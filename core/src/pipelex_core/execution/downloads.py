"""URLs made into bytes: of images and documents for providers that do not fetch them themselves, and of results.

The one place where anything is downloaded from an address that somebody else named. Only public addresses are connected
to, at each redirect, unless the backend's table allows more; the host of the backend's own endpoint always is.
"""

from __future__ import annotations

import asyncio
from functools import partial
from typing import TYPE_CHECKING, Protocol
from urllib.parse import urlsplit

from attrs import evolve

from pipelex_core.errors import CallError, PluginError, ProviderConnectionError, UnsupportedInputError
from pipelex_core.execution.public import NOT_PUBLIC, is_public
from pipelex_core.execution.sending import Sending, sending
from pipelex_core.media import PDF, sniff

if TYPE_CHECKING:
    import httpx2

    from pipelex_core.parts import Media
    from pipelex_core.specs import BackendConfig

MOST_REDIRECTS = 20


class Pools(Protocol):
    """The connection pools of an event loop, as `execution/resources.py` has them."""

    def http(self) -> httpx2.AsyncClient:
        """The pool of the backends."""

    def public_http(self) -> httpx2.AsyncClient:
        """A pool that connects to public addresses only."""

    def has_proxy(self, url: httpx2.URL) -> bool:
        """Whether a proxy leads to an address."""


async def fetched(resources: Pools, config: BackendConfig, media: Media, wanted: str = "any") -> Media:
    """Fetch what is behind the URL of a medium; one without a URL is given back as it is.

    Raises:
        UnsupportedInputError: A URL that gives nothing, or not the `image`, `document` or `audio` that is wanted.
    """
    if media.url is None:
        return media
    shown = _shown(media.url)
    try:
        data, _ = await download(resources, config, media.url)
    except ProviderConnectionError as error:
        raise UnsupportedInputError(error.message, status=error.status) from None
    if wanted == "audio":
        from pipelex_core.audio import sniff_audio

        if sniff_audio(data) is None:
            msg = f"{shown} is not sound that is known: it begins with {data[:8]!r}"
            raise UnsupportedInputError(msg)
        return evolve(media, data=data, url=None)
    media_type = sniff(data)
    if media_type is None and wanted == "document" and media.media_type != PDF:
        from pipelex_core.documents import check_bytes

        check_bytes(data, media.media_type, shown)
        return evolve(media, data=data, url=None)
    if media_type is None:
        raise UnsupportedInputError(f"{shown} is neither an image (PNG, JPEG, GIF, WebP) nor a PDF")
    if wanted != "any" and (media_type == PDF) != (wanted == "document"):
        raise UnsupportedInputError(f"{shown} is {media_type}, and {wanted} is wanted")
    return evolve(media, data=data, url=None, media_type=media_type)


async def download(resources: Pools, config: BackendConfig, url: str) -> tuple[bytes, str]:
    """The bytes behind a URL, and the `Content-Type` they come with, without its parameters; see `Resources.download`."""
    shown = _shown(url)
    try:
        import httpx2

        resources.http()
    except ImportError as error:
        raise PluginError(f"downloading {shown} needs an HTTP client; run: pip install 'pipelex-core[http]'") from error
    counted = Sending(most=config.max_media_bytes, most_key="max_media_bytes")
    token = sending.set(counted)
    try:
        response = await _followed(resources, config, url)
    except (httpx2.HTTPError, httpx2.InvalidURL, UnicodeError) as error:
        raise _failed(error, counted, url, shown) from None
    finally:
        sending.reset(token)
    if response.status_code != 200:
        kind = ProviderConnectionError if response.status_code >= 500 else UnsupportedInputError
        raise kind(f"{shown} answered {response.status_code}", status=response.status_code)
    return response.content, response.headers.get("content-type", "").partition(";")[0].strip().lower()


async def _followed(resources: Pools, config: BackendConfig, url: str) -> httpx2.Response:
    """The answer, after redirects, each of which is checked as the first address is."""
    import httpx2

    request = resources.http().build_request("GET", url, timeout=httpx2.Timeout(60, connect=15))
    for _ in range(MOST_REDIRECTS):
        pool = await _pool_for(request.url, resources, config)
        response = await pool.send(request, follow_redirects=False)
        if response.next_request is None:
            return response
        request = response.next_request
    raise httpx2.TooManyRedirects(f"more than {MOST_REDIRECTS} redirects")


async def _pool_for(url: httpx2.URL, resources: Pools, config: BackendConfig) -> httpx2.AsyncClient:
    """The pool that may connect to a host; one that a proxy resolves is looked up here too, as far as it is known here."""
    if config.allow_private_urls or url.host == _host(config.endpoint):
        return resources.http()
    if not resources.has_proxy(url):
        return resources.public_http()
    look_up = partial(asyncio.get_running_loop().getaddrinfo, url.host, url.port or 443)
    try:
        addresses = {str(info[4][0]) for info in await look_up()}
    except OSError:
        addresses = set()
    if not all(map(is_public, addresses)):
        import httpx2

        raise httpx2.ConnectError(f"{url.host} is {NOT_PUBLIC}")
    return resources.http()


def _failed(error: Exception, counted: Sending, url: str, shown: str) -> CallError:
    what = str(error).replace(url, shown)
    if counted.fault is not None:
        return UnsupportedInputError(f"{shown} cannot be downloaded: {counted.fault.message}")
    if NOT_PUBLIC in what:
        allow = "set allow_private_urls = true for the backend in backends.toml to download from inside"
        return UnsupportedInputError(f"{shown} cannot be downloaded: it leads to what is {NOT_PUBLIC}; {allow}")
    import httpx2

    invalid = (httpx2.UnsupportedProtocol, httpx2.InvalidURL, httpx2.TooManyRedirects, UnicodeError)
    kind = UnsupportedInputError if isinstance(error, invalid) else ProviderConnectionError
    return kind(f"{shown} cannot be downloaded: {type(error).__name__}: {what}")


def _host(endpoint: str | None) -> str | None:
    return urlsplit(endpoint).hostname if endpoint else None


def _shown(url: str) -> str:
    """A URL without what may be a secret in it: credentials, and the query, which signs some."""
    try:
        split = urlsplit(url)
    except ValueError as error:
        raise UnsupportedInputError(f"an address is not a URL: {error}") from None
    return f"{split.scheme}://{split.netloc.rpartition('@')[2]}{split.path}"[:200]
