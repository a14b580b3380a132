"""The capability `transcribe`: a recording in, its transcript out."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from attrs import evolve

from pipelex_core.backend import Transcriber
from pipelex_core.capabilities.record import Capability, Operation
from pipelex_core.settings import SettingRule

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping

    from pipelex_core.estimates.expectations import Expectation
    from pipelex_core.media import MediaSource
    from pipelex_core.parts import Media
    from pipelex_core.results import Result
    from pipelex_core.sound import Recording, TranscriptRequest
    from pipelex_core.specs import ModelSpec

_WORDS_A_SECOND = (0, 4, 15)
"""Tokens of a second of a transcript."""


def _read(source: MediaSource | Recording) -> Recording:
    from pipelex_core.audio import read_recording

    return read_recording(source)


def _reads_files(source: object) -> bool:
    return not isinstance(source, bytes)


def _build(audio: Recording, spec: ModelSpec, settings: Mapping[str, Any], timeout: float | None) -> TranscriptRequest:
    from pipelex_core.sound import TranscriptRequest

    return TranscriptRequest(spec=spec, audio=audio, timeout=timeout, **settings)


async def _fetch(request: TranscriptRequest, fetched: Callable[[Media, str], Awaitable[Media]]) -> TranscriptRequest:
    if request.audio.url is None:
        return request
    from pipelex_core.audio import read_recording
    from pipelex_core.parts import Media

    audio = request.audio
    found = await fetched(Media(url=audio.url, media_type=audio.media_type, name=audio.name), "audio")
    return evolve(request, audio=read_recording(found))


def _expect(request: TranscriptRequest) -> Expectation:
    from pipelex_core.estimates.expectations import SOUND, Expectation, by_tokens, seconds_of

    seconds = seconds_of(request.audio.seconds, request.audio.size)
    if not by_tokens(request.spec):
        return Expectation(seconds=seconds)
    return Expectation(
        seconds=seconds, input_tokens=seconds.times(*SOUND), output_tokens=seconds.times(*_WORDS_A_SECOND)
    )


def _sample(_spec: ModelSpec | None) -> Recording:
    from pipelex_core.audio import read_recording

    size = 16_000
    header = b"RIFF%bWAVEfmt \x10\0\0\0\x01\0\x01\0\x80\x3e\0\0\x00\x7d\0\0\x02\0\x10\0data%b"
    return read_recording(header % ((size + 36).to_bytes(4, "little"), size.to_bytes(4, "little")) + bytes(size))


def _answer() -> type:
    from pipelex_core.sound import TranscriptAnswer

    return TranscriptAnswer


def _result() -> type[Result]:
    from pipelex_core.sound import TranscriptResult

    return TranscriptResult


TRANSCRIBE = Capability(
    name="transcribe",
    model_types=("transcriber",),
    noun="transcription",
    unit="second",
    operations=(
        Operation(
            name="transcribe",
            needs=Transcriber,
            answer=_answer,
            result=_result,
        ),
    ),
    settings={
        "language": SettingRule("string", 'The language that is spoken, as its code: "en", "de".'),
        "timestamps": SettingRule("string", "Times of each segment or of each word.", choices=("segment", "word")),
        "speakers": SettingRule("boolean", "Whether to tell speakers apart."),
        "prompt": SettingRule("string", "Words that may come up, and how they are written."),
    },
    read=_read,
    reads_files=_reads_files,
    build=_build,
    fetch=_fetch,
    expect=_expect,
    sample=_sample,
)
"""The transcript of a recording."""
