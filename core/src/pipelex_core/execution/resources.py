"""What the backends of one event loop share: an HTTP connection pool, which a distribution of its own brings."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from pipelex_core.errors import PluginError
from pipelex_core.first_party import HTTP, brought
from pipelex_core.media import shown_url

if TYPE_CHECKING:
    from collections.abc import Callable

    import httpx2

    from pipelex_core.specs import BackendConfig

GROUP = "pipelex_core.http"
"""The entry point of what makes the pools of an event loop."""


class Pools(Protocol):
    """The connection pools of an event loop; nothing is opened before the first request."""

    def http(self) -> httpx2.AsyncClient:
        """As `Resources.http`."""

    async def download(self, url: str, config: BackendConfig) -> tuple[bytes, str]:
        """As `Resources.download`."""

    async def close(self) -> None:
        """Close every connection."""


def pools_factory(lack: str = "the backend needs an HTTP client, which is not installed") -> Callable[[], Pools]:
    """What makes pools.

    Raises:
        PluginError: It is not installed: what lacks, and what to install.
    """
    found: Callable[[], Pools] = brought(GROUP, HTTP, lack)
    return found


class LoopResources:
    """The shared resources of one event loop; made by the client that owns them, and closed by it."""

    def __init__(self) -> None:
        self._pools: Pools | None = None

    def _made(self) -> Pools:
        if self._pools is None:
            self._pools = pools_factory()()
        return self._pools

    def http(self) -> httpx2.AsyncClient:
        """The pool, made at the first call; needs the extra `pipelex-core[http]`, which plugins depend on."""
        return self._made().http()

    async def download(self, url: str, config: BackendConfig) -> tuple[bytes, str]:
        """As `Resources.download`."""
        try:
            pools = self._made()
        except PluginError as error:
            needs = f"downloading {shown_url(url)} needs an HTTP client"
            raise PluginError(f"{needs}; run: pip install 'pipelex-core[http]'") from error
        return await pools.download(url, config)

    async def close(self) -> None:
        """Close every connection."""
        if self._pools is not None:
            await self._pools.close()
