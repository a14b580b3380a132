"""Backends of one endpoint: what all have, images and embeddings."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, ClassVar

from pipelex_backend_openai._clients import openai_client
from pipelex_backend_openai._embeddings import embedding_body
from pipelex_backend_openai._endpoint import Endpoint
from pipelex_backend_openai._fetch import with_bytes
from pipelex_backend_openai._images import edit_body, edit_uploads, image_body, image_chat_body
from pipelex_backend_openai._pictures import picture_of_chat, pictures
from pipelex_backend_openai._traits import traits_of
from pipelex_core.answers import embeds_all
from pipelex_core.backend import Embedder, ImageGenerator, ModelLister
from pipelex_core.errors import InvalidAnswerError, UnsupportedInputError
from pipelex_core.pictures import check_mask

if TYPE_CHECKING:
    import httpx2

    from pipelex_backend_openai._clients import Connected
    from pipelex_backend_openai._fetch import Download
    from pipelex_backend_openai._traits import Traits
    from pipelex_core.backend import Resources
    from pipelex_core.requests import EmbeddingRequest, ImageRequest
    from pipelex_core.results import EmbeddingAnswer, ImageAnswer
    from pipelex_core.specs import BackendConfig, ModelSpec

CHAT = "/chat/completions"
_IMAGES = "/images/generations"
_EDITS = "/images/edits"
_EMBEDDINGS = "/embeddings"


class EndpointBackend(ModelLister):
    """What all backends of this plugin have: one endpoint, and its traits."""

    loggers: ClassVar[tuple[str, ...]] = ("openai",)
    objects_with_tools: ClassVar[bool] = True

    _endpoint: Endpoint
    _download: Download

    def __init__(self, config: BackendConfig) -> None:
        super().__init__(config)
        self._traits = traits_of(config.name, config.options)

    async def open(self, resources: Resources) -> None:
        """Make the SDK's client on the shared connection pool."""
        self._download = partial(resources.download, config=self.config)
        self._endpoint = Endpoint(self._connected(resources.http()), self._download)

    async def list_models(self) -> tuple[str, ...]:
        """The ids of `GET /models`."""
        data = await self._endpoint.get("/models")
        models = data.get("data")
        if not isinstance(models, list):
            msg = "the answer is not a list of models"
            raise InvalidAnswerError(msg, raw=data)
        return tuple(model["id"] for model in models if isinstance(model, dict) and isinstance(model.get("id"), str))

    def _connected(self, http: httpx2.AsyncClient) -> Connected:
        return openai_client(self.config, http)

    def _traits_for(self, spec: ModelSpec) -> Traits:
        return self._traits.overridden(spec.options) if spec.options else self._traits


class ImageBackend(EndpointBackend, ImageGenerator):
    """Image generation of OpenAI and of everything compatible."""

    edits_images: ClassVar[bool] = True
    takes_masks: ClassVar[bool] = True

    async def generate_image(self, request: ImageRequest) -> ImageAnswer:
        """One call of `images/generations` or `images/edits`, or one chat that answers with a URL; the bytes are fetched."""
        traits = self._traits_for(request.spec)
        if request.images and traits.image_api == "images":
            return await self._edited(request, traits)
        if traits.image_api == "chat":
            return await self._endpoint.pictures(CHAT, image_chat_body(request), picture_of_chat)
        return await self._endpoint.pictures(_IMAGES, image_body(request, traits), pictures)

    async def _edited(self, request: ImageRequest, traits: Traits) -> ImageAnswer:
        if traits.image_edits == "none":
            msg = f"backend '{request.spec.backend}' makes images of a prompt alone: its option image_edits is 'none'"
            raise UnsupportedInputError(msg)
        if traits.image_edits == "json":
            return await self._endpoint.pictures(_EDITS, edit_body(request, traits), pictures)
        images = [await with_bytes(picture, self._download) for picture in request.images]
        mask = None if request.mask is None else await with_bytes(request.mask, self._download)
        if mask is not None:
            check_mask(images[0], mask)
        files = edit_uploads(images, mask)
        return await self._endpoint.pictures(_EDITS, image_body(request, traits), pictures, files=files)


class EmbeddingBackend(EndpointBackend, Embedder):
    """Embeddings of OpenAI and of everything compatible."""

    async def embed(self, request: EmbeddingRequest) -> EmbeddingAnswer:
        """One call of `embeddings`."""
        traits = self._traits_for(request.spec)
        answer = await self._endpoint.vectors(_EMBEDDINGS, embedding_body(request, traits), traits)
        return embeds_all(answer, request)
