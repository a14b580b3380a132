"""The backend `google`: Gemini on AI Studio, with a key."""

from __future__ import annotations

from typing import TYPE_CHECKING

from google import genai

from pipelex_backend_google._batches import GeminiBatches
from pipelex_backend_google._client import http_options
from pipelex_backend_google.gemini import GeminiBackend
from pipelex_core.errors import AuthenticationError

if TYPE_CHECKING:
    import httpx2

_ENDPOINT = "https://generativelanguage.googleapis.com/"


class GoogleBackend(GeminiBatches, GeminiBackend):
    """Gemini on Google AI Studio."""

    vertex = False

    async def connect(self, pool: httpx2.AsyncClient) -> genai.Client:
        """The SDK's client with the key of the configuration; nothing is sent yet.

        Raises:
            AuthenticationError: There is no key.
        """
        if self.config.api_key is None:
            msg = "Google AI Studio needs an api_key"
            raise AuthenticationError(msg)
        options = http_options(self.config, pool, endpoint=_ENDPOINT, api_version="v1beta")
        return genai.Client(vertexai=False, api_key=self.config.api_key.reveal(), http_options=options)
