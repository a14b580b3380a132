"""Sound: silence, as long as a text takes to say."""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING

from pipelex_core.sound import Audio, Segment, SpeechAnswer, TranscriptAnswer

if TYPE_CHECKING:
    from pipelex_core.results import Usage
    from pipelex_core.sound import SpeechFormat, TranscriptRequest

RATE = 16_000
_SECONDS_A_CHARACTER = 0.06
_FRAME = b"\xff\xf3\x48\xc4" + bytes(140)
"""A frame of MPEG 2 layer III without sound: 576 samples at 24 kHz, 48 kbit/s."""


def speech(text: str, encoding: SpeechFormat) -> Audio:
    """Silence: an MP3 where one is asked for, bare samples as `pcm`, and WAV for everything else, as its type says."""
    seconds = max(0.1, len(text) * _SECONDS_A_CHARACTER)
    if encoding == "mp3":
        return Audio(data=_FRAME * int(seconds * 24_000 / 576 + 1), content_type="audio/mpeg", sample_rate=24_000)
    samples = bytes(2 * int(seconds * RATE))
    if encoding == "pcm":
        return Audio(data=samples, content_type="audio/pcm", sample_rate=RATE)
    head = struct.pack("<4sI4s4sIHHIIHH", b"RIFF", 36 + len(samples), b"WAVE", b"fmt ", 16, 1, 1, RATE, 2 * RATE, 2, 16)
    data = head + struct.pack("<4sI", b"data", len(samples)) + samples
    return Audio(data=data, content_type="audio/wav", sample_rate=RATE)


def transcript(text: str, request: TranscriptRequest, usage: Usage) -> TranscriptAnswer:
    """A text, spread over the recording: each word, or all of it in one segment."""
    seconds = request.audio.seconds or 1.0
    words = text.split() if request.timestamps == "word" else [text]
    step = seconds / max(1, len(words))
    speaker = "A" if request.speakers else None
    timed = tuple(
        Segment(start=round(step * at, 3), end=round(step * (at + 1), 3), text=word, speaker=speaker)
        for at, word in enumerate(words)
    )
    return TranscriptAnswer(
        text=text,
        segments=timed if request.timestamps or request.speakers else (),
        duration_s=seconds,
        language=request.language or "en",
        usage=usage,
    )


def spoken(audio: Audio, usage: Usage) -> SpeechAnswer:
    """The answer with this sound."""
    return SpeechAnswer(audio=audio, usage=usage)
