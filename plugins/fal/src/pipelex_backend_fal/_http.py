"""The connection to fal: every request is sent once, to fal or to the endpoint configured in its place, and nowhere else."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import fal_client
import httpx
from fal_client.client import USER_AGENT, AsyncBackupDomainTransport

from pipelex_backend_fal._errors import of_status, of_transport
from pipelex_backend_fal._transport import SharedTransport
from pipelex_core.errors import InvalidAnswerError
from pipelex_core.hiding import hide

if TYPE_CHECKING:
    import httpx2

TIMEOUT = httpx.Timeout(60, connect=15)
"""Of each request, none of which waits for an image: submitting, asking for the status, fetching the result."""

FAL_HOSTS = ("fal.run", "falrun.com")


class FalHttp(httpx.AsyncClient):
    """fal's HTTP client, with the key in its headers, over core's connection pool.

    The SDK sends a request up to ten times, and has no switch against it: it repeats on errors of httpx and of its own.
    Here a failed request raises our errors, which pass through the SDK. The SDK has no base URL either, and follows the
    addresses in fal's answers: here each of them is turned to the endpoint, or refused where it is not fal's.
    """

    def __init__(self, key: str, endpoint: str | None, pool: httpx2.AsyncClient) -> None:
        shared = SharedTransport(pool)
        self._way: httpx.AsyncBaseTransport = shared if endpoint else AsyncBackupDomainTransport(transport=shared)
        super().__init__(
            transport=self._way,
            headers={"Authorization": f"Key {key}", "User-Agent": USER_AGENT},
            follow_redirects=False,
        )
        self._key = key
        self._endpoint = httpx.URL(endpoint) if endpoint else None
        self._root = str(self._endpoint.copy_with(raw_path=b"")) if self._endpoint else ""

    async def request(self, method: str, url: httpx.URL | str, **options: Any) -> httpx.Response:
        """Send once; an answer that is not a success is an error of ours. httpx's redirects and hooks are left out."""
        options["timeout"] = TIMEOUT
        try:
            sent = self.build_request(method, self._address(str(url)), **options)
            response = await self._way.handle_async_request(sent)
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            raise of_transport(error) from None
        response.request = sent
        if "set-cookie" in response.headers:
            self.cookies.extract_cookies(response)
        if not response.is_success:
            text = hide(response.text, self._key)
            raise of_status(response.status_code, response.headers, text, _json(text))
        return response

    def _address(self, url: str) -> httpx.URL:
        if self._endpoint is None:
            address = httpx.URL(url)
            host = address.host
            if address.scheme == "https" and any(host == fal or host.endswith(f".{fal}") for fal in FAL_HOSTS):
                return address
            msg = f"the key goes to fal alone, not to {address.scheme}://{host}"
            raise InvalidAnswerError(msg)
        try:
            parts = urlsplit(url)
        except ValueError as error:
            raise httpx.InvalidURL(str(error)) from None
        prefix = self._endpoint.path.rstrip("/")
        path = f"{parts.path or '/'}?{parts.query}" if parts.query else parts.path or "/"
        at_endpoint = (parts.scheme, parts.netloc) == (self._endpoint.scheme, self._endpoint.netloc.decode("ascii"))
        if not (at_endpoint and path.startswith(f"{prefix}/")):
            path = f"{prefix}/{path.lstrip('/')}"
        return httpx.URL(f"{self._root}{path}")


class FalQueue(fal_client.AsyncClient):
    """The SDK's client over `FalHttp`, which it makes for itself otherwise."""

    def __init__(self, key: str, http: FalHttp) -> None:
        super().__init__(key=key)
        self._http = http

    @property
    async def _client(self) -> httpx.AsyncClient:
        return self._http


def _json(text: str) -> Any:
    from json import JSONDecodeError, loads

    try:
        return loads(text)
    except JSONDecodeError:
        return None
