"""Groq's speech, both ways, and its batches."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pipelex_rules import forms
from pipelex_rules.rule import rule
from pipelex_rules.shapes import ANY, TEXT, choice, either, listing, mapping, number, obj, text
from pipelex_rules.sources import Source
from pipelex_rules.values import size_of
from pipelex_rules.wire import Wire
from pipelex_rules.wires.openai_others import granularities_need_verbose_json

if TYPE_CHECKING:
    from pipelex_rules.rule import Findings, Request

_PACKAGE = "github:groq/groq-python src/groq/types/"
TRANSCRIPTION_SDK = Source(f"{_PACKAGE}audio/transcription_create_params.py@9620fde", "2026-08-18")
SPEECH_SDK = Source(f"{_PACKAGE}audio/speech_create_params.py@9620fde", "2026-08-18")
BATCH_SDK = Source(f"{_PACKAGE}batch_create_params.py@9620fde", "2026-08-18")
LIMITS = Source("https://console.groq.com/docs/speech-to-text", "2026-08")
MEGABYTES = 100


@rule(TRANSCRIPTION_SDK)
def one_source_of_sound(request: Request) -> Findings:
    """A transcription has a file or a url."""
    if request.has("file") == request.has("url"):
        yield "file", "either a file or a url must be provided, and not both"


@rule(LIMITS, status=413)
def audio_bytes(request: Request) -> Findings:
    """An audio file has at most 100 MB, 25 MB in the free tier."""
    if size_of(request.get("file")) > MEGABYTES * 1024 * 1024:
        yield "file", f"the file has more than {MEGABYTES} MB"


_GRANULARITY = choice("word segment")
TRANSCRIPTION = Wire(
    provider="groq",
    api="audio/transcriptions",
    shape=obj(
        "model",
        model=text(1),
        file=ANY,
        url=text(1),
        language=TEXT,
        prompt=TEXT,
        response_format=choice("json text verbose_json"),
        temperature=either(number(0, 1), TEXT),
        timestamp_granularities=either(_GRANULARITY, listing(_GRANULARITY)),
    ),
    rules=(one_source_of_sound, audio_bytes, granularities_need_verbose_json),
    form=forms.openai,
    source=TRANSCRIPTION_SDK,
)
SPEECH = Wire(
    provider="groq",
    api="audio/speech",
    shape=obj(
        "input model voice",
        input=text(1),
        model=text(1),
        voice=text(1),
        response_format=choice("flac mp3 mulaw ogg wav"),
        sample_rate=number(8_000, 48_000),
        speed=number(0.5, 5),
    ),
    form=forms.openai,
    source=SPEECH_SDK,
)
BATCH = Wire(
    provider="groq",
    api="batch",
    shape=obj(
        "completion_window endpoint input_file_id",
        completion_window=text(pattern=r"\d+[hd]"),
        endpoint=choice("/v1/chat/completions /v1/audio/transcriptions /v1/audio/translations"),
        input_file_id=text(1),
        metadata=mapping(TEXT),
    ),
    form=forms.openai,
    source=BATCH_SDK,
)
