"""The backend of Mistral AI: request, SDK call, answer."""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING

from pipelex_backend_mistral._batches import BatchJobs
from pipelex_backend_mistral._chat_answer import invalid
from pipelex_backend_mistral._client import MistralClient
from pipelex_backend_mistral._embeddings import embedding_answer, embedding_body
from pipelex_backend_mistral._ocr import file_name, must_be_uploaded, ocr_body
from pipelex_backend_mistral.models import MistralModels
from pipelex_core.backend import (
    Embedder,
    ModelLister,
    Moderator,
    Speaker,
    SpeechStreamer,
    Transcriber,
)
from pipelex_core.errors import CallError, ProviderConnectionError
from pipelex_core.headers import check_key

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    import httpx2

    from pipelex_backend_mistral._client import Answered
    from pipelex_core.judging import ModerationAnswer, ModerationRequest
    from pipelex_core.requests import EmbeddingRequest, ExtractRequest
    from pipelex_core.results import DocumentAnswer, EmbeddingAnswer
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
    MistralModels,
    BatchJobs,
    Embedder,
    Transcriber,
    Speaker,
    SpeechStreamer,
    Moderator,
    ModelLister,
):
    """Chat, OCR, embeddings, speech both ways and moderation at api.mistral.ai, or at the endpoint of its config."""

    async def connect(self, http: httpx2.AsyncClient) -> MistralClient:
        """The client with the configured key."""
        check_key(self.config.api_key)
        key = self.config.api_key.reveal() if self.config.api_key else None
        return MistralClient(http, endpoint=self.config.endpoint, key=lambda: key)

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

    async def _delete(self, file_id: str) -> None:
        """Delete an uploaded file; where that fails, the call's own outcome stays, and the log names the file."""
        try:
            async with asyncio.timeout(DELETE_SECONDS):
                await self._client.delete(file_id)
        except (CallError, TimeoutError) as error:
            _log.warning("the uploaded file %s could not be deleted at Mistral: %s", file_id, error)
