"""The capability `speak`: a text in, speech out, whole or in pieces."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from attrs import evolve

from pipelex_core.backend import Speaker, SpeechStreamer
from pipelex_core.capabilities.record import Capability, Operation
from pipelex_core.errors import UnsupportedInputError
from pipelex_core.settings import SettingRule

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pipelex_core.estimates.expectations import Expectation
    from pipelex_core.results import Result
    from pipelex_core.sound import SpeechRequest
    from pipelex_core.specs import ModelSpec

FORMATS = ("mp3", "opus", "aac", "flac", "wav", "pcm")

_TOKENS_A_CHARACTER = (0, 2, 12)
"""Tokens of the sound of a character: Google makes 25 a second, https://ai.google.dev/gemini-api/docs/speech-generation."""


def _read(text: object) -> str:
    from pipelex_core.prompts.checks import check_text

    if not isinstance(text, str) or not text.strip():
        msg = "speak takes a text that is not empty"
        raise UnsupportedInputError(msg)
    check_text(text, "a text to speak")
    return text


def _build(text: str, spec: ModelSpec, settings: Mapping[str, Any], timeout: float | None) -> SpeechRequest:
    from pipelex_core.sound import SpeechRequest

    for setting, option in (("voice", "voices"), ("format", "formats")):
        _check(settings.get(setting), setting, spec.options.get(option), spec)
    most = spec.options.get("max_characters")
    if isinstance(most, int) and len(text) > most:
        msg = f"model '{spec.name}' speaks texts of up to {most} characters, and this one has {len(text)}: split it"
        raise UnsupportedInputError(msg)
    formats: Any = spec.options.get("formats") or ("mp3",)
    encoding = "mp3" if "mp3" in formats else formats[0]
    return SpeechRequest(**{"spec": spec, "text": text, "timeout": timeout, "format": encoding, **settings})


def _check(chosen: str | None, what: str, known: Any, spec: ModelSpec) -> None:
    """Refuse a voice or a format that a model does not have, where its spec lists those it has."""
    if chosen is None or not isinstance(known, (list, tuple)) or chosen in known:
        return
    from pipelex_core.near import did_you_mean

    hint = did_you_mean(chosen, known) or ""
    msg = f"model '{spec.name}' has no {what} {chosen!r:.80}{': ' if hint else ''}{hint} It has {', '.join(known)}."
    raise UnsupportedInputError(msg)


def _expect(request: SpeechRequest) -> Expectation:
    from pipelex_core.estimates.expectations import Expectation, Guess, by_tokens, tokens_of

    count = Guess(*[len(request.text)] * 3)
    if not by_tokens(request.spec):
        return Expectation(characters=count)
    read = tokens_of(request.text + (request.instructions or ""))
    return Expectation(characters=count, input_tokens=read, output_tokens=count.times(*_TOKENS_A_CHARACTER))


def _sample(_spec: ModelSpec | None) -> str:
    return "Three rivers meet here."


def _answer() -> type:
    from pipelex_core.sound import SpeechAnswer

    return SpeechAnswer


def _result() -> type[Result]:
    from pipelex_core.sound import SpeechResult

    return SpeechResult


_SPEAK = Operation(
    name="speak",
    needs=Speaker,
    answer=_answer,
    result=_result,
)
STREAM_SPEECH = evolve(_SPEAK, name="stream_speech", needs=SpeechStreamer, streams=True)

SPEAK = Capability(
    name="speak",
    model_types=("speaker",),
    noun="speech",
    unit="character",
    outputs=frozenset({"audio"}),
    gives=frozenset({"audio"}),
    operations=(_SPEAK, STREAM_SPEECH),
    settings={
        "voice": SettingRule("string", "Who speaks, in the provider's words."),
        "format": SettingRule(
            "string", 'The encoding; "mp3" where nothing is set and the model has it.', choices=FORMATS
        ),
        "speed": SettingRule("number", "1 is the voice's own.", minimum=0.25, maximum=4),
        "instructions": SettingRule("string", "How to say it, where the model takes that."),
    },
    read=_read,
    build=_build,
    expect=_expect,
    sample=_sample,
)
"""A text, spoken."""
