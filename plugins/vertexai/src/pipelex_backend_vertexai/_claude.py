"""Claude on Vertex AI: the Messages API behind `rawPredict`, through Anthropic's own SDK.

https://platform.claude.com/docs/en/build-with-claude/claude-on-vertex-ai: the model is in the path, and the API's version in
the body.
"""

from __future__ import annotations

from contextlib import aclosing
from typing import TYPE_CHECKING, Any, ClassVar

from anthropic import AsyncAnthropicVertex

from pipelex_backend_anthropic.claude import ClaudeBackend, MessagesClient, translated_errors
from pipelex_backend_vertexai._place import find_place

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

    import httpx2

    from pipelex_backend_vertexai._place import Place
    from pipelex_core.requests import TextRequest
    from pipelex_core.specs import Secret

SAMPLING_VERSION = "vertex-2023-10-16"
"""The version that takes temperature and top_p; without them the SDK names its own."""


class ClaudeOnVertex(ClaudeBackend):
    """Claude, with a project and Google's credentials."""

    fetches_urls: ClassVar[bool] = False  # media go along in base64

    async def connect(self, http: httpx2.AsyncClient) -> MessagesClient:
        """The client with the credentials of the backend's table."""
        return _VertexMessages(await find_place(self.config), http)

    def body(self, request: TextRequest) -> dict[str, Any]:
        """What to send; the SDK takes the model out of it."""
        body = super().body(request)
        return {**body, "anthropic_version": SAMPLING_VERSION} if body.keys() & {"temperature", "top_p"} else body


class _VertexMessages(MessagesClient):
    """The SDK's client for Vertex AI; its access token is fetched here, so that what fails there is one of core's errors."""

    def __init__(self, place: Place, http: httpx2.AsyncClient) -> None:
        self._caller = place.caller
        with translated_errors(None):
            sdk = AsyncAnthropicVertex(
                project_id=place.project,
                region=place.location,
                credentials=place.caller.credentials,
                base_url=f"{place.address}/v1",
                max_retries=0,
                open_telemetry=False,
                http_client=http,
            )
        super().__init__(sdk)

    @property
    def key(self) -> Secret | None:
        """The access token."""
        return self._caller.secret

    async def send(self, body: dict[str, Any], seconds: float | None) -> tuple[Any, str | None]:
        """The decoded answer, and the request's id."""
        await self._caller.refresh()
        return await super().send(body, seconds)

    async def count(self, body: dict[str, Any], seconds: float | None) -> int:
        """The tokens of a body."""
        await self._caller.refresh()
        return await super().count(body, seconds)

    async def events(self, body: dict[str, Any], seconds: float | None) -> AsyncGenerator[tuple[Any, str | None], None]:
        """The decoded events as they come."""
        await self._caller.refresh()
        async with aclosing(super().events(body, seconds)) as events:
            async for event in events:
                yield event
