"""Mistral's speech: `/v1/audio/transcriptions`, a form, and `/v1/audio/speech`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pipelex_rules import forms
from pipelex_rules.rule import rule
from pipelex_rules.shapes import ANY, BOOLEAN, OBJECT, TEXT, choice, either, listing, mapping, number, obj, text
from pipelex_rules.sources import Source, client
from pipelex_rules.values import amount
from pipelex_rules.wire import Wire

if TYPE_CHECKING:
    from pipelex_rules.rule import Findings, Request

TRANSCRIPTION_SDK = Source("mistralai@3.7.0 client/models/audiotranscriptionrequest.py", "2026-11-30")
SPEECH_SDK = Source("mistralai@3.7.0 client/models/speechrequest.py", "2026-11-30")
PAGE = Source("https://docs.mistral.ai/studio-api/audio/speech_to_text/offline_transcription", "2026")

# A form has texts alone; a list is the same name several times.
_FLAG = either(BOOLEAN, choice("true false"))
_GRANULARITY = choice("segment word")
TRANSCRIPTION_BODY = obj(
    "model",
    closed=True,
    model=text(1),
    file=ANY,
    file_url=text(1),
    file_id=text(1),
    language=text(2, 2, pattern="[a-z]{2}"),
    temperature=either(number(0), text(pattern=r"\d+(\.\d+)?")),
    stream=_FLAG,
    diarize=_FLAG,
    context_bias=either(TEXT, listing(TEXT, at_most=100, source=PAGE)),
    speaker_references=either(TEXT, OBJECT),
    timestamp_granularities=either(_GRANULARITY, listing(_GRANULARITY)),
)
_SOURCES = ("file", "file_url", "file_id")


@rule(TRANSCRIPTION_SDK, status=422)
def one_source_of_sound(request: Request) -> Findings:
    """A transcription has one of file, file_url and file_id."""
    found = [name for name in _SOURCES if request.has(name)]
    if len(found) != 1:
        yield found[1] if found else "file", "exactly one of file, file_url and file_id must be set"


@rule(TRANSCRIPTION_SDK, status=422)
def references_need_speakers(request: Request) -> Findings:
    """speaker_references needs diarize true."""
    if request.has("speaker_references") and request.get("diarize") not in {True, "true"}:
        yield "speaker_references", "speaker_references needs diarize"


@rule(PAGE)
def language_without_timestamps(request: Request) -> Findings:
    """Language and timestamp_granularities exclude each other."""
    if request.has("language") and request.get("timestamp_granularities"):
        yield "timestamp_granularities", "timestamp_granularities is not compatible with language"


TRANSCRIPTION = Wire(
    provider="mistral",
    api="audio/transcriptions",
    shape=TRANSCRIPTION_BODY,
    rules=(one_source_of_sound, references_need_speakers, language_without_timestamps),
    form=forms.mistral,
    source=TRANSCRIPTION_SDK,
)

SPEECH_BODY = obj(
    "input",
    input=text(1),
    model=TEXT,
    metadata=OBJECT,
    stream=BOOLEAN,
    prompt_cache_key=TEXT,
    voice_id=text(1),
    ref_audio=text(1),
    expressiveness=number(1),
    phoneme_hints=mapping(listing()),
    conversation_history=listing(OBJECT),
    response_format=choice("pcm wav mp3 flac opus"),
)


@rule(SPEECH_SDK)
def history_without_reference(request: Request) -> Findings:
    """conversation_history excludes ref_audio, and needs voice_id."""
    if not request.has("conversation_history"):
        return
    if request.has("ref_audio"):
        yield "ref_audio", "conversation_history cannot be combined with ref_audio"
    elif not request.has("voice_id"):
        yield "voice_id", "conversation_history needs a preset voice"


@rule(client("mistralai@3.7.0 client/models/speechrequest.py (either names the speaker)", "2026-11-30"))
def one_speaker(request: Request) -> Findings:
    """voice_id and ref_audio exclude each other."""
    if request.has("voice_id") and request.has("ref_audio"):
        yield "ref_audio", "voice_id and ref_audio exclude each other"


@rule(SPEECH_SDK)
def finite_expressiveness(request: Request) -> Findings:
    """Expressiveness is at least 1."""
    value = amount(request.get("expressiveness"))
    if value is not None and not 1 <= value < float("inf"):
        yield "expressiveness", "expressiveness must be finite and at least 1.0"


SPEECH = Wire(
    provider="mistral",
    api="audio/speech",
    shape=SPEECH_BODY.having(expressiveness=number()),
    rules=(history_without_reference, one_speaker, finite_expressiveness),
    form=forms.mistral,
    source=SPEECH_SDK,
)
