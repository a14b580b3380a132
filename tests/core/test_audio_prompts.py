"""Sound in prompts: how it is written, what is refused before anything is sent, and what it is expected to cost."""

from __future__ import annotations

import base64
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest

from pipelex_core.costs import cost_of
from pipelex_core.errors import UnsupportedInputError
from pipelex_core.histories import HistoryForm, fit
from pipelex_core.parts import AudioPart, Media, Message, TextPart
from pipelex_core.prompts import check_inputs, read_prompt
from pipelex_core.requests import TextRequest
from pipelex_core.results import Usage
from pipelex_core.specs import Costs, ModelSpec
from pipelex_limits.bounds import most_cost
from pipelex_limits.expectations import of_text
from tests.support.sounds import wav

if TYPE_CHECKING:
    from pathlib import Path

WAV = wav(2)


def spec(**fields: Any) -> ModelSpec:
    return ModelSpec(name="ears", backend="b", sdk="openai", model_id="gpt-audio", **fields)


def test_sound_goes_before_the_text(tmp_path: Path) -> None:
    """From a path, bytes, a data URL, or a URL that stays one; counted apart."""
    (tmp_path / "talk.wav").write_bytes(WAV)
    sources: list[Any] = [
        tmp_path / "talk.wav",
        WAV,
        "data:audio/wav;base64," + base64.b64encode(WAV).decode(),
        "https://a.example/b.mp3",
    ]
    read = read_prompt("What is said?", audio=sources)
    *sounds, text = read.messages[0].parts
    assert (read.n_audio, read.n_images, text) == (4, 0, TextPart("What is said?"))
    media = [part.media for part in sounds if isinstance(part, AudioPart)]
    assert [each.media_type for each in media] == ["audio/wav"] * 3 + ["audio/mpeg"]
    assert [each.data for each in media] == [WAV, WAV, WAV, None]
    assert media[0].name == "talk.wav"


@pytest.mark.parametrize(
    "part",
    [
        {"type": "audio", "audio": WAV},
        {"type": "input_audio", "input_audio": {"data": base64.b64encode(WAV).decode(), "format": "wav"}},
        AudioPart(Media(data=WAV, media_type="audio/wav")),
        AudioPart(Media(data=WAV, media_type="audio/wav")).to_dict(),
    ],
)
def test_a_part_of_a_message(part: Any) -> None:
    """In this project's words, in those of chat completions, as an object and in its plain form."""
    read = read_prompt([{"role": "user", "content": ["What is said?", part]}])
    sound = read.messages[0].parts[1]
    assert isinstance(sound, AudioPart)
    assert (sound.media.data, sound.media.media_type) == (WAV, "audio/wav")


@pytest.mark.parametrize(
    "provided, message",
    [
        ({"audio": [b"hello, this is text"]}, "is not sound that is known"),
        ({"audio": [b""]}, "is empty"),
        ({"audio": "talk.wav"}, "audio is a list"),
        ({"audio": ["no-such-file.wav"]}, "cannot be read"),
    ],
)
def test_what_is_not_sound_is_refused(provided: dict[str, Any], message: str) -> None:
    """By its first bytes."""
    with pytest.raises(UnsupportedInputError, match=message):
        read_prompt("What is said?", **provided)


def test_a_model_that_does_not_hear_refuses_it() -> None:
    """As its spec says; and a wire without a place for it, whatever the spec."""
    read = read_prompt("What is said?", audio=[WAV])
    with pytest.raises(UnsupportedInputError, match="takes no audio: its inputs are images, text"):
        check_inputs(read, spec(inputs=frozenset({"text", "images"})))
    check_inputs(read, spec(inputs=frozenset({"text", "audio"})))
    with pytest.raises(UnsupportedInputError, match="takes no audio in a prompt"):
        fit(read.messages, HistoryForm(provider="p"), "m")
    assert fit(read.messages, HistoryForm(provider="p", audio=True), "m") == read.messages


def test_sound_is_expected_by_its_length_and_paid_by_its_tokens() -> None:
    """The most that a call may cost reckons with the price of audio tokens; what it cost counts them."""
    costs = Costs(input=Decimal(2), output=Decimal(8), input_audio=Decimal(40))
    request = TextRequest(spec=spec(costs=costs), messages=read_prompt("What?", audio=[WAV]).messages, max_tokens=100)
    expected = of_text(request)
    assert expected.input_tokens is not None
    assert 2 * 5 <= expected.input_tokens.low <= 2 * 32 + 10 <= (expected.input_tokens.high or 0)
    most = most_cost(costs, expected)
    assert most is not None
    assert most >= Decimal(2 * 100 * 40) / 1_000_000
    spent = cost_of(costs, Usage(input_tokens=30, input_audio_tokens=20, output_tokens=10))
    assert spent is not None
    assert spent.amount == Decimal(10 * 2 + 20 * 40 + 10 * 8) / 1_000_000
    unknown = Message(role="user", parts=(AudioPart(Media(url="https://a.example/b.mp3", media_type="audio/mpeg")),))
    tokens = of_text(TextRequest(spec=spec(), messages=(unknown,))).input_tokens
    assert tokens is not None
    assert tokens.high is None
