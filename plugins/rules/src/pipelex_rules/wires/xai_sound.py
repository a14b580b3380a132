"""xAI's speech, both ways: `stt` and `tts`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pipelex_rules import forms
from pipelex_rules.rule import rule
from pipelex_rules.shapes import ANY, TEXT, choice, either, integer, listing, number, obj, text
from pipelex_rules.sources import Source
from pipelex_rules.values import size_of
from pipelex_rules.wire import Wire

if TYPE_CHECKING:
    from pipelex_rules.rule import Findings, Request

_PAGES = "https://docs.x.ai/developers/model-capabilities/audio/"
HEARING = Source(f"{_PAGES}speech-to-text", "2026-10")
SPEAKING = Source(f"{_PAGES}text-to-speech", "2026-04")
CHARACTERS = 15_000
MEGABYTES = 500


@rule(HEARING)
def format_needs_a_language(request: Request) -> Findings:
    """Formatting is for a language that is named."""
    if request.get("format") == "true" and not request.get("language"):
        yield "language", "language is required when format is true"


@rule(HEARING, status=413)
def audio_bytes(request: Request) -> Findings:
    """An audio file has at most 500 MB."""
    if size_of(request.get("file")) > MEGABYTES * 1024 * 1024:
        yield "file", f"the file has more than {MEGABYTES} MB"


@rule(HEARING)
def one_source_of_sound(request: Request) -> Findings:
    """A transcription has a file or a url."""
    if request.has("file") == request.has("url"):
        yield "file", "either a file or a url must be provided, and not both"


_BOOLEAN = choice("true false")
TRANSCRIPTION = Wire(
    provider="xai",
    api="stt",
    shape=obj(
        model=choice("grok-voice-transcribe-1.0 grok-voice-transcribe-2.0", source=HEARING.assumed()),
        file=ANY,
        url=text(1),
        language=TEXT,
        format=_BOOLEAN,
        diarize=_BOOLEAN,
        multichannel=_BOOLEAN,
        keyterm=either(TEXT, listing(TEXT)),
    ),
    rules=(format_needs_a_language, one_source_of_sound, audio_bytes),
    form=forms.xai,
    source=HEARING,
)
SPEECH = Wire(
    provider="xai",
    api="tts",
    shape=obj(
        "text language",
        text=text(1, CHARACTERS),
        voice_id=text(1),
        language=text(1),
        output_format=obj(
            codec=choice("mp3 wav pcm mulaw alaw"),
            sample_rate=integer(8_000, 48_000),
            bit_rate=integer(1),
        ),
        speed=number(0),
        optimize_streaming_latency=integer(0),
    ),
    form=forms.xai,
    source=SPEAKING,
)
