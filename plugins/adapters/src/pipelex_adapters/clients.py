"""The clients behind an adapter: made when they are first needed, one for synchronous and one for asynchronous code."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pipelex_core import AsyncClient, Client

if TYPE_CHECKING:
    from collections.abc import Mapping


class Clients:
    """Both kinds of client, of one configuration.

    Args:
        client: A client of the caller's, of either kind, whose deck and plugins are used; None for `from_project`.
        project: Arguments of `from_project`.

    Attributes:
        project: The same.
    """

    def __init__(self, client: Client | AsyncClient | None, project: Mapping[str, Any]) -> None:
        self.project = dict(project)
        self._sync = client if isinstance(client, Client) else None
        self._async = client if isinstance(client, AsyncClient) else None
        if client is not None and self._sync is None and self._async is None:
            msg = f"client is a Client or an AsyncClient of pipelex_core, not {type(client).__name__}"
            raise TypeError(msg)

    @property
    def sync(self) -> Client:
        """For synchronous code."""
        if self._sync is None:
            other = self._async
            self._sync = Client.from_project(**self.project) if other is None else Client(other.deck, other.plugins)
        return self._sync

    @property
    def asynchronous(self) -> AsyncClient:
        """For asynchronous code."""
        if self._async is None:
            other = self.sync
            self._async = AsyncClient(other.deck, other.plugins, config=other.config)
        return self._async

    @property
    def place(self) -> str:
        """What tells one configuration from another."""
        either = self._sync or self._async
        config = either.config if either is not None else None
        return str(config.folder) if config is not None else str(self.project.get("config") or self.project.get("root"))
