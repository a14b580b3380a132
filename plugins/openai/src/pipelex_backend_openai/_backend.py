"""The backends: requests and answers go through `_chat`, `_responses` and `_images`; nothing is decided here."""

from __future__ import annotations

from contextlib import aclosing
from functools import partial
from typing import TYPE_CHECKING, Any, ClassVar, TypeVar

from pipelex_backend_openai._batches import BatchingBackend, RequestBody
from pipelex_backend_openai._chat import chat_body, object_body, streamed
from pipelex_backend_openai._chat_answer import ChatReading
from pipelex_backend_openai._clients import azure_client, azure_has_responses, openai_client
from pipelex_backend_openai._embeddings import embedding_body
from pipelex_backend_openai._endpoint import Endpoint
from pipelex_backend_openai._fetch import with_bytes, with_documents
from pipelex_backend_openai._further import FurtherCalls
from pipelex_backend_openai._images import edit_body, edit_uploads, image_body, image_chat_body
from pipelex_backend_openai._objects import object_answer
from pipelex_backend_openai._pictures import picture_of_chat, pictures
from pipelex_backend_openai._responses import response_body, response_object_body
from pipelex_backend_openai._responses_answer import ResponseReading
from pipelex_backend_openai._traits import traits_of
from pipelex_core.answers import embeds_all, says_something
from pipelex_core.backend import (
    Embedder,
    ImageGenerator,
    ModelLister,
    ObjectGenerator,
    ObjectStreamer,
    TextGenerator,
    TextStreamer,
    TokenCounter,
)
from pipelex_core.errors import InvalidAnswerError, UnsupportedInputError
from pipelex_core.pictures import check_mask
from pipelex_core.requests import ObjectRequest

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, AsyncIterator

    import httpx2

    from pipelex_backend_openai._clients import Connected
    from pipelex_backend_openai._fetch import Download
    from pipelex_backend_openai._objects import ObjectBody
    from pipelex_backend_openai._traits import Traits
    from pipelex_core.backend import Resources
    from pipelex_core.requests import EmbeddingRequest, ImageRequest, TextRequest
    from pipelex_core.results import EmbeddingAnswer, ImageAnswer, TextAnswer
    from pipelex_core.specs import BackendConfig, ModelSpec

RequestT = TypeVar("RequestT", bound="TextRequest")

_CHAT = "/chat/completions"
_RESPONSES = "/responses"
_COUNT = "/responses/input_tokens"
_COUNTED = frozenset({"input", "instructions", "model", "reasoning", "text", "tool_choice", "tools"})
"""What has tokens: https://platform.openai.com/docs/api-reference/responses/input-tokens."""
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
            return await self._endpoint.pictures(_CHAT, image_chat_body(request), picture_of_chat)
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


class ResponsesBackend(
    EndpointBackend, BatchingBackend, TextGenerator, TextStreamer, ObjectGenerator, ObjectStreamer, TokenCounter
):
    """The Responses API of OpenAI and of everything compatible."""

    hosted_tools: ClassVar[frozenset[str]] = frozenset({"web_search"})
    gives_logprobs: ClassVar[bool] = True

    def __init__(self, config: BackendConfig) -> None:
        super().__init__(config)
        self._responses_provider = f"{config.name}/responses"

    async def generate_text(self, request: TextRequest) -> TextAnswer:
        """One response."""
        body = response_body(request, self._traits_for(request.spec), self._responses_provider)
        return says_something(
            await self._endpoint.ask(_RESPONSES, body, partial(ResponseReading, self._responses_provider)), request
        )

    def stream_text(self, request: TextRequest) -> AsyncIterator[str | TextAnswer]:
        """One response, streamed."""
        traits = self._traits_for(request.spec)

        async def body() -> dict[str, Any]:
            return {**response_body(request, traits, self._responses_provider), "stream": True}

        return self._endpoint.stream(_RESPONSES, body, ResponseReading(self._responses_provider), request)

    async def generate_object(self, request: ObjectRequest) -> TextAnswer:
        """One response whose text, or whose forced call of a tool, is the object."""
        requested = response_object_body(request, self._traits_for(request.spec), self._responses_provider)
        reads = partial(ResponseReading, self._responses_provider, object_tool=requested.tool, others=requested.others)
        return object_answer(await self._endpoint.ask(_RESPONSES, requested.body, reads), requested.sent)

    async def stream_object(self, request: ObjectRequest) -> AsyncGenerator[str | TextAnswer, None]:
        """The same, streamed."""
        requested = response_object_body(request, self._traits_for(request.spec), self._responses_provider)

        async def body() -> dict[str, Any]:
            return {**requested.body, "stream": True}

        reading = ResponseReading(self._responses_provider, object_tool=requested.tool, others=requested.others)
        finish = partial(_object_of, requested)
        async with aclosing(self._endpoint.stream(_RESPONSES, body, reading, request, finish)) as events:
            async for event in events:
                yield event

    async def count_tokens(self, request: TextRequest) -> int:
        """OpenAI's count of a response's input, which chat completions have none of; most compatible endpoints have neither."""
        traits, provider = self._traits_for(request.spec), self._responses_provider
        if isinstance(request, ObjectRequest):
            body = response_object_body(request, traits, provider).body
        else:
            body = response_body(request, traits, provider)
        data, identity = await self._endpoint.post(_COUNT, {name: body[name] for name in body if name in _COUNTED})
        if not isinstance(tokens := data.get("input_tokens"), int):
            msg = "the answer has no count of tokens"
            raise InvalidAnswerError(msg, raw=data, request_id=identity)
        return tokens

    def requested_body(self, request: TextRequest) -> RequestBody:
        """One response, as a line of a batch."""
        traits, provider = self._traits_for(request.spec), self._responses_provider
        if not isinstance(request, ObjectRequest):
            return RequestBody(
                path=_RESPONSES, body=response_body(request, traits, provider), reading=ResponseReading(provider)
            )
        requested = response_object_body(request, traits, provider)
        reading = ResponseReading(provider, object_tool=requested.tool, others=requested.others)
        return RequestBody(path=_RESPONSES, body=requested.body, reading=reading, sent=requested.sent)


class ChatBackend(ImageBackend, EmbeddingBackend, ResponsesBackend, FurtherCalls):
    """Chat completions of OpenAI and of everything compatible, and all else: a spec may use one sdk for them.

    A model whose spec says so has the Responses API for requests that chat completions refuse.

    Attributes:
        has_responses: Whether the endpoint has that API beside the other.
    """

    has_responses: bool = True
    gives_several: ClassVar[bool] = True

    def __init__(self, config: BackendConfig) -> None:
        super().__init__(config)
        self._provider = f"{config.name}/chat"

    async def generate_text(self, request: TextRequest) -> TextAnswer:
        """One chat completion."""
        traits = self._traits_for(request.spec)
        if self._asks_responses(request, traits):
            return await super().generate_text(request)
        request = await self._prepared(request, traits)
        body = chat_body(request, traits, self._provider)
        answer = await self._endpoint.ask(_CHAT, body, partial(ChatReading, traits, self._provider))
        return says_something(answer, request)

    def stream_text(self, request: TextRequest) -> AsyncIterator[str | TextAnswer]:
        """One chat completion, streamed."""
        traits = self._traits_for(request.spec)
        if self._asks_responses(request, traits):
            return super().stream_text(request)

        async def body() -> dict[str, Any]:
            return streamed(chat_body(await self._prepared(request, traits), traits, self._provider), traits)

        return self._endpoint.stream(_CHAT, body, ChatReading(traits, self._provider), request)

    async def generate_object(self, request: ObjectRequest) -> TextAnswer:
        """One chat completion whose text, or whose forced call of a tool, is the object."""
        traits = self._traits_for(request.spec)
        if self._asks_responses(request, traits):
            return await super().generate_object(request)
        request = await self._prepared(request, traits)
        requested = object_body(request, traits, self._provider)
        reads = partial(ChatReading, traits, self._provider, object_tool=requested.tool, others=requested.others)
        return object_answer(await self._endpoint.ask(_CHAT, requested.body, reads), requested.sent)

    async def stream_object(self, request: ObjectRequest) -> AsyncGenerator[str | TextAnswer, None]:
        """The same, streamed."""
        traits = self._traits_for(request.spec)
        if self._asks_responses(request, traits):
            streamed_object = super().stream_object(request)
        else:
            requested = object_body(await self._prepared(request, traits), traits, self._provider)

            async def body() -> dict[str, Any]:
                return streamed(requested.body, traits)

            reading = ChatReading(traits, self._provider, object_tool=requested.tool, others=requested.others)
            finish = partial(_object_of, requested)
            streamed_object = self._endpoint.stream(_CHAT, body, reading, request, finish)
        async with aclosing(streamed_object) as events:
            async for event in events:
                yield event

    def requested_body(self, request: TextRequest) -> RequestBody:
        """One chat completion, as a line of a batch."""
        traits = self._traits_for(request.spec)
        if self._asks_responses(request, traits):
            return super().requested_body(request)
        if not isinstance(request, ObjectRequest):
            body = chat_body(request, traits, self._provider)
            return RequestBody(path=_CHAT, body=body, reading=ChatReading(traits, self._provider))
        requested = object_body(request, traits, self._provider)
        reading = ChatReading(traits, self._provider, object_tool=requested.tool, others=requested.others)
        return RequestBody(path=_CHAT, body=requested.body, reading=reading, sent=requested.sent)

    async def prepared(self, request: TextRequest) -> TextRequest:
        """The request with its documents as bytes, where the endpoint fetches none."""
        return await self._prepared(request, self._traits_for(request.spec))

    def _asks_responses(self, request: TextRequest, traits: Traits) -> bool:
        """Whether chat completions refuse the request for what is in it, and the endpoint's Responses API takes it.

        https://platform.openai.com/docs/guides/migrate-to-responses
        """
        needed = traits.responses_for
        return self.has_responses and (
            bool(request.hosted_tools)
            or ("tools" in needed and bool(request.tools))
            or ("effort" in needed and request.reasoning_effort is not None)
        )

    async def _prepared(self, request: RequestT, traits: Traits) -> RequestT:
        """The request as the endpoint can take it: documents as bytes, where it fetches none."""
        return await with_documents(request, self._download) if traits.documents == "file" else request


def _object_of(requested: ObjectBody, answer: TextAnswer, _request: TextRequest) -> TextAnswer:
    return object_answer(answer, requested.sent)


class AzureChatBackend(ChatBackend):
    """Chat completions of Azure OpenAI and AI Foundry."""

    batch_prefix: ClassVar[str] = ""  # https://learn.microsoft.com/azure/ai-foundry/openai/how-to/batch
    lists_ids: ClassVar[bool] = False  # it lists models, and calls name deployments

    def _connected(self, http: httpx2.AsyncClient) -> Connected:
        self.has_responses = azure_has_responses(self.config)
        return azure_client(self.config, http)


class AzureResponsesBackend(ResponsesBackend):
    """The Responses API of Azure OpenAI."""

    batch_prefix: ClassVar[str] = ""  # as above
    lists_ids: ClassVar[bool] = False  # it lists models, and calls name deployments

    def _connected(self, http: httpx2.AsyncClient) -> Connected:
        return azure_client(self.config, http)


class BytesOnlyChatBackend(ChatBackend):
    """Chat completions of endpoints that download nothing: core turns URLs into bytes for them."""

    fetches_urls: ClassVar[bool] = False


def chat_backend(config: BackendConfig) -> ChatBackend:
    """The backend of sdk `openai`; whether it fetches URLs is a trait."""
    fetches_urls = traits_of(config.name, config.options).fetches_urls
    return ChatBackend(config) if fetches_urls else BytesOnlyChatBackend(config)
