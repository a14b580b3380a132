"""`AsyncClient` and `Client`: a deck, its plugins, and the calls one can make."""

from __future__ import annotations

from pipelex_core.client.async_client import AsyncClient
from pipelex_core.client.sync_client import Client

__all__ = ["AsyncClient", "Client"]
