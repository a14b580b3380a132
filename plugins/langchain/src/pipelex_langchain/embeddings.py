"""`PipelexEmbeddings`: embeddings of LangChain whose model is a handle."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from langchain_core.embeddings import Embeddings

from pipelex_adapters import Clients

if TYPE_CHECKING:
    from pipelex_core import AsyncClient, Client


class PipelexEmbeddings(Embeddings):
    """Embeddings: a preset, alias or model of a deck; queries and documents each in their way, where the model has two.

    Args:
        model: The handle; None for the deck's default for embeddings.
        client: A client of pipelex_core; None for one of `project`.
        project: Arguments of `Client.from_project`.
        settings: Of every call, such as `dimensions`.
    """

    def __init__(
        self,
        model: str | None = None,
        *,
        client: Client | AsyncClient | None = None,
        project: dict[str, Any] | None = None,
        **settings: Any,
    ) -> None:
        self.model = model
        self._settings = settings
        self._clients = Clients(client, project or {})

    def embed_documents(self, texts: list[str]) -> list[list[float]]:
        """Vectors of texts that are to be found."""
        result = self._clients.sync.embed(texts, model=self.model, purpose="document", **self._settings)
        return [list(vector) for vector in result.vectors]

    def embed_query(self, text: str) -> list[float]:
        """The vector of a text to search with."""
        result = self._clients.sync.embed(text, model=self.model, purpose="query", **self._settings)
        return list(result.vectors[0])

    async def aembed_documents(self, texts: list[str]) -> list[list[float]]:
        """Vectors of texts that are to be found."""
        result = await self._clients.asynchronous.embed(texts, model=self.model, purpose="document", **self._settings)
        return [list(vector) for vector in result.vectors]

    async def aembed_query(self, text: str) -> list[float]:
        """The vector of a text to search with."""
        result = await self._clients.asynchronous.embed(text, model=self.model, purpose="query", **self._settings)
        return list(result.vectors[0])
