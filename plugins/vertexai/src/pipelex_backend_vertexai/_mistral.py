"""Mistral's models on Vertex AI: its chat and its OCR behind `rawPredict`.

https://cloud.google.com/vertex-ai/generative-ai/docs/partner-models/mistral: the model is in the path and in the body.
"""

from __future__ import annotations

from contextlib import aclosing
from typing import TYPE_CHECKING, Any, ClassVar

from pipelex_backend_mistral.models import MistralClient, MistralModels
from pipelex_backend_vertexai._place import find_place

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

    import httpx2

    from pipelex_backend_vertexai._place import Place


class MistralOnVertex(MistralModels):
    """Chat and OCR, with a project and Google's credentials."""

    fetches_urls: ClassVar[bool] = False  # a document goes along in base64: the model has no way to the internet

    async def connect(self, http: httpx2.AsyncClient) -> MistralClient:
        """The client with the credentials of the backend's table."""
        return _VertexMistral(await find_place(self.config), http)


class _VertexMistral(MistralClient):
    """The SDK's client, with Vertex AI's addresses and an access token."""

    def __init__(self, place: Place, http: httpx2.AsyncClient) -> None:
        self._caller = place.caller
        self._models = (
            f"{place.address}/v1/projects/{place.project}/locations/{place.location}/publishers/mistralai/models"
        )
        super().__init__(http, endpoint=place.address, key=self._token)

    def address(self, path: str, body: dict[str, Any] | None, *, stream: bool) -> str:  # noqa: ARG002 -- the body tells
        """The address of the body's model."""
        return f"{self._models}/{(body or {}).get('model')}:{'streamRawPredict' if stream else 'rawPredict'}"

    async def call(self, path: str, operation: str, body: dict[str, Any] | None = None, **options: Any) -> Any:
        """One request and its JSON."""
        await self._caller.refresh()
        return await super().call(path, operation, _named(body or {}), **options)

    async def events(
        self, path: str, operation: str, body: dict[str, Any], **options: Any
    ) -> AsyncGenerator[Any, None]:
        """The JSON of each event of a stream."""
        await self._caller.refresh()
        async with aclosing(super().events(path, operation, _named(body), **options)) as events:
            async for event in events:
                yield event

    def _token(self) -> str | None:
        secret = self._caller.secret
        return secret.reveal() if secret is not None else None


def _named(body: dict[str, Any]) -> dict[str, Any]:
    """The body with the model's name alone, of an id that may have its publisher before it."""
    return {**body, "model": str(body["model"]).removeprefix("mistralai/")}
