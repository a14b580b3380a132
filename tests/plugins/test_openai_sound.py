"""Transcription and speech at OpenAI, Azure and compatible endpoints: what is sent, and what comes of the answers."""

from __future__ import annotations

import asyncio
import io
from base64 import b64encode
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import httpx2
import pytest
from openai import AsyncOpenAI

from pipelex_core import errors
from pipelex_core.costs import cost_of
from pipelex_core.results import Usage
from pipelex_core.sound import Segment, SpeechRequest, TranscriptRequest
from pipelex_core.specs import BackendConfig, Costs, Secret
from pipelex_operations.audio import read_recording
from pipelex_testing.replies import FormFile
from pipelex_testing.rulebook import Rulebook
from tests.plugins.openai_calls import KEY, config, spec, with_backend
from tests.servers.base import Reply, Server, in_thread
from tests.support.sounds import mp3, wav

if TYPE_CHECKING:
    from pathlib import Path

    from pipelex_core.sound import SpeechAnswer, TranscriptAnswer

HEADERS = {"x-request-id": "req_test"}
VERBOSE = {
    "task": "transcribe",
    "language": "english",
    "duration": 2.5,
    "text": " Hello there. General.",
    "segments": [
        {"id": 0, "start": 0.0, "end": 1.5, "text": " Hello there.", "tokens": [1]},
        {"id": 1, "start": 1.5, "end": 2.5, "text": " General.", "tokens": [2]},
    ],
    "words": [{"word": "Hello", "start": 0.0, "end": 0.4}, {"word": "there", "start": 0.5, "end": 0.9}],
    "usage": {"type": "duration", "seconds": 3},
}


def transcriber(model_id: str = "whisper-1", **fields: Any) -> Any:
    """A model that hears."""
    return spec(**{"model_type": "transcriber", "model_id": model_id, **fields})


def speaker(model_id: str = "tts-1", **fields: Any) -> Any:
    """A model that speaks."""
    return spec(**{"model_type": "speaker", "model_id": model_id, **fields})


def heard(reply: Reply, source: Any = None, make: Any = config, **fields: Any) -> tuple[TranscriptAnswer, Any]:
    """The answer to a recording, and the request it became."""
    model = fields.pop("spec", None) or transcriber()

    async def use(backend: Any, server: Server) -> Any:
        audio = read_recording(wav(2.5) if source is None else source)
        return await backend.transcribe(TranscriptRequest(spec=model, audio=audio, **fields)), server.received[0]

    answer, received = with_backend(use, reply, make=make)
    return answer, received


def spoken(reply: Reply, make: Any = config, **fields: Any) -> tuple[SpeechAnswer, Any]:
    """The answer to a text, and the request it became."""

    async def use(backend: Any, server: Server) -> Any:
        request = SpeechRequest(**{"spec": speaker(), "text": "Hello there.", **fields})
        return await backend.speak(request), server.received[0]

    answer, received = with_backend(use, reply, make=make)
    return answer, received


def test_a_recording_is_sent_as_a_form_with_a_name_and_a_type(tmp_path: Path) -> None:
    """A file under its own name, bytes under one whose suffix is that of their type; nothing is sent unasked."""
    (tmp_path / "talk.mp3").write_bytes(mp3())
    answer, received = heard(Reply.json({"text": "Hello."}, headers=HEADERS), tmp_path / "talk.mp3")
    file = FormFile("talk.mp3", "audio/mpeg", mp3())
    assert received.path == "/v1/audio/transcriptions"
    assert received.form == {"model": "whisper-1", "response_format": "json", "file": file}
    assert (answer.text, answer.segments, answer.request_id) == ("Hello.", (), "req_test")
    assert answer.duration_s == pytest.approx(100 * 417 * 8 / 128_000)
    _, received = heard(Reply.json({"text": ""}))
    assert received.form["file"] == FormFile("recording.wav", "audio/wav", wav(2.5))


def test_times_and_hints_are_asked_for_as_the_sdk_writes_them() -> None:
    """A list is `timestamp_granularities[]` in a form; the SDK's own method sends the same fields."""
    _, received = heard(Reply.json(VERBOSE), timestamps="word", language="en", prompt="Nile, Amazon")
    form = {name: value for name, value in received.form.items() if name != "file"}
    assert form == {
        "model": "whisper-1",
        "response_format": "verbose_json",
        "timestamp_granularities[]": "word",
        "language": "en",
        "prompt": "Nile, Amazon",
    }

    async def typed(url: str) -> None:
        async with AsyncOpenAI(api_key=KEY, base_url=f"{url}/v1", max_retries=0) as client:
            await client.audio.transcriptions.create(
                file=("recording.wav", wav(2.5), "audio/wav"),
                model="whisper-1",
                response_format="verbose_json",
                timestamp_granularities=["word"],
                language="en",
                prompt="Nile, Amazon",
            )

    with in_thread(Server(Rulebook(provider="openai"))) as server:
        server.queue(Reply.json(VERBOSE))
        asyncio.run(typed(server.url))
    assert server.received[0].form == received.form


def test_segments_and_words_come_with_their_times() -> None:
    """As many as there are; seconds are those that the provider bills."""
    answer, _ = heard(Reply.json(VERBOSE), timestamps="segment")
    assert [segment.text for segment in answer.segments] == ["Hello there.", "General."]
    assert answer.segments[1] == Segment(start=1.5, end=2.5, text="General.")
    assert (answer.duration_s, answer.language, answer.usage) == (2.5, "english", Usage(seconds=3.0))
    answer, _ = heard(Reply.json(VERBOSE), timestamps="word")
    assert answer.segments[1] == Segment(start=0.5, end=0.9, text="there")


def test_speakers_are_told_apart_in_the_format_for_that() -> None:
    """With a `chunking_strategy`, which longer recordings need; tokens are counted, and the heard ones apart."""
    body = {
        "task": "transcribe",
        "duration": 2.5,
        "text": "Hello. Hi.",
        "segments": [{"id": "seg_1", "start": 0, "end": 1, "text": "Hello.", "speaker": "A", "type": "…"}],
        "usage": {
            "type": "tokens",
            "input_tokens": 25,
            "output_tokens": 9,
            "total_tokens": 34,
            "input_token_details": {"audio_tokens": 20, "text_tokens": 5},
        },
    }
    answer, received = heard(Reply.json(body), spec=transcriber("gpt-4o-transcribe-diarize"), speakers=True)
    assert (received.form["response_format"], received.form["chunking_strategy"]) == ("diarized_json", "auto")
    assert answer.segments == (Segment(start=0.0, end=1.0, text="Hello.", speaker="A"),)
    assert answer.usage == Usage(input_tokens=25, output_tokens=9, input_audio_tokens=20, seconds=2.5)


def test_the_languages_of_newer_models_are_read() -> None:
    """`gpt-transcribe` has a list of them, which may be empty."""
    answer, _ = heard(Reply.json({"text": "Hi", "languages": [{"code": "en"}]}))
    assert answer.language == "en"
    answer, _ = heard(Reply.json({"text": "", "languages": []}))
    assert answer.language is None


def test_a_transcript_in_plain_text_is_one() -> None:
    """Some servers answer so whatever is asked for; the SDK's own method then gives a `str`."""
    answer, _ = heard(Reply.text("Hello there.", content_type="text/plain; charset=utf-8"))
    assert answer.text == "Hello there."

    async def typed(url: str) -> Any:
        async with AsyncOpenAI(api_key=KEY, base_url=f"{url}/v1", max_retries=0) as client:
            return await client.audio.transcriptions.create(file=io.BytesIO(wav()), model="whisper-1")

    with in_thread(Server(Rulebook(provider="openai"))) as server:
        server.queue(Reply.text("Hello there.", content_type="text/plain"))
        assert asyncio.run(typed(server.url)) == "Hello there."
    file = server.received[0].form["file"]
    assert (file.name, file.content_type) == ("upload", "application/octet-stream"), "what bytes without a name are"


@pytest.mark.parametrize(
    "reply",
    [
        Reply.json({}),
        Reply.json({"txt": "Hello"}),
        Reply.json({**VERBOSE, "segments": [{"start": "soon", "end": 1, "text": "x"}]}),
        Reply.json({**VERBOSE, "segments": ["x"]}),
        Reply.text("<html>no such place</html>"),
    ],
)
def test_an_answer_that_is_not_a_transcript_is_an_error(reply: Reply) -> None:
    """With what came."""
    with pytest.raises(errors.InvalidAnswerError) as caught:
        heard(reply, timestamps="segment")
    assert caught.value.raw is not None


def test_a_recording_that_is_too_large_is_refused_unsent() -> None:
    """OpenAI takes 25 MB; another endpoint as much as its options say, or whatever comes."""
    large = wav(0.1) + bytes(25 * 1024 * 1024)
    with pytest.raises(errors.UnsupportedInputError, match="26,214,400"):
        heard(Reply.json({"text": "x"}), large)
    small = transcriber(options={"max_audio_bytes": 100})
    with pytest.raises(errors.UnsupportedInputError, match="takes 100"):
        heard(Reply.json({"text": "x"}), spec=small, make=lambda url: config(url, "my_server"))


def test_what_is_at_a_url_is_downloaded_and_sent() -> None:
    """No such endpoint fetches anything."""

    async def use(backend: Any, server: Server) -> Any:
        audio = read_recording(f"{server.url}/talk.wav")
        return await backend.transcribe(TranscriptRequest(spec=transcriber(), audio=audio)), server.received

    replies = Reply(chunks=(wav(),), content_type="audio/wav"), Reply.json({"text": "Hi."})
    answer, received = with_backend(use, *replies)
    assert received[1].form["file"] == FormFile("talk.wav", "audio/wav", wav())
    assert (answer.text, answer.duration_s) == ("Hi.", 0.5)


@pytest.mark.parametrize("version", [None, "2024-10-21"])
def test_azure_has_its_own_addresses(version: str | None) -> None:
    """A dated version means a deployment in the path; the key is in Azure's header."""
    options = {"api_version": version} if version else {}

    def azure(url: str) -> BackendConfig:
        return BackendConfig(name="azure_openai", endpoint=url, api_key=Secret(KEY), options=options)

    async def use(backend: Any, server: Server) -> Any:
        request = TranscriptRequest(spec=transcriber("whisper"), audio=read_recording(wav()))
        stated = SpeechRequest(spec=speaker("tts"), text="Hi.")
        return await backend.transcribe(request), await backend.speak(stated), server.received

    replies = Reply.json({"text": "Hi."}), Reply(chunks=(mp3(),), content_type="audio/mpeg")
    answer, stated, received = with_backend(use, *replies, sdk="azure_openai", make=azure)
    start = "/openai/deployments/whisper" if version else "/openai/v1"
    assert [request.path for request in received] == [
        f"{start}/audio/transcriptions",
        f"{start.replace('whisper', 'tts')}/audio/speech",
    ]
    assert received[0].headers["api-key"] == KEY
    assert (answer.text, stated.audio.data) == ("Hi.", mp3())


def test_a_text_is_spoken_in_the_first_voice_and_as_mp3() -> None:
    """A voice has to be named at OpenAI; the answer is the sound, and characters are counted."""
    answer, received = spoken(Reply(chunks=(mp3(),), content_type="audio/mpeg", headers=HEADERS))
    assert received.json == {"model": "tts-1", "input": "Hello there.", "response_format": "mp3", "voice": "alloy"}
    assert (answer.audio.data, answer.audio.content_type, answer.request_id) == (mp3(), "audio/mpeg", "req_test")
    assert answer.usage == Usage(characters=12)
    assert "bytes>" in repr(answer)
    assert len(repr(answer.audio)) < 100


def test_every_setting_of_speech() -> None:
    """Voice, format, speed and instructions; the rate of WAV is in its header, that of bare samples is documented."""
    wanted = {"voice": "coral", "format": "wav", "speed": 1.25, "instructions": "Whisper."}
    answer, received = spoken(
        Reply(chunks=(wav(),), content_type="audio/wav"), spec=speaker("gpt-4o-mini-tts"), **wanted
    )
    assert received.json == {
        "model": "gpt-4o-mini-tts",
        "input": "Hello there.",
        "response_format": "wav",
        "voice": "coral",
        "speed": 1.25,
        "instructions": "Whisper.",
    }
    assert answer.audio.sample_rate == 16_000
    answer, _ = spoken(Reply(chunks=(b"\0\0",), content_type="application/octet-stream"), format="pcm")
    assert (answer.audio.content_type, answer.audio.sample_rate) == ("audio/pcm", 24_000)


@pytest.mark.parametrize(
    "piece", [Reply.json({"error": {"message": "no"}}), Reply.text("<html>"), Reply(content_type="audio/mpeg")]
)
def test_an_answer_without_sound_is_an_error(piece: Reply) -> None:
    """A page, an error in a 200, nothing: none of them is speech."""
    with pytest.raises(errors.CallError):
        spoken(piece)


def test_speech_streams_as_it_comes() -> None:
    """Pieces that make the whole, then the answer with all of it."""

    async def use(backend: Any, server: Server) -> Any:
        request = SpeechRequest(spec=speaker(), text="Hello there.")
        return [event async for event in backend.stream_speech(request)], server.received[0]

    data = mp3()
    reply = Reply(chunks=(data[:1000], data[1000:]), content_type="audio/mpeg", chunked=True, pause=0.05)
    events, _ = with_backend(use, reply)
    *pieces, answer = events
    assert len(pieces) > 1
    assert b"".join(pieces) == answer.audio.data == data
    for bad in (
        Reply.json({"error": {"message": "no", "code": "rate_limit_exceeded"}}, status=429),
        Reply.text("<html>"),
    ):
        with pytest.raises(errors.CallError):
            with_backend(use, bad)


def test_speech_in_events_tells_what_it_used() -> None:
    """Models that are paid by the token say how many only there; a stream without its last event broke off."""
    model = speaker("gpt-4o-mini-tts", options={"speech_events": True})
    usage = {"input_tokens": 14, "output_tokens": 101, "total_tokens": 115}
    halves = [{"type": "speech.audio.delta", "audio": b64encode(part).decode()} for part in (b"ab", b"cd")]
    done = {"type": "speech.audio.done", "usage": usage}

    async def use(backend: Any, server: Server) -> Any:
        request = SpeechRequest(spec=model, text="Hello there.")
        return [event async for event in backend.stream_speech(request)], server.received[0]

    events, received = with_backend(use, Reply.sse(*halves, done))
    assert received.json["stream_format"] == "sse"
    assert events[:-1] == [b"ab", b"cd"]
    assert events[-1].audio.data == b"abcd"
    answer, _ = spoken(Reply.sse(*halves, done), spec=model)
    assert answer.usage == Usage(input_tokens=14, output_tokens=101, characters=12)
    with pytest.raises(errors.ProviderConnectionError, match="before the speech was complete"):
        with_backend(use, Reply.sse(*halves))
    with pytest.raises(errors.InvalidAnswerError):
        with_backend(use, Reply.sse({"type": "speech.audio.delta", "audio": "@"}, done))


@pytest.mark.parametrize(
    ("costs", "usage", "amount"),
    [
        (Costs(minute=Decimal("0.006")), Usage(seconds=90.0), "0.009"),
        (Costs(character=Decimal("0.000015")), Usage(characters=12), "0.00018"),
        (Costs(search=Decimal("0.002")), Usage(searches=3), "0.006"),
        (Costs(search=Decimal("0.002")), Usage(), None),
    ],
)
def test_prices_are_for_minutes_characters_and_searches(costs: Costs, usage: Usage, amount: str | None) -> None:
    """A minute is billed by the second; a search that is not counted has an unknown price."""
    cost = cost_of(costs, usage)
    assert (None if cost is None else cost.amount) == (None if amount is None else Decimal(amount))


def test_statuses_are_the_errors_of_any_call() -> None:
    """A key that is refused, a limit, a fault of the server."""
    for status, kind in ((401, errors.AuthenticationError), (429, errors.RateLimitError), (500, errors.ServerError)):
        body = {"error": {"message": f"no: {KEY}", "type": "x"}}
        for call in (heard, spoken):
            with pytest.raises(kind) as caught:
                call(Reply.json(body, status=status, headers=HEADERS))
            assert KEY not in str(caught.value)
            assert caught.value.request_id == "req_test"


def test_a_closed_recording_leaves_no_file_open(tmp_path: Path) -> None:
    """However the call ended."""
    path = tmp_path / "a.wav"
    path.write_bytes(wav())
    opened: list[Any] = []
    real = type(path).open

    def watched(self: Path, *arguments: Any, **named: Any) -> Any:
        file = real(self, *arguments, **named)
        opened.append(file)
        return file

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(type(path), "open", watched)
        with pytest.raises(errors.ServerError):
            heard(Reply.json({"error": {"message": "x"}}, status=500), path)
    assert opened
    assert all(file.closed for file in opened)


def test_httpx_streams_a_form_with_its_length() -> None:
    """What the flat memory of an upload rests on: a file is read in pieces, and the form's length is known before."""
    request = httpx2.Request("POST", "http://x", files={"file": ("a.wav", io.BytesIO(wav()), "audio/wav")})
    assert int(request.headers["content-length"]) > len(wav())
    with pytest.raises(httpx2.RequestNotRead):
        _ = request.content


# ── xAI: addresses and forms of its own ───────────────────────────────────────────────────────────────────────────────

GROK = {
    "text": "Hello there. General.",
    "language": "English",
    "duration": 2.5,
    "words": [
        {"text": "Hello", "start": 0.0, "end": 0.4, "speaker": 0},
        {"text": "there.", "start": 0.5, "end": 0.9, "speaker": 0},
        {"text": "General.", "start": 1.5, "end": 2.5, "speaker": 1},
    ],
}


def grok(url: str) -> BackendConfig:
    """The backend of xAI."""
    return config(url, "xai")


def test_xai_hears_at_an_address_of_its_own() -> None:
    """The file comes last in the form; a language is for formatting; words have times and speakers."""
    model = transcriber("grok-voice-transcribe-2.0", backend="xai")
    fields = {"language": "en", "speakers": True, "prompt": "General"}
    answer, received = heard(Reply.json(GROK, headers=HEADERS), make=grok, spec=model, **fields)
    assert received.path == "/v1/stt"
    sent = received.form
    assert list(sent)[-1] == "file"
    assert {name: value for name, value in sent.items() if name != "file"} == {
        "model": "grok-voice-transcribe-2.0",
        "format": "true",
        "language": "en",
        "diarize": "true",
        "keyterm": "General",
    }
    assert answer.segments == (
        Segment(start=0.0, end=0.9, text="Hello there.", speaker="0"),
        Segment(start=1.5, end=2.5, text="General.", speaker="1"),
    )
    assert (answer.text, answer.duration_s, answer.language, answer.raw) == (GROK["text"], 2.5, "English", GROK)
    assert answer.usage == Usage(seconds=2.5)
    answer, _ = heard(Reply.json(GROK), make=grok, spec=model, timestamps="word")
    assert [segment.text for segment in answer.segments] == ["Hello", "there.", "General."]
    answer, received = heard(Reply.json(GROK), make=grok, spec=model)
    assert (answer.segments, set(received.form)) == ((), {"model", "file"})
    with pytest.raises(errors.UnsupportedInputError, match="times of words"):
        heard(Reply.json(GROK), make=grok, spec=model, timestamps="segment")


@pytest.mark.parametrize("body", [{}, {"words": []}, {"text": 3}, {"text": "a", "words": [{"start": 0}]}])
def test_a_transcript_of_xai_without_text_or_times_is_an_error(body: Any) -> None:
    """Never an empty one."""
    model = transcriber("grok-voice-transcribe-2.0", backend="xai")
    with pytest.raises(errors.InvalidAnswerError):
        heard(Reply.json(body), make=grok, spec=model, timestamps="word")


@pytest.mark.parametrize(("format", "kind"), [("mp3", "audio/mpeg"), ("wav", "audio/wav"), ("pcm", "audio/pcm")])
def test_xai_speaks_at_an_address_of_its_own(format: Any, kind: str) -> None:
    """Without a model, in any language; `eve` speaks where no voice is named."""
    model = speaker("grok-tts", backend="xai")
    reply = Reply(chunks=(b"abc", b"def"), content_type=kind, headers=HEADERS)
    answer, received = spoken(reply, make=grok, spec=model, format=format)
    assert received.path == "/v1/tts"
    assert received.json == {
        "text": "Hello there.",
        "voice_id": "eve",
        "language": "auto",
        "output_format": {"codec": format, "sample_rate": 24_000},
    }
    assert (answer.audio.data, answer.audio.content_type, answer.request_id) == (b"abcdef", kind, "req_test")
    assert answer.usage.characters == len("Hello there.")
    _, received = spoken(reply, make=grok, spec=model, format=format, voice="ara", speed=1.5)
    assert (received.json["voice_id"], received.json["speed"]) == ("ara", 1.5)


def test_an_encoding_that_xai_does_not_have_is_refused() -> None:
    """Before anything is sent, with those that it has."""
    with pytest.raises(errors.UnsupportedInputError, match="mp3, pcm, wav"):
        spoken(Reply(chunks=(b"a",)), make=grok, spec=speaker("grok-tts", backend="xai"), format="flac")


def test_speech_of_xai_comes_as_it_is_made() -> None:
    """In pieces, and then the whole."""

    async def use(backend: Any, server: Server) -> Any:
        request = SpeechRequest(spec=speaker("grok-tts", backend="xai"), text="Hello there.")
        return [piece async for piece in backend.stream_speech(request)], server.received[0].path

    reply = Reply(chunks=(b"abc", b"def"), content_type="audio/mpeg")
    (*pieces, answer), path = with_backend(use, reply, make=grok)
    assert (b"".join(pieces), answer.audio.data, path) == (b"abcdef", b"abcdef", "/v1/tts")
