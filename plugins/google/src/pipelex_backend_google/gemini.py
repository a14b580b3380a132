"""Gemini, whichever of Google's APIs serves it: one call of google-genai per request.

`pipelex-backend-vertexai` builds on this module: of this distribution it knows `gemini` and `options`, and nothing else.

The request's body is built here in the API's own form and given to the SDK as `extra_body`, and a whole answer comes
back unread (`should_return_http_response`): both are documented options, and half the work of a typed call. The SDK
does the rest: addresses, credentials, headers, the transport, and its errors.
"""

from __future__ import annotations

from abc import abstractmethod
from contextlib import aclosing
from typing import TYPE_CHECKING, Any, ClassVar, TypeVar

from pipelex_backend_google._answer import Gathered, gathered_answer
from pipelex_backend_google._batch_embeddings import embedding_body
from pipelex_backend_google._batches import GeminiBatches
from pipelex_backend_google._body import text_body
from pipelex_backend_google._call import NO_CONTENTS, call_config, count_config
from pipelex_backend_google._client import http_options
from pipelex_backend_google._embeddings import embedding_answer, embedding_config, embedding_contents
from pipelex_backend_google._errors import call_error, request_id
from pipelex_backend_google._image import image_answer, image_body
from pipelex_backend_google._requests import Requests
from pipelex_backend_google._stream import Pool, events, open_stream
from pipelex_core.answers import says_something
from pipelex_core.backend import (
    Embedder,
    ImageGenerator,
    ModelLister,
    ObjectGenerator,
    ObjectStreamer,
    Speaker,
    SpeechStreamer,
    TextGenerator,
    TextStreamer,
    TokenCounter,
    Transcriber,
)
from pipelex_core.errors import InvalidAnswerError, ProviderConnectionError
from pipelex_core.requests import ObjectRequest

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    import httpx2
    from google import genai

    from pipelex_backend_google._requests import Replied
    from pipelex_core.backend import Resources
    from pipelex_core.requests import EmbeddingRequest, ImageRequest, TextRequest
    from pipelex_core.results import EmbeddingAnswer, ImageAnswer, TextAnswer
    from pipelex_core.sound import SpeechAnswer, SpeechRequest, TranscriptAnswer, TranscriptRequest
    from pipelex_core.specs import BackendConfig, ModelSpec, Secret

__all__ = ["GeminiBackend", "GeminiBatches", "call_error", "embedding_body", "http_options", "text_body"]

Read = TypeVar("Read")

_NOT_OPEN = "open() comes before the first call"


class GeminiBackend(
    TextGenerator,
    TextStreamer,
    ObjectGenerator,
    ObjectStreamer,
    ImageGenerator,
    Embedder,
    Transcriber,
    Speaker,
    SpeechStreamer,
    TokenCounter,
    ModelLister,
):
    """Gemini, by the native API; a subclass connects to AI Studio or to Vertex AI.

    Attributes:
        vertex: Whether it is Vertex AI, whose API has a few more parameters.
        model_prefix: What the specs put before a model's id.
    """

    vertex: ClassVar[bool]
    edits_images: ClassVar[bool] = True
    gives_logprobs: ClassVar[bool] = True
    gives_several: ClassVar[bool] = True
    objects_with_tools: ClassVar[bool] = True
    hosted_tools: ClassVar[frozenset[str]] = frozenset({"web_search"})

    def __init__(self, config: BackendConfig, *, model_prefix: str = "") -> None:
        super().__init__(config)
        self.model_prefix = model_prefix
        self._client: genai.Client | None = None
        self._requests: Requests | None = None

    @abstractmethod
    async def connect(self, pool: httpx2.AsyncClient) -> genai.Client:
        """The SDK's client on the pool.

        Raises:
            AuthenticationError: There is no key, or no usable credentials.
        """

    @property
    def secret(self) -> Secret | None:
        """What the calls are made with, for errors to hide: the key, or an access token."""
        return self.config.api_key

    async def open(self, resources: Resources) -> None:
        """Make the SDK's client on the shared pool.

        Raises:
            AuthenticationError: There is no key, or no usable credentials.
        """
        pool = Pool(resources.http())
        self._client = await self.connect(pool)
        self._requests = Requests(self._client, pool)

    async def close(self) -> None:
        """Close what the SDK made for itself; the pool stays open."""
        client, self._client, self._requests = self._client, None, None
        if client is not None:
            await client.aio.aclose()
            client.close()

    async def generate_text(self, request: TextRequest) -> TextAnswer:
        """The answer, whole."""
        gathered = await self._ask(request.spec, text_body(request), gathered_answer)
        return says_something(gathered.answer(), request, gathered.finish)

    async def generate_object(self, request: ObjectRequest) -> TextAnswer:
        """The answer, whole, held to the schema by Google."""
        return (await self._ask(request.spec, text_body(request), gathered_answer)).answer()

    async def generate_image(self, request: ImageRequest) -> ImageAnswer:
        """One image, of a prompt and the pictures to change."""
        return await self._ask(request.spec, image_body(request, vertex=self.vertex), image_answer)

    async def speak(self, request: SpeechRequest) -> SpeechAnswer:
        """Samples, with a header where WAV is asked for."""
        from pipelex_backend_google._sound import speech_body, speech_reader

        return await self._ask(request.spec, speech_body(request), speech_reader(request))

    async def stream_speech(self, request: SpeechRequest) -> AsyncIterator[bytes | SpeechAnswer]:
        """The same, as it is made; of models that make it so: others send it whole, in one piece."""
        from pipelex_backend_google._sound import SpeechReading, speech_body

        models, config, failure = self._models, call_config(speech_body(request)), None
        reading: SpeechReading | None = None
        try:
            chunks = await models.generate_content_stream(
                model=self.model_id(request.spec), contents=NO_CONTENTS, config=config
            )
            async with aclosing(await open_stream(chunks)) as response:
                reading = SpeechReading(request, request_id(response.headers))
                async for event in events(response):
                    if piece := reading.take(event):
                        yield piece
        except Exception as error:  # noqa: BLE001 -- as in `stream_text`
            failure = call_error(error, self.secret)
        if failure is not None:
            raise failure
        if reading is None or not reading.is_finished:
            msg = "Google's stream ended before the speech was complete"
            raise ProviderConnectionError(msg)
        yield reading.answer()

    async def transcribe(self, request: TranscriptRequest) -> TranscriptAnswer:
        """Transcribe a recording, which is a part of the request."""
        from pipelex_backend_google._sound import transcript_reader, transcription_body

        return await self._ask(request.spec, transcription_body(request), transcript_reader(request))

    async def embed(self, request: EmbeddingRequest) -> EmbeddingAnswer:
        """A vector of each text."""
        models, model = self._models, self.model_id(request.spec)
        contents: Any = embedding_contents(request, model, vertex=self.vertex)
        config = embedding_config(request, model, vertex=self.vertex)
        try:
            response = await models.embed_content(model=model, contents=contents, config=config)
            headers = response.sdk_http_response.headers if response.sdk_http_response else None
            return embedding_answer(response, request, request_id(headers or {}))
        except Exception as error:  # noqa: BLE001 -- as in `stream_text`
            failure = call_error(error, self.secret)
        raise failure

    def stream_text(self, request: TextRequest) -> AsyncIterator[str | TextAnswer]:
        """The text as it comes, then the answer."""
        return self._stream(request)

    def stream_object(self, request: ObjectRequest) -> AsyncIterator[str | TextAnswer]:
        """The JSON document as it comes, then the answer."""
        return self._stream(request)

    async def _stream(self, request: TextRequest) -> AsyncIterator[str | TextAnswer]:
        models, config, failure = self._models, call_config(text_body(request)), None
        gathered = Gathered(request_id=None)
        try:
            chunks = await models.generate_content_stream(
                model=self.model_id(request.spec), contents=NO_CONTENTS, config=config
            )
            async with aclosing(await open_stream(chunks)) as response:
                gathered.request_id = request_id(response.headers)
                async for event in events(response):
                    for delta in gathered.take(event):
                        yield delta
        except Exception as error:  # noqa: BLE001 -- the SDK raises far outside its own classes: see the table
            partial_text = gathered.text if gathered.last else None
            failure = call_error(error, self.secret, partial_text=partial_text)
        if failure is not None:
            raise failure  # out here, so that it does not carry the SDK's error, and the key in its request, along
        if gathered.finish is None:
            msg = "Google's stream ended before the answer was complete"
            raise ProviderConnectionError(msg, request_id=gathered.request_id, partial_text=gathered.text or None)
        answer = gathered.answer()
        yield answer if isinstance(request, ObjectRequest) else says_something(answer, request, gathered.finish)

    async def count_tokens(self, request: TextRequest) -> int:
        """`totalTokens` of `countTokens`: https://ai.google.dev/api/tokens."""
        models, model = self._models, self.model_id(request.spec)
        config = count_config(text_body(request), None if self.vertex else f"models/{model}")
        try:
            counted = await models.count_tokens(model=model, contents=NO_CONTENTS, config=config)
        except Exception as error:  # noqa: BLE001 -- as in `stream_text`
            failure = call_error(error, self.secret)
        else:
            if counted.total_tokens is not None:
                return counted.total_tokens
            failure = InvalidAnswerError("the answer has no count of tokens")
        raise failure

    async def list_models(self) -> tuple[str, ...]:
        """Ids as a spec's `model_id` has them."""
        models, failure = self._models, None
        try:
            pager = await models.list(config={"query_base": True})
            names = [model.name or "" async for model in pager]
        except Exception as error:  # noqa: BLE001 -- as in `stream_text`
            failure = call_error(error, self.secret)
        if failure is not None:
            raise failure
        return tuple(self.model_prefix + name.rpartition("/")[2] for name in names)

    async def _ask(self, spec: ModelSpec, body: dict[str, Any], read: Callable[[Replied], Read]) -> Read:
        """What an answer reads as."""
        if self._requests is None:
            raise RuntimeError(_NOT_OPEN)
        try:
            return read(await self._requests.generate(self.model_id(spec), body))
        except Exception as error:  # noqa: BLE001 -- as in `stream_text`
            failure = call_error(error, self.secret)
        raise failure

    def model_id(self, spec: ModelSpec) -> str:
        """A model's id as the native API has it."""
        return spec.model_id.removeprefix(self.model_prefix)

    @property
    def _models(self) -> genai.models.AsyncModels:
        if self._client is None:
            raise RuntimeError(_NOT_OPEN)
        return self._client.aio.models
