"""The backend `anthropic`: Claude at Anthropic itself, or at an endpoint that speaks as it does."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pipelex_backend_anthropic._batches import MessageBatches
from pipelex_backend_anthropic._client import DirectMessages
from pipelex_backend_anthropic.claude import ClaudeBackend
from pipelex_core.backend import ModelLister

if TYPE_CHECKING:
    import httpx2

    from pipelex_backend_anthropic._client import MessagesClient


class AnthropicBackend(ClaudeBackend, MessageBatches, ModelLister):
    """Claude models, with a key; batches and the list of models besides."""

    _client: DirectMessages

    async def connect(self, http: httpx2.AsyncClient) -> MessagesClient:
        """The client with the configured key."""
        return DirectMessages(self.config, http)

    async def list_models(self) -> tuple[str, ...]:
        """The ids of every model the key may use."""
        return await self._client.model_ids()
