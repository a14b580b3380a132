"""The HTTP connection pool that the backends of an event loop share, and downloads from addresses that callers name."""

from __future__ import annotations

from pipelex_http.pools import Pools

__all__ = ["Pools"]
