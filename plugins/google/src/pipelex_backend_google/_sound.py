"""Speech that Gemini makes and understands: https://ai.google.dev/gemini-api/docs/speech-generation, …/docs/audio."""

from __future__ import annotations

import re
import struct
from base64 import b64decode, b64encode
from functools import partial
from typing import TYPE_CHECKING, Any

from attrs import evolve

from pipelex_backend_google._answer import WRONG_FORM, Gathered, parse, parts_of, wrong_form
from pipelex_core.errors import ContentFilterError, InvalidAnswerError, UnsupportedInputError
from pipelex_core.sound import Audio, SpeechAnswer, TranscriptAnswer

if TYPE_CHECKING:
    from collections.abc import Callable

    from pipelex_backend_google._requests import Replied
    from pipelex_core.sound import SpeechRequest, TranscriptRequest

_MOST_BYTES = 14 * 1024 * 1024
"""Of a recording in a request, which may have 20 MB in base64: https://ai.google.dev/gemini-api/docs/audio."""

_RATE = re.compile(r"rate=(\d+)")
_USUAL_RATE = 24_000
_TASK = "Transcribe this recording word for word. Answer with the transcript alone."


def speech_body(request: SpeechRequest) -> dict[str, Any]:
    """A request for speech in the API's own form; how to say it goes before the text, as Gemini takes it.

    Raises:
        UnsupportedInputError: Another format than `wav` and `pcm`, which are all that Gemini's samples can become here; or a
            speed, which goes into `instructions`.
    """
    if request.speed is not None:
        msg = f"model '{request.spec.name}' has no speed: say in the instructions how fast to speak"
        raise UnsupportedInputError(msg)
    if request.format not in {"wav", "pcm"}:
        msg = f"model '{request.spec.name}' gives samples: ask for wav or pcm, not {request.format}"
        raise UnsupportedInputError(msg)
    text = f"{request.instructions}: {request.text}" if request.instructions else request.text
    config: dict[str, Any] = {"responseModalities": ["AUDIO"]}
    voice = request.voice or next(iter(request.spec.options.get("voices") or ()), None)
    if voice is not None:
        config["speechConfig"] = {"voiceConfig": {"prebuiltVoiceConfig": {"voiceName": voice}}}
    return {"contents": [{"role": "user", "parts": [{"text": text}]}], "generationConfig": config}


def speech_reader(request: SpeechRequest) -> Callable[[Replied], SpeechAnswer]:
    """Reads the answer to a request for speech."""
    return partial(_speech, request)


def _speech(request: SpeechRequest, replied: Replied) -> SpeechAnswer:
    """The sound of an answer.

    Raises:
        ContentFilterError: The text was blocked.
        InvalidAnswerError: There is no sound in it.
    """
    piece, named = parse(replied)
    gathered = Gathered(request_id=named)
    for _ in gathered.take(piece):
        pass
    try:
        samples, rate = _samples(piece)
    except WRONG_FORM as error:
        samples, rate, fault = b"", 0, wrong_form(error)
    else:
        fault = ""
    return _spoken(request, gathered, samples, rate, fault)


def _spoken(request: SpeechRequest, gathered: Gathered, samples: bytes, rate: int, fault: str = "") -> SpeechAnswer:
    answer, piece = gathered.answer(), gathered.last
    if samples:
        usage = evolve(answer.usage, characters=len(request.text))
        data = samples if request.format == "pcm" else _wav(samples, rate)
        audio = Audio(data=data, content_type=f"audio/{request.format}", sample_rate=rate)
        return SpeechAnswer(audio=audio, usage=usage, request_id=answer.request_id)
    if answer.finish_reason == "content_filter":
        msg = f"Google withheld the speech: {gathered.finish}"
        raise ContentFilterError(msg, request_id=answer.request_id, raw=piece)
    fault = fault or f"Google made no speech (finish reason {gathered.finish})"
    raise InvalidAnswerError(fault, request_id=answer.request_id, raw=piece)


_NO_END = 0xFFFFFFFF - 44
"""Bytes of samples in the header of a WAV whose length is not known yet, as players take it."""


class SpeechReading:
    """Speech as it comes, in pieces.

    A WAV in pieces begins with a header that has no length yet; the answer has the right one.
    """

    def __init__(self, request: SpeechRequest, request_id: str | None) -> None:
        self._request = request
        self._gathered = Gathered(request_id=request_id)
        self._data = bytearray()
        self._rate = _USUAL_RATE

    @property
    def is_finished(self) -> bool:
        """Whether Google gave a reason for the end of the speech."""
        return self._gathered.finish is not None

    def take(self, piece: dict[str, Any]) -> bytes:
        """Take a piece of the stream; the sound in it.

        Raises:
            InvalidAnswerError: It has another form than it should.
            ContentFilterError: The text was blocked.
        """
        for _ in self._gathered.take(piece):
            pass
        try:
            samples, rate = _samples(piece)
        except WRONG_FORM as error:
            raise InvalidAnswerError(wrong_form(error), request_id=self._gathered.request_id, raw=piece) from None
        if not samples:
            return b""
        is_first, self._rate = not self._data, rate
        self._data += samples
        return _header(_NO_END, rate) + samples if is_first and self._request.format == "wav" else samples

    def answer(self) -> SpeechAnswer:
        """All of it; errors as of `speak`."""
        return _spoken(self._request, self._gathered, bytes(self._data), self._rate)


def _samples(piece: dict[str, Any]) -> tuple[bytes, int]:
    samples, rate = bytearray(), _USUAL_RATE
    for candidate in (piece.get("candidates") or ())[:1]:
        for part in parts_of(candidate):
            sound = part.get("inlineData")
            if sound and not part.get("thought"):
                kind: str = sound["mimeType"]
                if not kind.lower().startswith(("audio/l16", "audio/pcm")):
                    msg = f"speech is {kind}"
                    raise ValueError(msg)
                reported = _RATE.search(kind)
                rate = int(reported[1]) if reported else rate
                samples += b64decode(sound["data"].replace("-", "+").replace("_", "/"), validate=True)
    return bytes(samples), rate


def _wav(samples: bytes, rate: int) -> bytes:
    """Samples of 16 bits and one channel, with a header."""
    return _header(len(samples), rate) + samples


def _header(size: int, rate: int) -> bytes:
    form = struct.pack("<4sIHHIIHH", b"fmt ", 16, 1, 1, rate, 2 * rate, 2, 16)
    head = struct.pack("<4sI4s", b"RIFF", 36 + size, b"WAVE") + form
    return head + struct.pack("<4sI", b"data", size)


def transcription_body(request: TranscriptRequest) -> dict[str, Any]:
    """A request for a transcript: the recording, and what to do with it.

    Raises:
        UnsupportedInputError: The recording is too large for a request; or times or speakers are wanted.
    """
    audio = request.audio
    if request.timestamps is not None or request.speakers:
        msg = f"model '{request.spec.name}' writes the text alone: leave timestamps and speakers out"
        raise UnsupportedInputError(msg)
    if audio.url is not None:
        sound: dict[str, Any] = {"fileData": {"fileUri": audio.url, "mimeType": audio.media_type}}
    else:
        if audio.size is not None and audio.size > _MOST_BYTES:
            msg = f"the recording has {audio.size:,} bytes, and Google takes {_MOST_BYTES:,} in a request: split it, or encode it as Opus"
            raise UnsupportedInputError(msg)
        with audio.open() as file:
            data = b64encode(file.read()).decode()
        sound = {"inlineData": {"data": data, "mimeType": audio.media_type}}
    hints = [f"The language is {request.language}."] if request.language else []
    hints += [f"These words may come up: {request.prompt}"] if request.prompt else []
    parts = [sound, {"text": " ".join((_TASK, *hints))}]
    return {"contents": [{"role": "user", "parts": parts}], "generationConfig": {"temperature": 0}}


def transcript_reader(request: TranscriptRequest) -> Callable[[Replied], TranscriptAnswer]:
    """Reads the answer to a request for a transcript."""
    return partial(_transcript, request)


def _transcript(request: TranscriptRequest, replied: Replied) -> TranscriptAnswer:
    """A transcript.

    Raises:
        ContentFilterError: The recording was blocked.
        InvalidAnswerError: The answer has no text, or was cut short.
    """
    piece, named = parse(replied)
    gathered = Gathered(request_id=named)
    text = "".join(gathered.take(piece))
    answer = gathered.answer()
    if answer.finish_reason == "content_filter":
        msg = f"Google withheld the transcript: {gathered.finish}"
        raise ContentFilterError(msg, request_id=answer.request_id, raw=piece, usage=answer.usage)
    if answer.finish_reason != "stop":
        msg = f"the transcript was cut short (finish reason {gathered.finish})"
        raise InvalidAnswerError(
            msg, request_id=answer.request_id, raw=piece, usage=answer.usage, partial_text=text or None
        )
    seconds = request.audio.seconds
    return TranscriptAnswer(
        text=text.strip(),
        duration_s=seconds,
        language=request.language,
        usage=evolve(answer.usage, seconds=seconds),
        request_id=answer.request_id,
        raw=piece,
    )
