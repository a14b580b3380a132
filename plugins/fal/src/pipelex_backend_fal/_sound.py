"""Speech both ways: what fal's models of it take and give, by model id.

https://fal.ai/models/fal-ai/whisper/api, …/wizper/api, …/elevenlabs/speech-to-text/api; …/kokoro/american-english/api,
…/elevenlabs/tts/turbo-v2.5/api, …/minimax/speech-02-hd/api; https://fal.ai/models/xai/tts/v1/api.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pipelex_core.errors import InvalidAnswerError, UnsupportedInputError
from pipelex_core.results import Usage
from pipelex_core.sound import Audio, Segment, SpeechAnswer, TranscriptAnswer

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from pipelex_core.sound import Recording, SpeechRequest, TranscriptRequest

_MOST_BYTES = 20 * 1024 * 1024
"""Of a recording in a data URL, which fal takes in place of an address, and advises against for large files."""

_TYPES = {"mp3": "audio/mpeg", "wav": "audio/wav"}


def hearing_arguments(request: TranscriptRequest) -> dict[str, Any]:
    """The arguments of a job on a recording.

    Raises:
        UnsupportedInputError: The recording is too large for a data URL, or the model has no such times.
    """
    sent: dict[str, Any] = {"audio_url": _address(request.audio, request.spec.name)}
    if "elevenlabs" in request.spec.model_id:
        sent |= {"language_code": request.language} if request.language else {}
        sent |= {"diarize": request.speakers, "tag_audio_events": False}
    else:
        is_wizper = "wizper" in request.spec.model_id
        if is_wizper and (request.timestamps == "word" or request.speakers):
            msg = f"model '{request.spec.name}' tells the times of segments, and neither those of words nor speakers"
            raise UnsupportedInputError(msg)
        sent |= {"task": "transcribe", "language": request.language}
        if not is_wizper:
            sent["chunk_level"] = request.timestamps or ("segment" if request.speakers else "none")
            sent |= {"diarize": True} if request.speakers else {}
            sent |= {"prompt": request.prompt} if request.prompt else {}
    return {**sent, **request.spec.options.get("arguments", {})}


def _address(audio: Recording, name: str) -> str:
    if audio.url is not None:
        return audio.url
    if audio.size is not None and audio.size > _MOST_BYTES:
        msg = f"the recording has {audio.size:,} bytes, and goes to model '{name}' in a request, which takes {_MOST_BYTES:,}: name a URL of it"
        raise UnsupportedInputError(msg)
    from base64 import b64encode

    with audio.open() as file:
        return f"data:{audio.media_type};base64,{b64encode(file.read()).decode('ascii')}"


def transcript_of(result: Any, request: TranscriptRequest, request_id: str) -> TranscriptAnswer:
    """A transcript.

    Raises:
        InvalidAnswerError: There is none in the result, or a time in it is not one.
    """
    try:
        text, segments = "" + result["text"], tuple(_segments(result, request))
    except (KeyError, TypeError, ValueError, AttributeError):
        msg = "fal's result holds no transcript"
        raise InvalidAnswerError(msg, request_id=request_id, raw=result, unsettled=True) from None
    seconds = request.audio.seconds
    return TranscriptAnswer(
        text=text.strip(),
        segments=segments,
        duration_s=seconds,
        language=_language(result),
        usage=Usage(seconds=seconds),
        request_id=request_id,
        raw=result,
    )


def _segments(result: Mapping[str, Any], request: TranscriptRequest) -> Iterator[Segment]:
    if request.timestamps is None and not request.speakers:
        return
    for each in result.get("chunks") or ():
        start, end = each["timestamp"]
        yield _segment(start, start if end is None else end, each["text"], each.get("speaker"))
    for word in result.get("words") or ():
        if word.get("type", "word") == "word":
            yield _segment(word["start"], word["end"], word["text"], word.get("speaker_id"))


def _segment(start: Any, end: Any, text: str, speaker: Any) -> Segment:
    who = None if speaker is None else str(speaker)
    return Segment(start=float(start), end=float(end), text=text.strip(), speaker=who)


def _language(result: Mapping[str, Any]) -> str | None:
    found = result.get("language_code") or next(
        iter(result.get("inferred_languages") or result.get("languages") or ()), None
    )
    return found if isinstance(found, str) else None


def speaking_arguments(request: SpeechRequest) -> dict[str, Any]:
    """The arguments of a job that speaks.

    Raises:
        UnsupportedInputError: The model gives no such encoding.
    """
    model = request.spec.model_id
    provided = "wav" if "kokoro" in model else "mp3"
    if request.format != provided:
        msg = f"model '{request.spec.name}' gives {provided}, not {request.format}"
        raise UnsupportedInputError(msg)
    if request.instructions is not None:
        msg = f"model '{request.spec.name}' takes no instructions for its voice"
        raise UnsupportedInputError(msg)
    voice = request.voice or next(iter(request.spec.options.get("voices") or ()), None)
    sent: dict[str, Any] = {"prompt" if "kokoro" in model else "text": request.text}
    if "minimax" in model:
        chosen = {"voice_id": voice, "speed": request.speed}
        setting = {name: value for name, value in chosen.items() if value is not None}
        sent |= {"voice_setting": setting} if setting else {}
    else:
        sent |= {"voice": voice} if voice else {}
        sent |= {"speed": request.speed} if request.speed is not None else {}
    return {**sent, **request.spec.options.get("arguments", {})}


def speech_url(result: Any, request_id: str) -> str:
    """Where the sound of a result is.

    Raises:
        InvalidAnswerError: There is none.
    """
    audio = (result.get("audio") or result.get("audio_url")) if isinstance(result, dict) else None
    url = audio.get("url") if isinstance(audio, dict) else audio
    if isinstance(url, str) and url.startswith(("http://", "https://")):
        return url
    msg = "fal's result holds no sound"
    raise InvalidAnswerError(msg, request_id=request_id, raw=result, unsettled=True)


def speech_of(data: bytes, request: SpeechRequest, result: Any, request_id: str) -> SpeechAnswer:
    """The sound that was fetched.

    Raises:
        InvalidAnswerError: It is empty, or a page.
    """
    if not data or data.lstrip()[:1] in {b"<", b"{"}:
        msg = "what fal's result points at is not sound"
        raise InvalidAnswerError(msg, request_id=request_id, raw=result, unsettled=True)
    is_wav = data[:4] == b"RIFF" and data[8:12] == b"WAVE"
    rate = int.from_bytes(data[24:28], "little") if is_wav else None
    return SpeechAnswer(
        audio=Audio(data=data, content_type=_TYPES[request.format], sample_rate=rate),
        usage=Usage(characters=len(request.text)),
        request_id=request_id,
        raw=result,
    )
