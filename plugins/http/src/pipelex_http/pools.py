"""The pools of one event loop."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pipelex_http.decoding import CODINGS
from pipelex_http.pool import Pool
from pipelex_http.proxies import Proxies
from pipelex_http.transport import PoolTransport

if TYPE_CHECKING:
    import httpx2

    from pipelex_core.specs import BackendConfig


class Pools:
    """The connection pools of one event loop, as `Resources` of core offers them.

    A pool is an `httpx2.AsyncClient`, the form that the providers' SDKs accept, on aiohttp's connections: httpx2's own
    pool slows down with many waiters. It follows no redirects, so that a key in a header never reaches another host, and
    it has no limit of connections, because limits are the execution layer's.
    """

    def __init__(self) -> None:
        self._http: httpx2.AsyncClient | None = None
        self._public: httpx2.AsyncClient | None = None
        self._proxies: Proxies | None = None

    def http(self) -> httpx2.AsyncClient:
        """The pool of the backends, made at the first call."""
        if self._http is None:
            self._proxies = Proxies()
            self._http = _pool(self._proxies)
        return self._http

    def public_http(self) -> httpx2.AsyncClient:
        """A pool that connects to public addresses only, and directly."""
        if self._public is None:
            self._public = _pool(None)
        return self._public

    def has_proxy(self, url: httpx2.URL) -> bool:
        """Whether a proxy leads to an address."""
        return self._proxies is not None and self._proxies.to(url).proxy is not None

    async def download(self, url: str, config: BackendConfig) -> tuple[bytes, str]:
        """As `Resources.download`."""
        from pipelex_http.downloads import download  # what few calls need

        return await download(self, config, url)

    async def close(self) -> None:
        """Close every connection."""
        pools, self._http, self._public = (self._http, self._public), None, None
        for pool in pools:
            if pool is not None:
                await pool.aclose()


def _pool(proxies: Proxies | None) -> httpx2.AsyncClient:
    """A pool that goes by these proxies; without them, to public addresses only."""
    headers = {"Accept-Encoding": CODINGS}
    return Pool(transport=PoolTransport(proxies), timeout=None, follow_redirects=False, headers=headers)
