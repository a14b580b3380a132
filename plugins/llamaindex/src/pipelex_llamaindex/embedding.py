"""`PipelexEmbedding`: embeddings of LlamaIndex whose model is a handle."""

from __future__ import annotations

from typing import Any

from llama_index.core.base.embeddings.base import BaseEmbedding
from pydantic import Field, PrivateAttr

from pipelex_adapters import Clients
from pipelex_core import AsyncClient, Client


class PipelexEmbedding(BaseEmbedding):
    """Embeddings: a preset, alias or model of a deck; queries and documents each in their way, where the model has two.

    Args:
        model: The handle; None for the deck's default for embeddings.
        client: A client of pipelex_core; None for one of `project`.
        project: Arguments of `Client.from_project`.
        arguments: Further arguments of every call, such as `{"dimensions": 256}`.
        settings: Of LlamaIndex, such as `embed_batch_size`.
    """

    arguments: dict[str, Any] = Field(default_factory=dict)
    _clients: Clients = PrivateAttr()
    _handle: str | None = PrivateAttr()

    def __init__(
        self,
        model: str | None = None,
        *,
        client: Client | AsyncClient | None = None,
        project: dict[str, Any] | None = None,
        arguments: dict[str, Any] | None = None,
        **settings: Any,
    ) -> None:
        super().__init__(**{"model_name": model or "default", **settings, "arguments": arguments or {}})
        self._clients = Clients(client, project or {})
        self._handle = model

    @classmethod
    def class_name(cls) -> str:
        """What LlamaIndex calls it."""
        return "PipelexEmbedding"

    def _vectors(self, texts: list[str], purpose: str) -> list[list[float]]:
        made = self._clients.sync.embed(texts, model=self._handle, **{"purpose": purpose, **self.arguments})
        return [list(vector) for vector in made.vectors]

    async def _avectors(self, texts: list[str], purpose: str) -> list[list[float]]:
        arguments: dict[str, Any] = {"purpose": purpose, **self.arguments}
        made = await self._clients.asynchronous.embed(texts, model=self._handle, **arguments)
        return [list(vector) for vector in made.vectors]

    def _get_query_embedding(self, query: str) -> list[float]:
        return self._vectors([query], "query")[0]

    async def _aget_query_embedding(self, query: str) -> list[float]:
        return (await self._avectors([query], "query"))[0]

    def _get_text_embedding(self, text: str) -> list[float]:
        return self._vectors([text], "document")[0]

    async def _aget_text_embedding(self, text: str) -> list[float]:
        return (await self._avectors([text], "document"))[0]

    def _get_text_embeddings(self, texts: list[str]) -> list[list[float]]:
        return self._vectors(texts, "document")

    async def _aget_text_embeddings(self, texts: list[str]) -> list[list[float]]:
        return await self._avectors(texts, "document")
