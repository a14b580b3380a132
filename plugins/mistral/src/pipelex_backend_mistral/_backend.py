"""The backend of Mistral AI: request, SDK call, answer."""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING, ClassVar

from pipelex_backend_mistral._batches import BatchJobs
from pipelex_backend_mistral._chat_answer import Gathered, gathered_answer, invalid
from pipelex_backend_mistral._chat_request import chat_body, size_of
from pipelex_backend_mistral._client import MistralClient
from pipelex_backend_mistral._embeddings import embedding_answer, embedding_body
from pipelex_backend_mistral._ocr import document_answer, file_name, must_be_uploaded, ocr_body
from pipelex_core.answers import says_something
from pipelex_core.backend import (
    DocumentExtractor,
    Embedder,
    ModelLister,
    Moderator,
    ObjectGenerator,
    ObjectStreamer,
    Speaker,
    SpeechStreamer,
    TextGenerator,
    TextStreamer,
    Transcriber,
)
from pipelex_core.errors import CallError, PluginError, ProviderConnectionError
from pipelex_core.requests import ObjectRequest

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from pipelex_backend_mistral._client import Answered
    from pipelex_backend_mistral._errors import Doubt
    from pipelex_core.backend import Resources
    from pipelex_core.judging import ModerationAnswer, ModerationRequest
    from pipelex_core.requests import EmbeddingRequest, ExtractRequest, TextRequest
    from pipelex_core.results import DocumentAnswer, EmbeddingAnswer, TextAnswer
    from pipelex_core.sound import SpeechAnswer, SpeechRequest, TranscriptAnswer, TranscriptRequest

_log = logging.getLogger("pipelex_backend_mistral")

DELETE_SECONDS = 10.0
"""How long the deletion of an uploaded file may take, also after the caller gave up."""

# The SDK's names of its operations: its tracing goes by them.
_CHAT = ("/v1/chat/completions", "chat_completion_v1_chat_completions_post")
_STREAM = ("/v1/chat/completions", "stream_chat")
_OCR = ("/v1/ocr", "ocr_v1_ocr_post")
_EMBEDDINGS = ("/v1/embeddings", "embeddings_v1_embeddings_post")
_TRANSCRIPTIONS = ("/v1/audio/transcriptions", "audio_api_v1_transcriptions_post")
_SPEECH = ("/v1/audio/speech", "speech_v1_audio_speech_post")
_MODERATIONS = ("/v1/moderations", "moderations_v1_moderations_post")
_MODELS = ("/v1/models", "list_models_v1_models_get")


class MistralBackend(
    BatchJobs,
    TextGenerator,
    TextStreamer,
    ObjectGenerator,
    ObjectStreamer,
    DocumentExtractor,
    Embedder,
    Transcriber,
    Speaker,
    SpeechStreamer,
    Moderator,
    ModelLister,
):
    """Chat, OCR, embeddings, speech both ways and moderation at api.mistral.ai, or at the endpoint of its config."""

    objects_with_tools: ClassVar[bool] = True

    _opened: MistralClient | None = None

    async def open(self, resources: Resources) -> None:
        """Make the SDK's client on the shared pool."""
        self._opened = MistralClient(self.config, resources.http())

    async def close(self) -> None:
        """Let go of it."""
        if self._opened is not None:
            self._opened.close()
            self._opened = None

    @property
    def _client(self) -> MistralClient:
        if self._opened is None:
            msg = f"backend '{self.config.name}' is not open"
            raise PluginError(msg)
        return self._opened

    async def generate_text(self, request: TextRequest) -> TextAnswer:
        """One chat completion."""
        gathered = await self._chat(request)
        return says_something(gathered.answer(), request, gathered.finish_reason)

    async def generate_object(self, request: ObjectRequest) -> TextAnswer:
        """One chat completion with a `response_format`."""
        return (await self._chat(request)).answer()

    def stream_text(self, request: TextRequest) -> AsyncIterator[str | TextAnswer]:
        """One chat completion, streamed."""
        return self._stream(request)

    def stream_object(self, request: ObjectRequest) -> AsyncIterator[str | TextAnswer]:
        """One chat completion with a `response_format`, streamed."""
        return self._stream(request)

    async def _stream(self, request: TextRequest) -> AsyncIterator[str | TextAnswer]:
        """One chat completion, streamed; the chunk with the finish reason is its last."""
        body = chat_body(request, stream=True)
        events = self._client.events(*_STREAM, body, too_long=_may_be_too_long(request))
        gathered = Gathered(request_id=None)
        try:
            async for event in events:
                gathered.request_id = event.request_id
                delta = gathered.take(event.payload, "delta")
                if delta:
                    yield delta
        except CallError as error:
            error.partial_text = "".join(gathered.text) or None
            if gathered.finish_reason is None or not isinstance(error, ProviderConnectionError):
                raise  # else only the connection's end is missing
        finally:
            await events.aclose()
        if gathered.finish_reason is None:
            msg = "Mistral's stream ended before the answer did"
            partial = "".join(gathered.text) or None
            raise ProviderConnectionError(msg, request_id=gathered.request_id, partial_text=partial)
        answer = gathered.answer()
        yield answer if isinstance(request, ObjectRequest) else says_something(answer, request, gathered.finish_reason)

    async def extract(self, request: ExtractRequest) -> DocumentAnswer:
        """One OCR call; a large document is uploaded before, and deleted after it, however it ended."""
        if not must_be_uploaded(request.document):
            return await self._read(request, request.document.as_url())
        ocr_body(request, "")  # refuses what cannot be read, before it is uploaded
        file_id = await self._client.upload(request.document, file_name(request.document))
        try:
            return await self._read(request, await self._client.signed_url(file_id))
        finally:
            await self._delete(file_id)

    async def embed(self, request: EmbeddingRequest) -> EmbeddingAnswer:
        """One call of embeddings."""
        answered = await self._client.call(*_EMBEDDINGS, embedding_body(request))
        return embedding_answer(answered.payload, request, answered.request_id)

    async def transcribe(self, request: TranscriptRequest) -> TranscriptAnswer:
        """One upload; what is at a URL, Mistral fetches itself."""
        from pipelex_backend_mistral._sound import transcript_of, transcription_form

        form, audio = transcription_form(request), request.audio
        if audio.url is not None:
            answered = await self._client.form(*_TRANSCRIPTIONS, form)
        else:
            with audio.open() as file:
                answered = await self._client.form(*_TRANSCRIPTIONS, form, (audio.name, file, audio.media_type))
        return transcript_of(answered.payload, request, answered.request_id)

    async def speak(self, request: SpeechRequest) -> SpeechAnswer:
        """One call, whose answer has the sound in base64."""
        from pipelex_backend_mistral._sound import sound_in, speech_body, speech_of

        answered = await self._client.call(*_SPEECH, speech_body(request))
        data = sound_in(answered.payload, answered.request_id)
        return speech_of(data, request, answered.request_id, answered.payload.get("usage"))

    async def stream_speech(self, request: SpeechRequest) -> AsyncIterator[bytes | SpeechAnswer]:
        """The same in events, of which the last tells what was used."""
        from pipelex_backend_mistral._sound import sound_in, speech_body, speech_of

        events = self._client.events(*_SPEECH, speech_body(request, stream=True))
        pieces: list[bytes] = []
        done: Answered | None = None
        try:
            async for event in events:
                kind = event.payload.get("type")
                if kind == "speech.audio.delta":
                    pieces.append(sound_in(event.payload, event.request_id))
                    yield pieces[-1]
                elif kind == "speech.audio.done":
                    done = event
        finally:
            await events.aclose()
        if done is None:
            msg = "Mistral's stream ended before the speech did"
            raise ProviderConnectionError(msg)
        yield speech_of(b"".join(pieces), request, done.request_id, done.payload.get("usage"))

    async def moderate(self, request: ModerationRequest) -> ModerationAnswer:
        """One call."""
        from pipelex_backend_mistral._moderation import moderation_body, verdicts_of

        answered = await self._client.call(*_MODERATIONS, moderation_body(request))
        return verdicts_of(answered.payload, request, answered.request_id)

    async def list_models(self) -> tuple[str, ...]:
        """The ids of the models that the key may use."""
        answered = await self._client.call(*_MODELS)
        models = answered.payload.get("data") if isinstance(answered.payload, dict) else None
        if not isinstance(models, list) or not all(isinstance(model, dict) and "id" in model for model in models):
            why = "it lists no models"
            raise invalid(why, answered.payload, answered.request_id)
        return tuple(str(model["id"]) for model in models)

    async def _chat(self, request: TextRequest) -> Gathered:
        answered = await self._client.call(*_CHAT, chat_body(request), too_long=_may_be_too_long(request))
        return gathered_answer(answered.payload, answered.request_id)

    async def _read(self, request: ExtractRequest, url: str) -> DocumentAnswer:
        answered = await self._client.call(*_OCR, ocr_body(request, url))
        return document_answer(answered.payload, request, answered.request_id)

    async def _delete(self, file_id: str) -> None:
        """Delete an uploaded file; where that fails, the call's own outcome stays, and the log names the file."""
        try:
            async with asyncio.timeout(DELETE_SECONDS):
                await self._client.delete(file_id)
        except (CallError, TimeoutError) as error:
            _log.warning("the uploaded file %s could not be deleted at Mistral: %s", file_id, error)


def _may_be_too_long(request: TextRequest) -> Doubt:
    """Whether a request has as many characters as its model has tokens of context: only then can it be too long."""
    window = request.spec.context_window
    return lambda: window is not None and size_of(request) >= window
