"""What fal's models of speech and transcription are given, by their ids: https://fal.ai/models, each model's page `api`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pipelex_rules.faults import find_faults
from pipelex_rules.rule import rule
from pipelex_rules.shapes import BOOLEAN, INTEGER, NUMBER, TEXT, choice, integer, number, obj, text
from pipelex_rules.sources import Source

if TYPE_CHECKING:
    from pipelex_rules.rule import Findings, Request

TYPES = Source("npm:@fal-ai/client@1.10.1 src/types/endpoints.d.ts", "2026-11-30")
_LANGUAGES = (
    "af am ar as az ba be bg bn bo br bs ca cs cy da de el en es et eu fa fi fo fr gl gu ha haw he hi hr ht hu hy id is it ja"
    " jw ka kk km kn ko la lb ln lo lt lv mg mi mk ml mn mr ms mt my ne nl nn no oc pa pl ps pt ro ru sa sd si sk sl sn so sq"
    " sr su sv sw ta te tg th tk tl tr tt uk ur uz vi yi yo zh"
)
_TASK = choice("transcribe translate")
_WHISPER = obj(
    "audio_url",
    audio_url=text(1),
    task=_TASK,
    language=choice(_LANGUAGES),
    chunk_level=choice("none segment word"),
    diarize=BOOLEAN,
    num_speakers=INTEGER,
    batch_size=INTEGER,
    prompt=TEXT,
)
_WIZPER = obj(
    "audio_url",
    audio_url=text(1),
    task=_TASK,
    language=choice(_LANGUAGES),
    chunk_level=TEXT,
    max_segment_len=INTEGER,
    merge_chunks=BOOLEAN,
    version=TEXT,
)
_SCRIBE = obj("audio_url", audio_url=text(1), language_code=TEXT, diarize=BOOLEAN, tag_audio_events=BOOLEAN)
_KOKORO = obj(
    prompt=TEXT,
    speed=NUMBER,
    voice=choice(
        "af_heart af_alloy af_aoede af_bella af_jessica af_kore af_nicole af_nova af_river af_sarah af_sky am_adam am_echo"
        " am_eric am_fenrir am_liam am_michael am_onyx am_puck am_santa"
    ),
)
_ELEVENLABS = obj(
    "text",
    text=text(1),
    voice=TEXT,
    speed=number(0.7, 1.2),
    stability=number(0, 1),
    similarity_boost=number(0, 1),
    style=number(0, 1),
    timestamps=BOOLEAN,
    language_code=TEXT,
    apply_text_normalization=choice("auto on off"),
)
_MINIMAX = obj(
    "text",
    text=text(1, 5_000),
    output_format=choice("url hex"),
    voice_setting=obj(
        voice_id=TEXT,
        speed=number(0.5, 2),
        vol=number(0, 10),
        pitch=integer(-12, 12),
        emotion=choice("happy sad angry fearful disgusted surprised neutral"),
        english_normalization=BOOLEAN,
    ),
)
_GROK = obj(
    "text",
    text=text(1, 15_000),
    voice=choice("eve ara rex sal leo"),
    language=choice("auto en ar-EG ar-SA ar-AE bn zh fr de hi id it ja ko pt-BR pt-PT ru es-MX es-ES tr vi"),
)
SHAPES = {
    "fal-ai/whisper": _WHISPER,
    "fal-ai/wizper": _WIZPER,
    "fal-ai/elevenlabs/speech-to-text": _SCRIBE,
    "fal-ai/elevenlabs/tts": _ELEVENLABS,
    "fal-ai/kokoro/american-english": _KOKORO,
    "fal-ai/minimax/speech": _MINIMAX,
    "xai/tts": _GROK,
}
"""By the beginning of a model's id."""


@rule(TYPES)
def arguments_of_sound(request: Request) -> Findings:
    """A model of speech or transcription has its text or audio, and its own values."""
    for name, shape in SHAPES.items():
        if request.model.startswith(name):
            for fault in find_faults(shape, request.body):
                yield fault.place, fault.words


@rule(TYPES)
def minimax_text_is_not_blank(request: Request) -> Findings:
    """MiniMax speaks a text with a character that is not white space."""
    written = request.get("text")
    if request.model.startswith("fal-ai/minimax/speech") and isinstance(written, str) and not written.strip():
        yield "text", "the text has no character but white space"


RULES = (arguments_of_sound, minimax_text_is_not_blank)
