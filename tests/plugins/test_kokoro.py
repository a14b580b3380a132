"""Text to speech on this machine: numbers and words as phonemes, and the real model."""

from __future__ import annotations

import io
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest
import soundfile
import tomli

from pipelex_backend_kokoro import pipelex_model_specs
from pipelex_backend_kokoro._model import voices
from pipelex_backend_kokoro._numbers import spoken
from pipelex_backend_kokoro._phonemes import LONGEST, Phonemes
from pipelex_backend_kokoro.models import catalogue, fetch
from pipelex_core import errors
from tests.support.speech import SENTENCES, SPEAKER, WRITER, client, need, wrong_words

if TYPE_CHECKING:
    from collections.abc import Iterator

SHORT = "A river."


@pytest.fixture(scope="module")
def opened() -> Iterator[Any]:
    """A client, whose model is loaded once for these tests."""
    need(SPEAKER)
    with client() as one:
        yield one


@pytest.fixture(scope="module")
def phonemes() -> Phonemes:
    """The lists of words."""
    need(SPEAKER)
    return Phonemes(fetch(SPEAKER))


# ── From text to phonemes ─────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("written", "stated"),
    [
        ("21 of 1,234,567", "twenty one of one million two hundred thirty four thousand five hundred sixty seven"),
        ("in 1999, 2005 and 2026", "in nineteen ninety nine, two thousand five and twenty twenty six"),
        ("3.14", "three point one four"),
        ("$1.01, £2 and €0.50", "one dollar and one cent, two pounds and zero euros and fifty cents"),
        ("at 9:05 or 12:00", "at nine oh five or twelve o'clock"),
        ("the 3rd, 21st and 30th", "the third, twenty first and thirtieth"),
        ("-5° and 5-10", "minus five degrees and five to ten"),
        ("20% & more", "twenty percent and more"),
        ("Dr. No met Mr. Smith vs. the state.", "doctor No met mister Smith versus the state."),
        ("No. 7, no. Really", "number seven, no. Really"),
        ("code 007", "code zero zero seven"),
        (
            "12345678901234567890",
            " ".join(["one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "zero"] * 2),
        ),
        ("ChatGPT", "Chat GPT"),
        ("McDonald", "McDonald"),
    ],
)
def test_what_is_not_a_word_is_written_out(written: str, stated: str) -> None:
    """Numbers, years, money, times, places in a row, signs, abbreviations, and words that are joined."""
    assert spoken(written) == stated


@pytest.mark.parametrize(
    ("written", "stated"),
    [
        ("The river", "ðə ɹˈɪvəɹ"),
        ("the apple", "ði ˈæpᵊl"),
        ("rivers walked quickly", "ɹˈɪvəɹz wˈɔkt kwˈɪkli"),
        ("it's café, isn't it?", "ɪts kæfˈA, ˈɪzᵊnt ɪt?"),
        ("NASA's XQJ", "nˈæsəz ˈɛks kjˈu ʤˈA"),
        ("riverapple", "ɹˈɪvəɹˌæpᵊl"),
        ("zzyzx", "zˈi zˈi wˈI zˈi ˈɛks"),
    ],
)
def test_words_become_phonemes(phonemes: Phonemes, written: str, stated: str) -> None:
    """By the lists; small words as they are said in a sentence; what is in no list by its parts, or spelt."""
    assert list(phonemes.sentences(written)) == [stated]


def test_a_text_goes_sentence_by_sentence(phonemes: Phonemes) -> None:
    """Its numbers do not end a sentence, nor do abbreviations; a paragraph without a sign does."""
    found = list(phonemes.sentences("Dr. Lee ran 3.5 miles. He won!\n\nA heading\n\nThen “sleep.” And rest…"))
    assert len(found) == 5
    assert [text[-1] for text in found] == [".", "!", "ŋ", ".", "…"]


@pytest.mark.parametrize("long", ["river, " * 200, "river " * 200, "r" * 3000], ids=["commas", "words", "letters"])
def test_a_long_sentence_is_cut_and_nothing_is_lost(phonemes: Phonemes, long: str) -> None:
    """At commas, else between words, else in the middle of one."""
    found = list(phonemes.sentences(long))
    assert all(0 < len(text) <= LONGEST for text in found)
    whole = "".join(found)
    assert whole.count("ɹˈɪvəɹ") == long.count("river")
    assert whole.count("ˈɑɹ") == (3000 if long[1] == "r" else 0)


# ── Speech ────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_text_is_spoken(opened: Any) -> None:
    """As a WAV of 24 kHz that other programs read, and bare samples of the same sound."""
    result = opened.speak(SHORT, model=SPEAKER, format="wav")
    samples, rate = soundfile.read(io.BytesIO(result.audio.data), dtype="int16")
    assert (rate, samples.ndim, result.audio.content_type, result.audio.sample_rate) == (24_000, 1, "audio/wav", 24_000)
    assert 0.5 < len(samples) / rate < 3
    assert abs(samples).max() > 3000
    assert result.usage.characters == len(SHORT)
    bare = opened.speak(SHORT, model=SPEAKER, format="pcm").audio
    assert (bare.data, bare.content_type) == (samples.tobytes(), "audio/pcm")


def test_speech_comes_sentence_by_sentence(opened: Any) -> None:
    """A piece each, before the others are made; together they are a WAV, and the sound of the whole."""
    text = "Yes. No. Yes."
    with opened.stream_speech(text, model=SPEAKER, format="wav") as stream:
        pieces = list(stream)
    assert len(pieces) == 3
    data = b"".join(pieces)
    assert stream.result.audio.data == data
    samples, rate = soundfile.read(io.BytesIO(data), dtype="int16")
    assert (len(samples) * 2 + 44, rate) == (len(data), 24_000)
    assert opened.speak(text, model=SPEAKER, format="pcm").audio.data == data[44:]


def test_speed_and_voice_change_the_sound(opened: Any) -> None:
    """Twice as fast is shorter by a good deal; another voice says it in its own way."""
    plain, fast, other = (
        opened.speak(SHORT, model=SPEAKER, format="pcm", **settings).audio.data
        for settings in ({"voice": "af_heart"}, {"voice": "af_heart", "speed": 2}, {"voice": "am_michael"})
    )
    assert 0.35 < len(fast) / len(plain) < 0.8
    assert other != plain


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"voice": "af_hart"}, "no voice 'af_hart': did you mean 'af_heart'"),
        ({"format": "mp3"}, "has no format 'mp3'"),
        ({"instructions": "Whisper."}, "takes no instructions"),
    ],
    ids=["voice", "format", "instructions"],
)
def test_what_the_model_cannot_do_is_refused(opened: Any, settings: dict[str, Any], message: str) -> None:
    """With the nearest voice, or the formats that there are."""
    with pytest.raises(errors.UnsupportedInputError, match=message):
        opened.speak(SHORT, model=SPEAKER, **settings)


@pytest.mark.parametrize("text", ["東京です。", "…!?"])
def test_a_text_without_a_word_of_english_is_refused(opened: Any, text: str) -> None:
    """And not answered with silence."""
    with pytest.raises(errors.UnsupportedInputError, match="no word of it in this text"):
        opened.speak(text, model=SPEAKER, format="wav")


@pytest.mark.slow
def test_twelve_sentences_are_understood_in_every_voice(opened: Any) -> None:
    """At most three words in a hundred are heard wrong by Whisper tiny.en; the figures are on the plugin's page."""
    need(WRITER)
    for voice in voices():
        heard = [
            opened.transcribe(
                opened.speak(text, model=SPEAKER, voice=voice, format="wav").audio.data, model=WRITER
            ).text
            for text in SENTENCES
        ]
        assert wrong_words(" ".join(heard), " ".join(SENTENCES)) <= 0.03, (voice, heard)


# ── The plugin ────────────────────────────────────────────────────────────────────────────────────────────────────


def test_the_model_shipped_is_in_the_catalogue_and_free() -> None:
    """Each file has a hash and a source that everybody has; the voices of the spec are those that are here."""
    shipped = tomli.loads(pipelex_model_specs()["kokoro"].read_text(encoding="utf-8"))
    assert set(shipped) - {"backend", "defaults"} == set(catalogue())
    assert shipped["defaults"]["costs"] == {"input": 0, "output": 0}
    assert sorted(shipped[SPEAKER]["voices"]) == sorted(voices())
    for file in catalogue()[SPEAKER].files:
        assert len(bytes.fromhex(file.sha256)) == 32
        assert file.wheel is not None
        assert "==" in file.wheel.requirement


def test_the_plugin_imports_no_sdk_until_a_text_comes() -> None:
    """Its hooks, its catalogue and its backend are made in a fresh interpreter without the engine or NumPy."""
    code = (
        "import sys, pipelex_backend_kokoro as p; from pipelex_core.specs import BackendConfig;"
        "p.pipelex_model_specs(); p.pipelex_backends()['kokoro'](BackendConfig(name='kokoro'));"
        "print([m for m in ('onnxruntime', 'numpy') if m in sys.modules])"
    )
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "[]\n"
