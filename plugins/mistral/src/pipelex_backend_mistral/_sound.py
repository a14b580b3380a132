"""Transcription (Voxtral) and speech: forms, bodies, and how their answers are read.

https://docs.mistral.ai/capabilities/audio_transcription, https://docs.mistral.ai/api/endpoint/audio/speech
"""

from __future__ import annotations

from base64 import b64decode
from typing import TYPE_CHECKING, Any

from pipelex_backend_mistral._chat_answer import invalid
from pipelex_core.answers import count
from pipelex_core.errors import UnsupportedInputError
from pipelex_core.results import Usage
from pipelex_core.sound import Audio, Segment, SpeechAnswer, TranscriptAnswer

if TYPE_CHECKING:
    from pipelex_core.sound import SpeechRequest, TranscriptRequest

MOST_WORDS = 100
"""Words or phrases of `context_bias`."""
_TYPES = {"mp3": "audio/mpeg", "opus": "audio/ogg", "flac": "audio/flac", "wav": "audio/wav", "pcm": "audio/pcm"}


def transcription_form(request: TranscriptRequest) -> list[tuple[str, str]]:
    """The fields of the form, besides the file; a list is the same name several times, without brackets.

    Speakers are distinguished in segments, and so need their times.

    Raises:
        UnsupportedInputError: A language beside timestamps, or more than 100 words as the prompt, which Mistral refuses:
            https://docs.mistral.ai/studio-api/audio/speech_to_text/offline_transcription.
    """
    form = [("model", request.spec.model_id)]
    timestamps = request.timestamps or ("segment" if request.speakers else None)
    words = [] if request.prompt is None else request.prompt.replace(",", " ").split()
    if request.language is not None and timestamps is not None:
        msg = "Mistral takes a language or timestamps (which speakers need too), and not both: leave one of them out"
        raise UnsupportedInputError(msg)
    if len(words) > MOST_WORDS:
        msg = f"Mistral takes a prompt of at most {MOST_WORDS} words, not {len(words)}"
        raise UnsupportedInputError(msg)
    if request.language is not None:
        form.append(("language", request.language))
    if timestamps is not None:
        form.append(("timestamp_granularities", timestamps))
    if request.speakers:
        form.append(("diarize", "true"))
    form += [("context_bias", word) for word in words]
    if request.audio.url is not None:
        form.append(("file_url", request.audio.url))
    return form


def transcript_of(payload: Any, request: TranscriptRequest, request_id: str | None) -> TranscriptAnswer:
    """A transcript.

    Raises:
        InvalidAnswerError: There is no text in it, or a segment is not one.
    """
    text = payload.get("text") if isinstance(payload, dict) else None
    if not isinstance(text, str):
        why = "it has no text"
        raise invalid(why, payload, request_id)
    try:
        wanted = request.timestamps is not None or request.speakers
        segments = tuple(_segment(each) for each in (payload.get("segments") or ()) if wanted)
    except (KeyError, TypeError, AttributeError):
        why = "a segment has no times, or no text"
        raise invalid(why, payload, request_id) from None
    usage = payload.get("usage")
    reported = usage if isinstance(usage, dict) else {}
    billed: Any = reported.get("prompt_audio_seconds")
    seconds = float(billed) if type(billed) in {int, float} else request.audio.seconds
    language = payload.get("language")
    return TranscriptAnswer(
        text=text,
        segments=segments,
        duration_s=seconds if request.audio.seconds is None else request.audio.seconds,
        language=language if isinstance(language, str) else request.language,
        usage=_usage(reported, seconds=seconds),
        request_id=request_id,
        raw=payload,
    )


def _segment(each: dict[str, Any]) -> Segment:
    speaker = each.get("speaker_id", each.get("speaker"))
    return Segment(
        start=float(each["start"]),
        end=float(each["end"]),
        text=each["text"].strip(),
        speaker=None if speaker is None else str(speaker),
    )


def speech_body(request: SpeechRequest, *, stream: bool = False) -> dict[str, Any]:
    """The body of `audio/speech`.

    Raises:
        UnsupportedInputError: Mistral has no such format, and neither speed nor instructions.
    """
    for name in ("speed", "instructions"):
        if getattr(request, name) is not None:
            msg = f"Mistral's voices have no {name}: leave it out"
            raise UnsupportedInputError(msg)
    if request.format not in _TYPES:
        msg = f"Mistral speaks as {', '.join(_TYPES)}, not as {request.format}"
        raise UnsupportedInputError(msg)
    body: dict[str, Any] = {
        "model": request.spec.model_id,
        "input": request.text,
        "response_format": request.format,
        "stream": stream,
    }
    voice = request.voice or next(iter(request.spec.options.get("voices") or ()), None)
    if voice is not None:
        body["voice_id"] = voice
    return body


def sound_in(payload: Any, request_id: str | None) -> bytes:
    """The sound in an answer, or in an event of one.

    Raises:
        InvalidAnswerError: There is none, or it is not valid base64.
    """
    encoded = payload.get("audio_data") if isinstance(payload, dict) else None
    if isinstance(encoded, str) and encoded:
        try:
            return b64decode(encoded, validate=True)
        except ValueError:
            pass
    why = "it has no sound"
    raise invalid(why, payload, request_id)


def speech_of(data: bytes, request: SpeechRequest, request_id: str | None, usage: Any = None) -> SpeechAnswer:
    """The answer with this sound.

    Raises:
        InvalidAnswerError: There is none.
    """
    if not data:
        why = "it has no sound"
        raise invalid(why, None, request_id)
    rate = int.from_bytes(data[24:28], "little") if data[:4] == b"RIFF" and data[8:12] == b"WAVE" else None
    return SpeechAnswer(
        audio=Audio(data=data, content_type=_TYPES[request.format], sample_rate=rate),
        usage=_usage(usage if isinstance(usage, dict) else {}, characters=len(request.text)),
        request_id=request_id,
    )


def _usage(reported: dict[str, Any], **counts: Any) -> Usage:
    return Usage(
        input_tokens=count(reported.get("prompt_tokens")),
        output_tokens=count(reported.get("completion_tokens")),
        **counts,
    )
