"""What stands around calls of speech and judgements: the cache, traces, and cassettes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

import pipelex_backend_mock
import pipelex_testing.plugin
from pipelex_core import Client
from pipelex_core.deck import ModelDeck
from pipelex_core.plugins import discover
from pipelex_core.routing import ModelEntry, RouteMatch
from pipelex_core.specs import BackendConfig, ModelSpec
from pipelex_middleware_cache import Cache
from pipelex_middleware_opentelemetry import Telemetry
from tests.support.sounds import wav

if TYPE_CHECKING:
    from pathlib import Path

TYPES = {"ear": "transcriber", "mouth": "speaker", "judge": "reranker", "guard": "moderator"}
CALLS: dict[str, Any] = {
    "transcribe": lambda client, path: client.transcribe(path, model="ear", timestamps="word"),
    "speak": lambda client, _: client.speak("Hello there.", model="mouth", format="wav"),
    "stream_speech": lambda client, _: _streamed(client),
    "rerank": lambda client, _: client.rerank("a river", ["a city", "a river"], model="judge"),
    "moderate": lambda client, _: client.moderate(["Hello.", "Bye."], model="guard"),
}


def _streamed(client: Client) -> Any:
    with client.stream_speech("Hello there.", model="mouth", format="wav") as stream:
        sound = b"".join(stream)
    assert sound == stream.result.audio.data
    return stream.result


def client_with(*more: Any) -> Client:
    """A client of mocks, with these plugins around them."""
    models = {
        name: ModelEntry(
            name=name,
            spec=ModelSpec(name=name, backend="fake", sdk="mock", model_id=name, model_type=kind),
            available=True,
            reason=None,
            route=RouteMatch(rule="exact", backend="fake"),
        )
        for name, kind in TYPES.items()
    }
    plugins = discover(entry_points=(), extra=[pipelex_backend_mock, *more])
    return Client(ModelDeck(models=models, backends={"fake": BackendConfig(name="fake")}), plugins)


@pytest.fixture
def talk(tmp_path: Path) -> Path:
    """A recording."""
    path = tmp_path / "talk.wav"
    path.write_bytes(wav(2))
    return path


@pytest.mark.parametrize("name", CALLS)
def test_a_second_call_comes_out_of_the_cache(name: str, talk: Path, tmp_path: Path) -> None:
    """The same answer; of the same sound at another place too, and not of other sound at the same place."""
    cache = Cache(tmp_path / "cache.sqlite")
    with client_with(cache) as client:
        first, second = CALLS[name](client, talk), CALLS[name](client, talk)
        moved = talk.with_name("moved.wav")
        talk.rename(moved)
        moved.rename(talk)
        talk.with_name("talk").mkdir()
        elsewhere = talk.with_name("talk") / "talk.wav"
        elsewhere.write_bytes(talk.read_bytes())
        third = CALLS[name](client, elsewhere)
        talk.write_bytes(wav(3))
        fourth = CALLS[name](client, talk)
    cache.close()
    uses = [result.attempts[0].cache for result in (first, second, third, fourth)]
    assert uses == ["miss", "hit", "hit", "miss" if name == "transcribe" else "hit"]
    own = {
        "transcribe": "text",
        "speak": "audio",
        "stream_speech": "audio",
        "rerank": "ranking",
        "moderate": "verdicts",
    }
    assert getattr(second, own[name]) == getattr(first, own[name])


@pytest.mark.parametrize("name", CALLS)
def test_a_call_is_recorded_and_replayed(
    name: str, talk: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The cassette has the sound's hash and not its place; a replay gives the same."""
    folder = tmp_path / "cassettes"
    monkeypatch.setenv("PIPELEX_RECORD", str(folder))
    with client_with(pipelex_testing.plugin) as client:
        first = CALLS[name](client, talk)
    monkeypatch.delenv("PIPELEX_RECORD")
    written = "".join(file.read_text() for file in folder.rglob("*") if file.is_file())
    assert written
    assert str(talk) not in written
    monkeypatch.setenv("PIPELEX_REPLAY", str(folder))
    with client_with(pipelex_testing.plugin) as client:
        second = CALLS[name](client, talk)
    assert (second.usage, second.model) == (first.usage, first.model)
    plain = {key: value for key, value in first.to_dict().items() if key != "attempts"}
    assert {key: value for key, value in second.to_dict().items() if key != "attempts"} == plain


@pytest.mark.parametrize("name", CALLS)
def test_a_span_says_what_was_asked(name: str, talk: Path) -> None:
    """The operation's name and the kind of output, by the conventions; a stream is marked as one."""
    exporter = InMemorySpanExporter()
    provider = TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    with client_with(Telemetry(tracer_provider=provider)) as client:
        CALLS[name](client, talk)
    (span,) = (span for span in exporter.get_finished_spans() if "pipelex.attempt" in (span.attributes or {}))
    attributes = dict(span.attributes or {})
    capability = "speak" if name == "stream_speech" else name
    kinds = {"transcribe": "text", "speak": "speech", "rerank": "json", "moderate": "json"}
    assert attributes["gen_ai.operation.name"] == capability
    assert attributes["gen_ai.output.type"] == kinds[capability]
    assert attributes.get("gen_ai.request.stream", False) == (name == "stream_speech")
