"""What the backends of one event loop share: an HTTP connection pool."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import httpx2


class LoopResources:
    """The shared resources of one event loop; made by the client that owns them, and closed by it.

    The pool is an `httpx2.AsyncClient`, the form that the providers' SDKs accept, on aiohttp's connections: httpx2's own
    pool slows down with many waiters. It follows no redirects, so that a key in a header never reaches another host, and
    it has no limit of connections, because limits are the execution layer's.
    """

    def __init__(self) -> None:
        self._http: httpx2.AsyncClient | None = None

    def http(self) -> httpx2.AsyncClient:
        """The pool, made at the first call; needs the extra `pipelex-core[http]`, which plugins depend on."""
        if self._http is None:
            import aiohttp

            from pipelex_core.execution.pool import Pool
            from pipelex_core.execution.proxies import Proxies
            from pipelex_core.execution.transport import PoolTransport

            def session() -> aiohttp.ClientSession:
                connector = aiohttp.TCPConnector(limit=0, keepalive_timeout=60)
                return aiohttp.ClientSession(
                    connector=connector, cookie_jar=aiohttp.DummyCookieJar(), trust_env=False, auto_decompress=False
                )

            transport = PoolTransport(session, Proxies())
            self._http = Pool(transport=transport, timeout=None, follow_redirects=False)
        return self._http

    async def close(self) -> None:
        """Close every connection."""
        if self._http is not None:
            pool, self._http = self._http, None
            await pool.aclose()
