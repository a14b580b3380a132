"""What the backends of one event loop share: an HTTP connection pool."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import httpx2

    from pipelex_core.execution.proxies import Proxies
    from pipelex_core.specs import BackendConfig


class LoopResources:
    """The shared resources of one event loop; made by the client that owns them, and closed by it.

    The pool is an `httpx2.AsyncClient`, the form that the providers' SDKs accept, on aiohttp's connections: httpx2's own
    pool slows down with many waiters. It follows no redirects, so that a key in a header never reaches another host, and
    it has no limit of connections, because limits are the execution layer's.
    """

    def __init__(self) -> None:
        self._http: httpx2.AsyncClient | None = None
        self._public: httpx2.AsyncClient | None = None
        self._proxies: Proxies | None = None

    def http(self) -> httpx2.AsyncClient:
        """The pool, made at the first call; needs the extra `pipelex-core[http]`, which plugins depend on."""
        if self._http is None:
            from pipelex_core.execution.proxies import Proxies

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
        from pipelex_core.execution.downloads import download

        return await download(self, config, url)

    async def close(self) -> None:
        """Close every connection."""
        pools, self._http, self._public = (self._http, self._public), None, None
        for pool in pools:
            if pool is not None:
                await pool.aclose()


def _pool(proxies: Proxies | None) -> httpx2.AsyncClient:
    """A pool that goes by these proxies; without them, to public addresses only."""
    from pipelex_core.execution.decoding import CODINGS
    from pipelex_core.execution.pool import Pool
    from pipelex_core.execution.transport import PoolTransport

    headers = {"Accept-Encoding": CODINGS}
    return Pool(transport=PoolTransport(proxies), timeout=None, follow_redirects=False, headers=headers)
