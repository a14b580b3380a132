"""OpenTelemetry and the cache together, around a real SDK, as they are found where they are installed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from pipelex_core import Client
from pipelex_core.plugins import discover
from pipelex_middleware_opentelemetry import Telemetry
from tests.docs.project import served_project

if TYPE_CHECKING:
    from pathlib import Path

    import pytest


def test_a_real_answer_is_traced_and_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """One request and one attempt's span for two calls, with what the server said; both calls have theirs."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PIPELEX_CACHE", str(tmp_path / "answers.sqlite"))
    exporter = InMemorySpanExporter()
    provider = TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    with served_project(tmp_path, "openai") as servers:
        plugins = discover(extra=[Telemetry(tracer_provider=provider)])
        with Client.from_project(plugins=plugins) as client:
            uses = [client.generate_text("Hi", model="gpt-4o-mini").attempts[0].cache for _ in range(2)]
        assert len(servers["openai"].received) == 1
        port = int(servers["openai"].url.rpartition(":")[2])
    assert uses == ["miss", "hit"]
    attempt, first, second = exporter.get_finished_spans()
    reported = dict(attempt.attributes or {})
    assert (attempt.name, reported["gen_ai.provider.name"]) == ("chat gpt-4o-mini", "openai")
    assert (reported["server.address"], reported["server.port"]) == ("127.0.0.1", port)
    assert (reported["gen_ai.response.id"], reported["gen_ai.response.model"]) == ("chatcmpl-1", "gpt-test")
    assert [(span.attributes or {})["pipelex.cache"] for span in (first, second)] == ["miss", "hit"]
