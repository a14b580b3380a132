"""Speech both ways, moderations and reranking: OpenAI's own client, and requests as Cohere's and Jina's clients send them."""

from __future__ import annotations

import base64
import json
import tempfile
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import httpx2
import openai
import pytest

from tests.servers.base import Reply
from tests.servers.openai_server import error
from tests.support.serving import MODELS, PROVIDER_KEY, Served, serving
from tests.support.sounds import wav

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.serve.providers import Providers

OPENAI = """
[ear-1]
model_id = "whisper-1"
model_type = "transcriber"
costs = { minute = 0.006 }
[voice-1]
model_id = "gpt-4o-mini-tts"
model_type = "speaker"
costs = { character = 0.00001 }
"""
LIMIT = 4 * 1024 * 1024


@pytest.fixture(scope="module")
def served(servers: Providers, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(MODELS, "openai", MODELS["openai"] + OPENAI)
        with serving(tmp_path_factory.mktemp("sound"), {"openai": f"{servers[0].url}/v1"}, body_bytes=LIMIT) as served:
            yield served


@pytest.fixture
def client(served: Served, providers: Providers) -> Iterator[openai.OpenAI]:
    with openai.OpenAI(base_url=f"{served.url}/v1", api_key="anything", max_retries=0) as client:
        yield client


def post(served: Served, path: str, body: Any, **headers: str) -> httpx2.Response:
    return httpx2.post(served.url + path, json=body, headers=headers, timeout=30)


# ── From speech to text ───────────────────────────────────────────────────────────────────────────────────────────────


def test_a_recording_is_transcribed(client: openai.OpenAI) -> None:
    """The model hears it under the client's name for it, and what it cost is in the header."""
    raw = client.audio.transcriptions.with_raw_response.create(model="ear", file=("talk.wav", wav()), language="en")
    assert raw.parse().text == "Mock answer to: talk.wav"
    assert raw.headers["x-pipelex-model"] == "ear"
    assert float(raw.headers["x-pipelex-cost"]) > 0
    assert json.loads(raw.text)["usage"]["type"] == "duration"


def test_the_provider_gets_the_recording_and_its_settings(client: openai.OpenAI, providers: Providers) -> None:
    """Byte for byte, with the language and the prompt."""
    sound = wav()
    client.audio.transcriptions.create(model="ear-1", file=("a.wav", sound), language="de", prompt="Pipelex")
    sent = providers[0].received[-1]
    assert sent.path.endswith("/audio/transcriptions")
    assert sound in sent.body
    assert b"Pipelex" in sent.body


def test_every_format_of_a_transcript(client: openai.OpenAI) -> None:
    """Text, times of segments and of words, subtitles, and speakers."""

    def made(**options: Any) -> Any:
        return client.audio.transcriptions.create(model="ear", file=("a.wav", wav()), **options)

    assert made(response_format="text") == "Mock answer to: a.wav\n"
    verbose = made(response_format="verbose_json")
    assert [segment.text for segment in verbose.segments] == ["Mock answer to: a.wav"]
    assert verbose.duration > 0
    words = made(response_format="verbose_json", timestamp_granularities=["word", "segment"])
    assert [word.word for word in words.words] == ["Mock", "answer", "to:", "a.wav"]
    cue = made(response_format="srt").split("\n")
    assert (cue[0], cue[1][:17], cue[2]) == ("1", "00:00:00,000 --> ", "Mock answer to: a.wav")
    assert made(response_format="vtt").startswith("WEBVTT\n\n00:00:00.000 --> ")
    assert [segment.speaker for segment in made(response_format="diarized_json").segments] == ["A"]
    events = list(made(stream=True))
    assert [event.type for event in events] == ["transcript.text.delta", "transcript.text.done"]
    assert events[-1].text == "Mock answer to: a.wav"


def test_what_is_not_used_is_named(client: openai.OpenAI) -> None:
    """No call gives the times of words and of segments, and no handle has a temperature for sound."""
    raw = client.audio.transcriptions.with_raw_response.create(
        model="ear",
        file=("a.wav", wav()),
        temperature=0.5,
        response_format="verbose_json",
        timestamp_granularities=["word", "segment"],
    )
    assert raw.headers["x-pipelex-ignored"] == "temperature,timestamp_granularities[segment]"


def test_a_long_recording_goes_over_the_disk_and_leaves_nothing(
    client: openai.OpenAI, providers: Providers, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is larger than a mebibyte is a file until the call has ended, well or badly."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    sound = wav() + bytes(2 * 1024 * 1024)
    assert client.audio.transcriptions.create(model="ear-1", file=("long.wav", sound)).text
    assert sound in providers[0].received[-1].body
    providers[0].queue(error(400, "no"))
    with pytest.raises(openai.BadRequestError):
        client.audio.transcriptions.create(model="ear-1", file=("long.wav", sound))
    assert list(tmp_path.iterdir()) == []


def test_forms_that_are_wrong(served: Served, client: openai.OpenAI) -> None:
    """Too large, no form, no file, no sound, and values that do not exist: each is refused before anything is paid."""
    with pytest.raises(openai.APIStatusError) as large:
        client.audio.transcriptions.create(model="ear", file=("a.wav", wav() + bytes(LIMIT)))
    assert large.value.status_code == 413
    with pytest.raises(openai.BadRequestError, match="not sound that is known"):
        client.audio.transcriptions.create(model="ear", file=("a.wav", b"text, not sound"))
    with pytest.raises(openai.BadRequestError, match="'file' is empty"):
        client.audio.transcriptions.create(model="ear", file=("a.wav", b""))
    odd: Any = "xml"
    with pytest.raises(openai.BadRequestError, match="response_format"):
        client.audio.transcriptions.create(model="ear", file=("a.wav", wav()), response_format=odd)
    with pytest.raises(openai.NotFoundError):
        client.audio.transcriptions.create(model="nothing", file=("a.wav", wav()))
    path = "/v1/audio/transcriptions"
    assert post(served, path, {"model": "ear", "file": "/etc/passwd"}).json()["error"]["code"] == "invalid_form"
    without = httpx2.post(served.url + path, files={"model": (None, "ear")}, timeout=30)
    assert without.json()["error"]["param"] == "file"
    path_as_text = httpx2.post(
        served.url + path, files={"model": (None, "ear"), "file": (None, "/etc/passwd")}, timeout=30
    )
    assert path_as_text.json()["error"]["code"] == "missing_required_parameter"
    for kind in (
        "multipart/form-data",
        "multipart/form-data; boundary=x",
        "multipart/form-data; boundary=" + "x" * 300,
    ):
        answer = httpx2.post(served.url + path, content=b"--y\r\nbroken", headers={"content-type": kind}, timeout=30)
        assert answer.status_code == 400, answer.text


# ── From text to speech ───────────────────────────────────────────────────────────────────────────────────────────────


def test_a_text_is_spoken(client: openai.OpenAI) -> None:
    """Whole or as it comes, with the type of the sound that it is."""
    whole = client.audio.speech.create(model="voice", voice="any", input="Three rivers meet here.")
    assert whole.response.headers["content-type"] == "audio/mpeg"
    with client.audio.speech.with_streaming_response.create(
        model="voice", voice="any", input="Three rivers meet here.", response_format="wav"
    ) as stream:
        assert stream.headers["content-type"] == "audio/wav"
        assert stream.read().startswith(b"RIFF")
    bare = client.audio.speech.create(model="voice", voice="any", input="Hi", response_format="pcm")
    assert bare.response.headers["content-type"] == "audio/pcm"


def test_the_provider_gets_the_voice(client: openai.OpenAI, providers: Providers) -> None:
    """An empty voice is the handle's own."""
    client.audio.speech.create(model="voice-1", voice="coral", input="Hi", speed=1.5, instructions="softly")
    sent = providers[0].received[-1].json
    assert (sent["voice"], sent["speed"], sent["instructions"], sent["input"]) == ("coral", 1.5, "softly", "Hi")


def test_speech_in_events(served: Served) -> None:
    """The pieces together are the sound, and the last event has the usage."""
    body = {"model": "voice", "input": "Three rivers meet here.", "voice": "any"}
    answer = post(served, "/v1/audio/speech", {**body, "stream_format": "sse"})
    events = [json.loads(line[6:]) for line in answer.text.split("\n") if line.startswith("data: {")]
    assert [event["type"] for event in events] == ["speech.audio.delta", "speech.audio.delta", "speech.audio.done"]
    sound = b"".join(base64.b64decode(event["audio"]) for event in events[:-1])
    assert sound == post(served, "/v1/audio/speech", body).content
    assert events[-1]["usage"]["cost"] > 0


def test_speech_that_breaks_off_is_not_taken_for_whole(served: Served, providers: Providers) -> None:
    """The answer ends without its last chunk; before the first bytes, an error is a status."""
    providers[0].queue(Reply(chunks=(wav(), wav()), content_type="audio/wav", cut_after=1, chunked=True))
    body = {"model": "voice-1", "input": "Hi", "voice": "coral"}
    with pytest.raises(httpx2.RemoteProtocolError):
        post(served, "/v1/audio/speech", body)
    providers[0].queue(error(500, "broken"))
    assert post(served, "/v1/audio/speech", body).status_code == 502
    for wrong in ({"input": ""}, {"voice": 3}, {"response_format": "xyz"}, {"stream_format": "x"}, {"speed": 9}):
        assert post(served, "/v1/audio/speech", {**body, **wrong}).status_code == 400, wrong


# ── Judgements ────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_texts_are_moderated(client: openai.OpenAI) -> None:
    """A verdict for each; without a model by the deck's default."""
    answer = client.moderations.create(model="guard", input=["Three rivers.", "Two more."])
    assert [each.flagged for each in answer.results] == [False, False]
    assert answer.results[0].categories.violence is False
    assert answer.results[0].category_scores.violence == 0
    assert client.moderations.create(input="x").model == "guard"
    one: Any = [{"type": "text", "text": "Three rivers."}]
    assert len(client.moderations.create(model="guard", input=one).results) == 1
    image: Any = [{"type": "image_url", "image_url": {"url": "https://example.com/a.png"}}]
    with pytest.raises(openai.BadRequestError, match="images are not moderated"):
        client.moderations.create(model="guard", input=image)
    with pytest.raises(openai.BadRequestError):
        client.moderations.create(model="guard", input=["fine", ""])


@pytest.mark.parametrize("path", ["/v1/rerank", "/v2/rerank", "/rerank"])
def test_documents_are_ranked(served: Served, path: str) -> None:
    """In the form of Cohere and of Jina, whose older one has documents in objects."""
    documents: list[Any] = ["Paris is a city.", {"text": "the longest river"}]
    body = {"model": "ranker", "query": "the longest river", "documents": documents}
    answer = post(served, path, {**body, "top_n": 1, "return_documents": True})
    whole = answer.json()
    assert whole["results"] == [{"index": 1, "relevance_score": 1.0, "document": {"text": "the longest river"}}]
    assert whole["meta"]["billed_units"]["search_units"] == 1
    assert whole["usage"]["total_tokens"] > 0
    assert float(answer.headers["x-pipelex-cost"]) == pytest.approx(0.002)
    assert [set(each) for each in post(served, path, body).json()["results"]] == [{"index", "relevance_score"}] * 2
    refused: list[dict[str, Any]] = [
        {"documents": []},
        {"documents": [3]},
        {"query": ""},
        {"top_n": 0},
        {"model": "nothing"},
    ]
    for wrong in refused:
        assert post(served, path, {**body, **wrong}).status_code in {400, 404}, wrong


# ── Keys ──────────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_keys_and_budgets_hold_for_all_of_them(tmp_path: Path) -> None:
    """A handle that a key may not call, a budget that does not reach, and the spend of what was answered."""
    calls: dict[str, Any] = {
        "ear": ("/v1/audio/transcriptions", {"files": {"model": (None, "ear"), "file": ("a.wav", wav(seconds=1.0))}}),
        "voice": ("/v1/audio/speech", {"json": {"model": "voice", "input": "Three rivers.", "voice": "any"}}),
        "ranker": ("/v1/rerank", {"json": {"model": "ranker", "query": "a", "documents": ["a"]}}),
        "guard": ("/v1/moderations", {"json": {"input": "x"}}),
    }
    with serving(tmp_path) as served:
        for name, limits in (
            ("other", {"handles": "m"}),
            ("poor", {"day_budget": Decimal("0.0000001")}),
            ("rich", {"day_budget": Decimal(5)}),
        ):
            key = served.key(name, **limits)
            expected = {"other": 403, "poor": 429, "rich": 200}[name]
            for path, request in calls.values():
                got = httpx2.post(served.url + path, headers={"authorization": f"Bearer {key}"}, timeout=30, **request)
                assert got.status_code == expected, f"{name} {path}: {got.text[:300]}"
                assert PROVIDER_KEY not in got.text
        for path, request in calls.values():
            assert httpx2.post(served.url + path, timeout=30, **request).status_code == 401
        served.run(served.gateway.accounts.flush())
        uses = served.run(served.gateway.accounts.store.uses("2000-01-01"))
        assert {use.handle for use in uses if use.key == "rich" and use.nano > 0} == set(calls)
