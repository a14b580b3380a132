"""What endpoints do besides text, objects and images: they hear, speak, judge and rank; their modules are imported when asked."""

from __future__ import annotations

from typing import TYPE_CHECKING

from attrs import evolve

from pipelex_core.backend import Moderator, Reranker, Speaker, SpeechStreamer, Transcriber

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from pipelex_backend_openai._endpoint import Endpoint
    from pipelex_backend_openai._fetch import Download
    from pipelex_backend_openai._traits import Traits
    from pipelex_core.judging import ModerationAnswer, ModerationRequest, RerankAnswer, RerankRequest
    from pipelex_core.sound import SpeechAnswer, SpeechRequest, TranscriptAnswer, TranscriptRequest
    from pipelex_core.specs import ModelSpec

_TRANSCRIPTIONS = "/audio/transcriptions"
_SPEECH = "/audio/speech"
_MODERATIONS = "/moderations"


class FurtherCalls(Transcriber, Speaker, SpeechStreamer, Moderator, Reranker):
    """Transcription, speech, moderation and reranking, of OpenAI and of everything compatible."""

    _endpoint: Endpoint
    _download: Download

    def _traits_for(self, spec: ModelSpec) -> Traits:
        raise NotImplementedError

    async def transcribe(self, request: TranscriptRequest) -> TranscriptAnswer:
        """One upload; what is at a URL is downloaded first, because no endpoint does."""
        from pipelex_backend_openai._sound import transcript_of, transcription_form, upload_of
        from pipelex_core.audio import with_bytes

        request = evolve(request, audio=await with_bytes(request.audio, self._download))
        traits = self._traits_for(request.spec)
        path, form, read = _TRANSCRIPTIONS, transcription_form(request, traits), transcript_of
        if traits.sound_api == "xai":
            from pipelex_backend_openai import _sound_xai as xai

            path, form, read = xai.TRANSCRIPTIONS, xai.transcription_form(request), xai.read_transcript
        with request.audio.open() as file:
            response = await self._endpoint.respond(path, form, files=upload_of(request.audio, file))
        return self._endpoint.read_answer(response, read, request, or_text=True)

    async def speak(self, request: SpeechRequest) -> SpeechAnswer:
        """One call of `audio/speech`, whose answer is the sound itself; or a stream of events, of models that count so."""
        from pipelex_backend_openai._sound import speech_body, speech_of

        traits = self._traits_for(request.spec)
        if traits.speech_events:
            *_, answer = [event async for event in self.stream_speech(request)]
            assert not isinstance(answer, bytes)  # noqa: S101 -- a stream ends with its answer
            return answer
        if traits.sound_api == "xai":
            from pipelex_backend_openai import _sound_xai as xai

            response = await self._endpoint.respond(xai.SPEECH, xai.speech_body(request, traits))
            return self._endpoint.read_bytes(response, xai.read_speech, request)
        response = await self._endpoint.respond(_SPEECH, speech_body(request, traits))
        return self._endpoint.read_bytes(response, speech_of, request)

    def stream_speech(self, request: SpeechRequest) -> AsyncIterator[bytes | SpeechAnswer]:
        """The same, as it is made."""
        from pipelex_backend_openai._sound import piece_of, speech_body, speech_of

        traits = self._traits_for(request.spec)
        if traits.sound_api == "xai":
            from pipelex_backend_openai import _sound_xai as xai

            return self._endpoint.sound(xai.SPEECH, xai.speech_body(request, traits), xai.read_speech, request)
        body = speech_body(request, traits, in_events=traits.speech_events)
        if traits.speech_events:
            return self._endpoint.sound_events(_SPEECH, body, piece_of, speech_of, request)
        return self._endpoint.sound(_SPEECH, body, speech_of, request)

    async def moderate(self, request: ModerationRequest) -> ModerationAnswer:
        """One call of `moderations`."""
        from pipelex_backend_openai._judging import moderation_body, verdicts_of

        response = await self._endpoint.respond(_MODERATIONS, moderation_body(request))
        return self._endpoint.read_answer(response, verdicts_of, request)

    async def rerank(self, request: RerankRequest) -> RerankAnswer:
        """One call of `rerank`, in the form that Cohere gave it and others took over."""
        from pipelex_backend_openai._judging import ranking_of, rerank_body

        traits = self._traits_for(request.spec)
        response = await self._endpoint.respond(traits.rerank_path, rerank_body(request, traits))
        return self._endpoint.read_answer(response, ranking_of, request, is_list=True)
