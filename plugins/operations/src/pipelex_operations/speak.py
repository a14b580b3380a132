"""The capability `speak`: a text in, speech out, whole or in pieces."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pipelex_core.errors import UnsupportedInputError
from pipelex_core.estimates import Expectation, Guess, tokens_of
from pipelex_core.near import did_you_mean
from pipelex_core.prompts.checks import check_text
from pipelex_core.sound import SpeechAnswer, SpeechRequest, SpeechResult
from pipelex_limits.expectations import by_tokens

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pipelex_core.specs import ModelSpec

ANSWER, RESULT = SpeechAnswer, SpeechResult

_TOKENS_A_CHARACTER = (0, 2, 12)
"""Tokens of the sound of a character: Google makes 25 a second, https://ai.google.dev/gemini-api/docs/speech-generation."""


def read(text: object) -> str:
    """What a caller gives, checked."""
    if not isinstance(text, str) or not text.strip():
        other = "" if isinstance(text, str) else f", not {type(text).__name__}"
        msg = f"speak takes a text that is not empty{other}"
        raise UnsupportedInputError(msg)
    check_text(text, "a text to speak")
    return text


def build(text: str, spec: ModelSpec, settings: Mapping[str, Any], timeout: float | None) -> SpeechRequest:
    """The request for a model."""
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
    hint = did_you_mean(chosen, known) or ""
    others = f": {hint} It has" if hint else "; it has"
    msg = f"model '{spec.name}' has no {what} {chosen!r:.80}{others} {', '.join(known)}"
    raise UnsupportedInputError(msg)


def expect(request: SpeechRequest) -> Expectation:
    """What a request will use."""
    count = Guess(*[len(request.text)] * 3)
    if not by_tokens(request.spec):
        return Expectation(characters=count)
    read = tokens_of(request.text + (request.instructions or ""))
    return Expectation(characters=count, input_tokens=read, output_tokens=count.times(*_TOKENS_A_CHARACTER))


def sample(_spec: ModelSpec | None) -> str:
    """The input of a call on trial."""
    return "Three rivers meet here."
