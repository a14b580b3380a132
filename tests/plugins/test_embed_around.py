"""Embeddings through everything that stands around a call: the cache, telemetry, recording, the mock, and the command line."""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING, Any

import pytest

import pipelex_backend_mock
import pipelex_testing.plugin
from pipelex_cli.app import run as run_cli
from pipelex_core import AsyncClient, EmbeddingResult, errors
from pipelex_core.plugins import discover
from tests.plugins import opentelemetry_conventions as conventions
from tests.plugins.cache_calls import cache_in, plugins_of
from tests.plugins.opentelemetry_traces import Traces, stated
from tests.support.projects import write_files
from tests.support.scripted import VECTORS, Script, deck_of, spec

if TYPE_CHECKING:
    from pathlib import Path

TEXTS = [f"text {number}" for number in range(7)]  # three requests: the model takes three texts in each


def embed(plugins: Any, *, model: Any = VECTORS, texts: list[str] = TEXTS, **arguments: Any) -> EmbeddingResult:
    """One call."""

    async def main() -> EmbeddingResult:
        async with AsyncClient(deck_of(model), plugins) as client:
            return await client.embed(texts, model=model.name, **arguments)

    return asyncio.run(main())


def test_a_cache_keeps_the_vectors_of_each_request(tmp_path: Path) -> None:
    """A second call sends nothing, and costs nothing; other dimensions, another purpose or other texts are another request."""
    script = Script()
    with cache_in(tmp_path) as cache:
        plugins = plugins_of(script, cache)
        first, second = embed(plugins), embed(plugins)
        assert len(script.requests) == 3
        assert second.vectors == first.vectors
        assert [attempt.cache for attempt in second.attempts] == ["hit"] * 3
        assert second.cost is not None
        assert second.cost.amount == 0
        embed(plugins, dimensions=4)
        embed(plugins, purpose="query")
        assert len(script.requests) == 9


def test_after_a_failure_the_cache_has_what_was_paid(tmp_path: Path) -> None:
    """So that a retry without `resume` pays for what is missing alone."""
    script = Script(answers=["a", errors.BadRequestError("no", status=400), "b"])
    with cache_in(tmp_path) as cache:
        plugins = plugins_of(script, cache)
        with pytest.raises(errors.BadRequestError):
            embed(plugins)
        paid = len(script.requests) - 1
        script.requests.clear()
        embed(plugins)
    assert len(script.requests) == 3 - paid


def test_spans_of_embeddings_keep_to_the_conventions() -> None:
    """A span a request, named `embeddings`, with the dimensions and the input tokens, and no output tokens."""
    traces = Traces()
    embed(traces.plugins(Script()))
    attempts = traces.attempts()
    assert [span.name for span in attempts] == ["embeddings id-of-vectors"] * 3
    for span in attempts:
        attributes = stated(span)
        assert conventions.breaches(attributes) == []
        assert attributes["gen_ai.operation.name"] == "embeddings"
        assert attributes["gen_ai.embeddings.dimension.count"] == 8
        assert attributes["gen_ai.usage.input_tokens"] > 0
        assert "gen_ai.usage.output_tokens" not in attributes
    (call,) = traces.calls()
    assert (stated(call)["pipelex.operation"], stated(call)["pipelex.attempts"]) == ("embed", 3)


def test_recorded_vectors_replay_exactly(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Bit for bit, from the cassette."""
    model = spec("vectors", sdk="mock", model_type="embedding", dimensions=16, max_inputs=3)
    plugins = discover(entry_points=(), extra=[pipelex_backend_mock, pipelex_testing.plugin])
    monkeypatch.setenv("PIPELEX_RECORD", str(tmp_path))
    first = embed(plugins, model=model)
    monkeypatch.delenv("PIPELEX_RECORD")
    monkeypatch.setenv("PIPELEX_REPLAY", str(tmp_path))
    assert embed(plugins, model=model).vectors == first.vectors
    with pytest.raises(errors.CallError):
        embed(plugins, model=model, texts=["never asked"])


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project whose default for embeddings is a mock."""
    inference = tmp_path / ".pipelex" / "inference"
    files = {
        "backends.toml": '[b]\nsdk = "mock"\n',
        "backends/b.toml": '[m]\nmodel_type = "embedding"\ndimensions = 16\nmax_inputs = 3\ncosts = { input = 1 }\n',
        "routing_profiles.toml": 'active = "p"\n[profiles.p]\ndefault = "b"\n',
        "deck/d.toml": '[embed.presets]\ne = { model = "m" }\n[embed]\nchoice_default = "e"\n',
    }
    write_files(inference, files)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_the_command_writes_vectors_as_json(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A row a line; the numbers are those of float32, and what every result says is there too."""
    (project / "texts.txt").write_text("the sea\n\nnaïve ☃\n")
    assert run_cli(["embed", "a river", "--file", "texts.txt", "--purpose", "query", "--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    model = spec("m", sdk="mock", model_type="embedding", dimensions=16)
    direct = embed(discover(), model=model, texts=["a river", "the sea", "naïve ☃"])
    assert document["vectors"] == [[float(f"{number:.9g}") for number in row] for row in direct.vectors]
    assert type(direct.vectors).of(document["vectors"]) == direct.vectors
    expected = {"dimensions": 16, "normalised": True, "purpose": "query", "model": "m", "backend": "b"}
    assert {name: document[name] for name in expected} == expected
    assert len(document["attempts"]) == 1


def test_the_command_shows_a_line_a_text(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Four numbers and the text's beginning, and last what they are."""
    assert run_cli(["embed", "a river", "long " * 30]) == 0
    first, second, last = capsys.readouterr().out.splitlines()
    assert first.endswith("…  a river")
    assert len(second) < 90
    assert last == "2 vectors of 16 dimensions from m at b"
    assert project.exists()


@pytest.mark.parametrize(
    ("tokens", "code", "words"),
    [
        (["embed"], 2, "needs a text"),
        (["embed", ""], 1, "inputs[0] is empty"),
        (["embed", "a", "--dimensions", "7"], 1, "16 dimensions only, not 7"),
        (["embed", "a", "--purpose", "both"], 2, "both"),
        (["embed", "a", "--file", "none.txt"], 1, "none.txt"),
    ],
)
def test_the_command_says_what_is_wrong(
    project: Path, capsys: pytest.CaptureFixture[str], tokens: list[str], code: int, words: str
) -> None:
    """With the exit code of wrong usage, or of a call that failed."""
    assert run_cli(tokens) == code
    assert words in capsys.readouterr().err
    assert project.exists()


def test_a_dry_run_and_explain_know_embeddings(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The preset and the default are tried; the section is explained with its price."""
    assert run_cli(["validate", "--dry-run"]) == 0
    assert "2 calls" in "".join(capsys.readouterr())
    assert run_cli(["explain", "e", "--prompt", "a river"]) == 0
    explained = capsys.readouterr().out
    assert "embeddings" in explained
    assert "input 1 US$" in explained
    assert project.exists()
