"""The backend `vertexai`: Gemini on Vertex AI, with credentials or a key of express mode."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from google import genai

from pipelex_backend_google.gemini import GeminiBackend, http_options
from pipelex_backend_vertexai._credentials import find_caller
from pipelex_core.errors import AuthenticationError
from pipelex_core.specs import Secret

if TYPE_CHECKING:
    import httpx2

    from pipelex_backend_vertexai._credentials import Caller
    from pipelex_core.specs import BackendConfig


class VertexBackend(GeminiBackend):
    """Gemini on Vertex AI."""

    vertex = True

    def __init__(self, config: BackendConfig, *, model_prefix: str = "") -> None:
        super().__init__(config, model_prefix=model_prefix)
        self._caller: Caller | None = None

    async def connect(self, pool: httpx2.AsyncClient) -> genai.Client:
        """The SDK's client: in express mode with the key, else with credentials; nothing is sent yet.

        Raises:
            AuthenticationError: There are no usable credentials, or no project.
        """
        options = http_options(self.config, pool, endpoint=None, api_version="v1beta1")
        if self.config.api_key is not None:
            return genai.Client(vertexai=True, api_key=self.config.api_key.reveal(), http_options=options)
        self._caller = caller = await asyncio.to_thread(find_caller, self.config)
        project = self.config.options.get("gcp_project_id") or caller.project
        if not project:
            msg = "Vertex AI needs a project: set gcp_project_id"
            raise AuthenticationError(msg)
        return genai.Client(
            vertexai=True,
            credentials=caller.credentials,
            project=project,
            location=self.config.options.get("gcp_location") or "global",
            http_options=options,
        )

    @property
    def secret(self) -> Secret | None:
        """The key of express mode, or the access token of the moment."""
        token = getattr(self._caller.credentials, "token", None) if self._caller is not None else None
        return Secret(token) if isinstance(token, str) and token else self.config.api_key
