"""Voxtral, speech and moderation at Mistral: what is sent, and what comes of the answers."""

from __future__ import annotations

import asyncio
from base64 import b64encode
from typing import TYPE_CHECKING, Any

import pytest
from mistralai.client import Mistral

from pipelex_backend_mistral import pipelex_backends
from pipelex_backend_mistral._sound import speech_body
from pipelex_core import errors
from pipelex_core.execution.resources import LoopResources
from pipelex_core.judging import ModerationRequest
from pipelex_core.results import Usage
from pipelex_core.sound import Segment, SpeechRequest, TranscriptRequest
from pipelex_core.specs import BackendConfig, ModelSpec, Secret
from pipelex_operations.audio import read_recording
from pipelex_testing.replies import FormFile
from pipelex_testing.rulebook import Rulebook
from tests.servers.base import Reply, Server, in_thread
from tests.support.sounds import wav

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from pathlib import Path

KEY = "mistral-secret-0123456789"
HEADERS = {"mistral-correlation-id": "cor_1"}
HEARD = {
    "model": "voxtral-mini-transcribe-3",
    "text": "Hello there. General.",
    "language": "en",
    "segments": [
        {"type": "transcription_segment", "text": " Hello there.", "start": 0.0, "end": 1.5, "speaker_id": "speaker_1"},
        {"type": "transcription_segment", "text": " General.", "start": 1.5, "end": 2.5, "speaker_id": None},
    ],
    "usage": {"prompt_audio_seconds": 3, "prompt_tokens": 4, "total_tokens": 90, "completion_tokens": 20},
}
USAGE = {"prompt_tokens": 7, "completion_tokens": 30, "total_tokens": 37}


def spec(model_type: str, **fields: Any) -> ModelSpec:
    """A model of Mistral."""
    return ModelSpec(
        **{
            "name": "m",
            "backend": "mistral",
            "sdk": "mistral",
            "model_id": "voxtral",
            "model_type": model_type,
            **fields,
        }
    )


def with_backend(use: Callable[[Any, Server], Awaitable[Any]], *replies: Reply) -> Any:
    """What `use` makes of an open backend and its server."""

    async def main() -> Any:
        async with Server(Rulebook(provider="mistral")) as server:
            server.queue(*replies)
            resources = LoopResources()
            config = BackendConfig(name="mistral", endpoint=server.url, api_key=Secret(KEY))
            backend: Any = pipelex_backends()["mistral"](config)
            try:
                await backend.open(resources)
                return await use(backend, server)
            finally:
                await backend.close()
                await resources.close()

    return asyncio.run(main())


def heard(reply: Reply, source: Any = None, **fields: Any) -> tuple[Any, Any]:
    """The answer to a recording, and the request it became."""

    async def use(backend: Any, server: Server) -> Any:
        audio = read_recording(wav(2.5) if source is None else source)
        request = TranscriptRequest(spec=spec("transcriber"), audio=audio, **fields)
        return await backend.transcribe(request), server.received[0]

    answer, received = with_backend(use, reply)
    return answer, received


def test_a_recording_is_sent_as_a_form(tmp_path: Path) -> None:
    """A file under its name; text alone is asked for; seconds are those that are billed."""
    (tmp_path / "talk.wav").write_bytes(wav(2.5))
    answer, received = heard(Reply.json(HEARD, headers=HEADERS), tmp_path / "talk.wav")
    assert received.path == "/v1/audio/transcriptions"
    assert received.form == {"model": "voxtral", "file": FormFile("talk.wav", "audio/wav", wav(2.5))}
    assert received.headers["authorization"] == f"Bearer {KEY}"
    assert int(received.headers["content-length"]) == len(received.body)
    assert (answer.text, answer.segments, answer.language) == ("Hello there. General.", (), "en")
    assert (answer.duration_s, answer.request_id) == (2.5, "cor_1")
    assert answer.usage == Usage(input_tokens=4, output_tokens=20, seconds=3.0)


def test_lists_have_no_brackets_and_the_sdk_writes_the_same() -> None:
    """`timestamp_granularities`, and a word of the prompt as a `context_bias` each; what the SDK's own method sends."""
    _, received = heard(Reply.json(HEARD), timestamps="segment", speakers=True, prompt="Nile, Amazon")

    async def typed(url: str) -> None:
        async with Mistral(api_key=KEY, server_url=url) as client:
            await client.audio.transcriptions.complete_async(
                model="voxtral",
                file={"file_name": "recording.wav", "content": wav(2.5), "content_type": "audio/wav"},
                diarize=True,
                context_bias=["Nile", "Amazon"],
                timestamp_granularities=["segment"],
            )

    with in_thread(Server(Rulebook(provider="mistral"))) as server:
        server.queue(Reply.json(HEARD))
        asyncio.run(typed(server.url))
    assert received.form == {name: value for name, value in server.received[0].form.items() if name != "stream"}
    assert received.form["timestamp_granularities"] == "segment"


@pytest.mark.parametrize(
    "settings", [{"timestamps": "word"}, {"speakers": True}, {"prompt": "a " * 101, "language": None}]
)
def test_what_mistral_refuses_is_not_sent(settings: dict[str, Any]) -> None:
    """A language beside timestamps, which speakers need too, and a prompt of more than a hundred words."""
    with pytest.raises(errors.UnsupportedInputError, match="Mistral takes a"):
        heard(Reply.json(HEARD), **{"language": "en", **settings})


def test_segments_come_with_times_and_speakers() -> None:
    """As Mistral numbers them; where speakers are asked for, segments are asked for with them."""
    answer, received = heard(Reply.json(HEARD), speakers=True)
    assert (received.form["timestamp_granularities"], received.form["diarize"]) == ("segment", "true")
    assert answer.segments == (
        Segment(start=0.0, end=1.5, text="Hello there.", speaker="speaker_1"),
        Segment(start=1.5, end=2.5, text="General."),
    )


def test_what_is_at_a_url_is_left_to_mistral() -> None:
    """In the same form, without a file."""
    answer, received = heard(Reply.json(HEARD), "https://example.com/talk.mp3")
    assert received.form == {"model": "voxtral", "file_url": "https://example.com/talk.mp3"}
    assert answer.duration_s == 3.0


@pytest.mark.parametrize(
    "body", [{"text": None}, {"id": 1}, [], {**HEARD, "segments": [{"text": "x"}]}, {**HEARD, "segments": ["x"]}]
)
def test_an_answer_that_is_not_a_transcript_is_an_error(body: Any) -> None:
    """Whatever it is instead."""
    with pytest.raises(errors.InvalidAnswerError):
        heard(Reply.json(body), timestamps="segment")


def test_a_text_is_spoken() -> None:
    """A voice only where one is named or the spec has some; sound comes in base64."""

    async def use(backend: Any, server: Server) -> Any:
        bare = await backend.speak(SpeechRequest(spec=spec("speaker"), text="Hello."))
        named = spec("speaker", options={"voices": ["gb_jane_neutral"]})
        wanted = await backend.speak(SpeechRequest(spec=named, text="Hello.", format="wav"))
        return bare, wanted, server.received

    body = {"audio_data": b64encode(wav()).decode()}
    bare, wanted, received = with_backend(use, Reply.json(body, headers=HEADERS), Reply.json({**body, "usage": USAGE}))
    assert received[0].path == "/v1/audio/speech"
    assert received[0].json == {"model": "voxtral", "input": "Hello.", "response_format": "mp3", "stream": False}
    assert (received[1].json["voice_id"], received[1].json["response_format"]) == ("gb_jane_neutral", "wav")
    assert (bare.audio.data, bare.audio.content_type, bare.request_id) == (wav(), "audio/mpeg", "cor_1")
    assert (bare.usage, wanted.audio.sample_rate) == (Usage(characters=6), 16_000)
    assert wanted.usage == Usage(input_tokens=7, output_tokens=30, characters=6)


def test_speech_streams_in_events() -> None:
    """Pieces, then the answer with all of them and what they used; a stream without its last event broke off."""

    async def use(backend: Any, _: Server) -> Any:
        return [event async for event in backend.stream_speech(SpeechRequest(spec=spec("speaker"), text="Hello."))]

    pieces = [
        ("speech.audio.delta", {"type": "speech.audio.delta", "audio_data": b64encode(part).decode()})
        for part in (b"ab", b"cd")
    ]
    done = ("speech.audio.done", {"type": "speech.audio.done", "usage": USAGE})
    *sound, answer = with_backend(use, Reply.sse(*pieces, done, headers=HEADERS))
    assert (sound, answer.audio.data, answer.usage.output_tokens) == ([b"ab", b"cd"], b"abcd", 30)
    with pytest.raises(errors.ProviderConnectionError, match="before the speech did"):
        with_backend(use, Reply.sse(*pieces))
    with pytest.raises(errors.InvalidAnswerError):
        with_backend(use, Reply.sse(("x", {"type": "speech.audio.delta", "audio_data": "@"})))
    with pytest.raises(errors.RateLimitError):
        with_backend(use, Reply.json({"message": "slow down"}, status=429))


@pytest.mark.parametrize("body", [{}, {"audio_data": ""}, {"audio_data": "@@"}, []])
def test_an_answer_without_sound_is_an_error(body: Any) -> None:
    """Also one that is not valid base64."""

    async def use(backend: Any, _: Server) -> Any:
        return await backend.speak(SpeechRequest(spec=spec("speaker"), text="Hello."))

    with pytest.raises(errors.InvalidAnswerError):
        with_backend(use, Reply.json(body))


def test_a_format_that_mistral_does_not_have_is_refused_unsent() -> None:
    """It knows no AAC."""

    async def use(backend: Any, server: Server) -> Any:
        with pytest.raises(errors.UnsupportedInputError, match="not as aac"):
            await backend.speak(SpeechRequest(spec=spec("speaker"), text="Hello.", format="aac"))
        return server.received

    assert with_backend(use) == []


@pytest.mark.parametrize("wanted", [{"speed": 1.5}, {"instructions": "sadly"}], ids=["speed", "instructions"])
def test_what_mistrals_voices_have_not_is_refused(wanted: Any) -> None:
    """It would pass it over."""
    with pytest.raises(errors.UnsupportedInputError, match=f"no {next(iter(wanted))}"):
        speech_body(SpeechRequest(spec=spec("speaker"), text="Hello.", **wanted))


def test_texts_are_moderated() -> None:
    """Flagged is what falls into any category."""
    results = [
        {"categories": {"violence": True, "pii": False}, "category_scores": {"violence": 0.9, "pii": 0}},
        {"categories": {"violence": False, "pii": False}, "category_scores": {"violence": 0.1, "pii": 0}},
    ]

    async def use(backend: Any, server: Server) -> Any:
        request = ModerationRequest(spec=spec("moderator", model_id="mistral-moderation-2603"), inputs=("a", "b"))
        return await backend.moderate(request), server.received[0]

    body = {"id": "m", "model": "x", "results": results, "usage": {"prompt_tokens": 9}}
    answer, received = with_backend(use, Reply.json(body, headers=HEADERS))
    assert (received.path, received.json) == (
        "/v1/moderations",
        {"model": "mistral-moderation-2603", "input": ["a", "b"]},
    )
    assert [verdict.flagged for verdict in answer.verdicts] == [True, False]
    assert (answer.verdicts[0].scores["violence"], answer.usage) == (0.9, Usage(input_tokens=9, output_tokens=0))
    wrong: tuple[dict[str, Any], ...] = ({"results": results[:1]}, {"results": [{}, {}]}, {"id": 1})
    for bad in wrong:
        with pytest.raises(errors.InvalidAnswerError):
            with_backend(use, Reply.json(bad))
