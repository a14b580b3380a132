"""A transcript in each of the formats of OpenAI's transcriptions.

https://platform.openai.com/docs/api-reference/audio/json-object, …/verbose-json-object, …/diarized-json-object.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pipelex_core.sound import Segment
from pipelex_serve.jsons import encode

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from pipelex_core.sound import TranscriptResult

    Written = tuple[bytes, bytes]

_JSON = b"application/json"
_TEXT = b"text/plain; charset=utf-8"


def usage_of(result: TranscriptResult) -> dict[str, Any]:
    """What it used: tokens where the provider counts those, else seconds."""
    usage = result.usage
    if usage.input_tokens is not None:
        heard = usage.input_audio_tokens or 0
        counted: dict[str, Any] = {
            "type": "tokens",
            "input_tokens": usage.input_tokens,
            "output_tokens": usage.output_tokens or 0,
            "total_tokens": usage.input_tokens + (usage.output_tokens or 0),
            "input_token_details": {"audio_tokens": heard, "text_tokens": usage.input_tokens - heard},
        }
    else:
        counted = {"type": "duration", "seconds": usage.seconds or result.duration_s or 0}
    return counted if result.cost is None else {**counted, "cost": result.cost.amount}


def as_json(result: TranscriptResult) -> dict[str, Any]:
    """The text alone."""
    return {"text": result.text}


def _json(result: TranscriptResult) -> Written:
    return encode({**as_json(result), "usage": usage_of(result)}), _JSON


def _text(result: TranscriptResult) -> Written:
    return f"{result.text}\n".encode("utf-8", "replace"), _TEXT


def by_words(result: TranscriptResult) -> Written:
    """As `verbose_json`, with the times of words."""
    words = [{"word": each.text, "start": each.start, "end": each.end} for each in result.segments]
    return encode({**_verbose_head(result), "words": words}), _JSON


def _verbose_head(result: TranscriptResult) -> dict[str, Any]:
    return {
        "task": "transcribe",
        "language": result.language or "",
        "duration": result.duration_s or 0.0,
        "text": result.text,
        "usage": usage_of(result),
    }


def _verbose(result: TranscriptResult) -> Written:
    """With the times of segments. How sure a model is nobody tells: strict parsers need those fields, which are neutral."""
    segments = [
        {
            "id": number,
            "seek": 0,
            "start": each.start,
            "end": each.end,
            "text": each.text,
            "tokens": [],
            "temperature": 0.0,
            "avg_logprob": 0.0,
            "compression_ratio": 1.0,
            "no_speech_prob": 0.0,
        }
        for number, each in enumerate(result.segments)
    ]
    return encode({**_verbose_head(result), "segments": segments}), _JSON


def _diarized(result: TranscriptResult) -> Written:
    segments = [
        {
            "type": "transcript.text.segment",
            "id": f"seg_{number:03}",
            "start": each.start,
            "end": each.end,
            "text": each.text,
            "speaker": each.speaker or "",
        }
        for number, each in enumerate(result.segments)
    ]
    whole = {"task": "transcribe", "duration": result.duration_s or 0.0, "text": result.text, "segments": segments}
    return encode({**whole, "usage": usage_of(result)}), _JSON


def _srt(result: TranscriptResult) -> Written:
    cues = [
        f"{number}\n{_clock(each.start, ',')} --> {_clock(each.end, ',')}\n{_cue(each)}\n"
        for number, each in enumerate(_segments(result), 1)
    ]
    return "\n".join(cues).encode("utf-8", "replace"), _TEXT


def _vtt(result: TranscriptResult) -> Written:
    cues = [f"{_clock(each.start, '.')} --> {_clock(each.end, '.')}\n{_cue(each)}\n" for each in _segments(result)]
    return "\n".join(["WEBVTT\n", *cues]).encode("utf-8", "replace"), b"text/vtt; charset=utf-8"


def _segments(result: TranscriptResult) -> Iterator[Segment]:
    """The segments; of a model that tells no times one, as long as the recording."""
    if result.segments or not result.text:
        yield from result.segments
        return
    yield Segment(start=0.0, end=result.duration_s or 0.0, text=result.text)


def _cue(segment: Segment) -> str:
    """A cue's text: an empty line would end it, and an arrow would be taken for times."""
    lines = (line.strip() for line in segment.text.replace("-->", "->").splitlines())
    return "\n".join(line for line in lines if line)


def _clock(seconds: float, point: str) -> str:
    millis = round(seconds * 1000)
    return f"{millis // 3_600_000:02}:{millis // 60_000 % 60:02}:{millis // 1000 % 60:02}{point}{millis % 1000:03}"


WRITERS: Mapping[str, Callable[[TranscriptResult], Written]] = {
    "json": _json,
    "text": _text,
    "verbose_json": _verbose,
    "srt": _srt,
    "vtt": _vtt,
    "diarized_json": _diarized,
}
"""`response_format` -> what writes it, and its content type."""
