"""Transcription and speech: `audio/transcriptions`, `audio/speech`, and how their answers are read.

https://platform.openai.com/docs/api-reference/audio
"""

from __future__ import annotations

from base64 import b64decode
from typing import TYPE_CHECKING, Any

from pipelex_backend_openai._errors import MalformedError
from pipelex_backend_openai._usage import sound_usage
from pipelex_core.errors import UnsupportedInputError
from pipelex_core.sound import Audio, Segment, SpeechAnswer, TranscriptAnswer

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pipelex_backend_openai._traits import Traits
    from pipelex_core.sound import Recording, SpeechRequest, TranscriptRequest

_TYPES = {
    "mp3": "audio/mpeg",
    "opus": "audio/ogg",
    "aac": "audio/aac",
    "flac": "audio/flac",
    "wav": "audio/wav",
    "pcm": "audio/pcm",
}
_PCM_RATE = 24_000
"""Samples a second of `pcm`: https://platform.openai.com/docs/guides/text-to-speech#supported-output-formats."""


def transcription_form(request: TranscriptRequest, traits: Traits) -> dict[str, Any]:
    """The fields of the form, besides the file.

    The SDK writes a list as `timestamp_granularities[]`. Times need `verbose_json`, and speakers `diarized_json`, which needs
    a `chunking_strategy` above 30 seconds.

    Raises:
        UnsupportedInputError: The file is larger than the endpoint takes.
    """
    most, size = traits.max_audio_bytes, request.audio.size
    if most is not None and size is not None and size > most:
        msg = f"the recording has {size:,} bytes, and {request.spec.backend} takes {most:,}: encode it as MP3 or Opus, or split it"
        raise UnsupportedInputError(msg)
    form: dict[str, Any] = {"model": request.spec.model_id, "response_format": "json"}
    if request.speakers:
        form |= {"response_format": "diarized_json", "chunking_strategy": "auto"}
    elif request.timestamps is not None:
        form |= {"response_format": "verbose_json", "timestamp_granularities": [request.timestamps]}
    if request.language is not None:
        form["language"] = request.language
    if request.prompt is not None:
        form["prompt"] = request.prompt
    return form


def transcript_of(data: Mapping[str, Any], request: TranscriptRequest, request_id: str | None) -> TranscriptAnswer:
    """A transcript.

    Raises:
        MalformedError: There is no text in it.
    """
    text = data.get("text")
    if not isinstance(text, str):
        msg = "the answer has no text"
        raise MalformedError(msg)
    duration, usage = _number(data.get("duration")), data.get("usage")
    billed = usage.get("seconds") if isinstance(usage, dict) else None
    seconds = duration or _number(billed) or request.audio.seconds
    return TranscriptAnswer(
        text=text,
        segments=_segments(data, request),
        duration_s=seconds,
        language=_language(data),
        usage=sound_usage(usage, _number(billed) or seconds),
        request_id=request_id,
        raw=data,
    )


def _segments(data: Mapping[str, Any], request: TranscriptRequest) -> tuple[Segment, ...]:
    is_word = request.timestamps == "word" and not request.speakers
    found = data.get("words" if is_word else "segments")
    if (request.timestamps is None and not request.speakers) or not isinstance(found, list):
        return ()
    segments = []
    for each in found:
        start, end = _number(each["start"]), _number(each["end"])
        text = each["word" if is_word else "text"]
        if start is None or end is None or not isinstance(text, str):
            msg = "a segment of the answer has no times, or no text"
            raise MalformedError(msg)
        speaker = each.get("speaker")
        segments.append(
            Segment(start=start, end=end, text=text.strip(), speaker=None if speaker is None else str(speaker))
        )
    return tuple(segments)


def _language(data: Mapping[str, Any]) -> str | None:
    """The language: `language` of most, the first of `languages` of `gpt-transcribe`."""
    found: Any = data.get("language")
    if found is None and isinstance(several := data.get("languages"), list) and several:
        found = several[0].get("code") if isinstance(several[0], dict) else several[0]
    return found if isinstance(found, str) else None


def _number(value: Any) -> float | None:
    try:
        number = float(value)  # whisper.cpp and some gateways give texts
    except (TypeError, ValueError):
        return None
    return number if 0 <= number < float("inf") else None


def upload_of(recording: Recording, file: Any) -> dict[str, Any]:
    """The file of the form, with a name and a type: without them it would be `upload`, of no known kind."""
    return {"file": (recording.name, file, recording.media_type)}


def speech_body(request: SpeechRequest, traits: Traits, *, in_events: bool = False) -> dict[str, Any]:
    """The body of `audio/speech`; a voice has to be named, and is the model's first where none is."""
    body: dict[str, Any] = {"model": request.spec.model_id, "input": request.text, "response_format": request.format}
    voice = request.voice or next(iter(request.spec.options.get("voices") or traits.voices), None)
    if voice is not None:
        body["voice"] = voice
    if request.speed is not None:
        body["speed"] = request.speed
    if request.instructions is not None:
        body["instructions"] = request.instructions
    if in_events:
        body["stream_format"] = "sse"
    return body


def speech_of(data: bytes, request: SpeechRequest, request_id: str | None, usage: Any = None) -> SpeechAnswer:
    """The sound that came.

    Raises:
        MalformedError: Nothing came.
    """
    if not data:
        msg = "the answer has no sound"
        raise MalformedError(msg)
    rate = _PCM_RATE if request.format == "pcm" else None
    if data[:4] == b"RIFF" and data[8:12] == b"WAVE":
        rate = int.from_bytes(data[24:28], "little")
    return SpeechAnswer(
        audio=Audio(data=data, content_type=_TYPES[request.format], sample_rate=rate),
        usage=sound_usage(usage, None, characters=len(request.text)),
        request_id=request_id,
    )


def piece_of(event: Any) -> bytes:
    """The sound in an event of a stream; empty for one without.

    Raises:
        MalformedError: It is not of the form that such events have.
    """
    kind = event.get("type")
    if kind == "speech.audio.delta":
        return b64decode(event["audio"], validate=True)
    return b""
