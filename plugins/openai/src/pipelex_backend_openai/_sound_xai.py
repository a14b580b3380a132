"""Transcription and speech at addresses of xAI's own: `stt` and `tts`.

https://docs.x.ai/developers/model-capabilities/audio/speech-to-text ·
https://docs.x.ai/developers/model-capabilities/audio/text-to-speech
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from attrs import evolve

from pipelex_backend_openai._sound import speech_of, transcript_of
from pipelex_core.errors import UnsupportedInputError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from pipelex_backend_openai._traits import Traits
    from pipelex_core.sound import Segment, SpeechAnswer, SpeechRequest, TranscriptAnswer, TranscriptRequest

TRANSCRIPTIONS = "/stt"
SPEECH = "/tts"
_RATE = 24_000
_CODECS = frozenset({"mp3", "wav", "pcm"})


def transcription_form(request: TranscriptRequest) -> dict[str, Any]:
    """The fields of the form, before the file, which has to come last.

    A language counts only where the text is to be formatted: numbers and units in figures.

    Raises:
        UnsupportedInputError: Times of segments are wanted, and there are those of words alone.
    """
    if request.timestamps == "segment" and not request.speakers:
        msg = f"model '{request.spec.name}' tells the times of words: say timestamps = 'word', or distinguish speakers"
        raise UnsupportedInputError(msg)
    form: dict[str, Any] = {"model": request.spec.model_id}
    if request.language is not None:
        form |= {"format": "true", "language": request.language}
    if request.speakers:
        form["diarize"] = "true"
    if request.prompt is not None:
        form["keyterm"] = request.prompt
    return form


def read_transcript(data: Mapping[str, Any], request: TranscriptRequest, request_id: str | None) -> TranscriptAnswer:
    """A transcript, whose words have times and speakers; words of one speaker in a row are a segment.

    Raises:
        MalformedError: There is no text in it.
    """
    found = data.get("words")
    words = [{**each, "word": each["text"]} for each in found] if isinstance(found, list) else []
    answer = transcript_of({**data, "words": words}, evolve(request, timestamps="word", speakers=False), request_id)
    if request.speakers and request.timestamps != "word":
        return evolve(answer, segments=tuple(_turns(answer.segments)), raw=data)
    return evolve(answer, segments=answer.segments if request.timestamps or request.speakers else (), raw=data)


def _turns(words: Iterable[Segment]) -> Iterator[Segment]:
    turn: Segment | None = None
    for word in words:
        if turn is not None and turn.speaker == word.speaker:
            turn = evolve(turn, end=word.end, text=f"{turn.text} {word.text}")
            continue
        if turn is not None:
            yield turn
        turn = word
    if turn is not None:
        yield turn


def speech_body(request: SpeechRequest, traits: Traits) -> dict[str, Any]:
    """The body of `tts`, which has no model.

    Raises:
        UnsupportedInputError: xAI has no such encoding.
    """
    if request.format not in _CODECS:
        msg = f"model '{request.spec.name}' has no format '{request.format}': it has {', '.join(sorted(_CODECS))}"
        raise UnsupportedInputError(msg)
    body: dict[str, Any] = {
        "text": request.text,
        "voice_id": request.voice or next(iter(request.spec.options.get("voices") or traits.voices), "eve"),
        "language": "auto",
        "output_format": {"codec": request.format, "sample_rate": _RATE},
    }
    if request.speed is not None:
        body["speed"] = request.speed
    return body


def read_speech(data: bytes, request: SpeechRequest, request_id: str | None) -> SpeechAnswer:
    """The sound that came.

    Raises:
        MalformedError: Nothing came.
    """
    return speech_of(data, request, request_id)
