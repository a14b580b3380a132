"""The capability `transcribe`: a recording in, its transcript out."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from attrs import evolve

from pipelex_core.errors import UnsupportedInputError
from pipelex_core.estimates import Expectation
from pipelex_core.parts import Media
from pipelex_core.sound import TranscriptAnswer, TranscriptRequest, TranscriptResult
from pipelex_limits.expectations import SOUND, by_tokens, seconds_of
from pipelex_operations.audio import read_recording

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping

    from pipelex_core.media import MediaSource
    from pipelex_core.sound import Recording
    from pipelex_core.specs import ModelSpec

ANSWER, RESULT = TranscriptAnswer, TranscriptResult

_LANGUAGE = re.compile(r"[A-Za-z]{2,3}(-[A-Za-z0-9]{2,8})*")
"""A tag of BCP 47, as far as its form goes."""

_WORDS_A_SECOND = (0, 4, 15)
"""Tokens of a second of a transcript."""


def read(source: MediaSource | Recording) -> Recording:
    """What a caller gives, checked."""
    return read_recording(source)


def build(audio: Recording, spec: ModelSpec, settings: Mapping[str, Any], timeout: float | None) -> TranscriptRequest:
    """The request for a model.

    Raises:
        UnsupportedInputError: The language is not a code, which a provider may take for another or pass over.
    """
    language = settings.get("language")
    if language is not None and _LANGUAGE.fullmatch(language) is None:
        msg = f"language is a code such as 'en' or 'pt-BR', not {language!r:.60}"
        raise UnsupportedInputError(msg)
    return TranscriptRequest(spec=spec, audio=audio, timeout=timeout, **settings)


async def fetch(request: TranscriptRequest, fetched: Callable[[Media, str], Awaitable[Media]]) -> TranscriptRequest:
    """The request with what its URL leads to."""
    audio = request.audio
    if audio.url is None:
        return request
    found = await fetched(Media(url=audio.url, media_type=audio.media_type, name=audio.name), "audio")
    return evolve(request, audio=read_recording(found))


def expect(request: TranscriptRequest) -> Expectation:
    """What a request will use."""
    seconds = seconds_of(request.audio.seconds, request.audio.size)
    if not by_tokens(request.spec):
        return Expectation(seconds=seconds)
    return Expectation(
        seconds=seconds, input_tokens=seconds.times(*SOUND), output_tokens=seconds.times(*_WORDS_A_SECOND)
    )


def sample(_spec: ModelSpec | None) -> Recording:
    """The input of a call on trial."""
    size = 16_000
    header = b"RIFF%bWAVEfmt \x10\0\0\0\x01\0\x01\0\x80\x3e\0\0\x00\x7d\0\0\x02\0\x10\0data%b"
    return read_recording(header % ((size + 36).to_bytes(4, "little"), size.to_bytes(4, "little")) + bytes(size))
