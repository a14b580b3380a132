"""Metrics: the conventions' instruments, and what is measured with them."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import HistogramDataPoint, InMemoryMetricReader

from pipelex_core import AsyncClient, BadRequestError
from pipelex_core.plugins import discover
from pipelex_core.results import TextAnswer
from pipelex_middleware_opentelemetry import Telemetry
from tests.plugins import opentelemetry_conventions as conventions
from tests.support.scripted import KEY, USAGE, Script, ScriptedBackend, deck_of, plugin, spec

DONE = TextAnswer(text="ab", finish_reason="stop", usage=USAGE, raw={"model": f"m-1 {KEY}"})


def measured(script: Script, *, streams: bool = False) -> dict[str, tuple[str, list[HistogramDataPoint]]]:
    """Instrument -> its unit and its points, after one call."""
    reader = InMemoryMetricReader()
    telemetry = Telemetry(meter_provider=MeterProvider([reader]))
    made = plugin({"scripted": lambda config: ScriptedBackend(config, script)})

    async def main() -> None:
        async with AsyncClient(deck_of(spec("m")), discover(entry_points=(), extra=[made, telemetry])) as client:
            if streams:
                async with client.stream_text("Hi", model="m") as stream:
                    assert [delta async for delta in stream] == ["a", "b", "c"]
            else:
                await client.generate_text("Hi", model="m")

    try:
        asyncio.run(main())
    except BadRequestError:
        assert not streams
    data: Any = reader.get_metrics_data()
    (scope,) = data.resource_metrics[0].scope_metrics
    return {metric.name: (metric.unit, list(metric.data.data_points)) for metric in scope.metrics}


@pytest.mark.parametrize("streams", [False, True])
def test_instruments_are_the_conventions(streams: bool) -> None:
    """Name, unit, buckets and attributes of each; those of chunks for streams alone."""
    found = measured(Script(answers=["a", "b", "c", DONE] if streams else [DONE]), streams=streams)
    assert set(found) == {name for name in conventions.METRICS if streams or "chunk" not in name}
    for name, (unit, points) in found.items():
        assert (unit, [list(point.explicit_bounds) for point in points]) == (
            conventions.METRICS[name][0],
            [conventions.METRICS[name][1]] * len(points),
        )
        for point in points:
            reported = dict(point.attributes or {})
            assert {"gen_ai.operation.name", "gen_ai.provider.name", "gen_ai.request.model"} <= set(reported)
            assert set(reported) <= conventions.METRIC_ATTRIBUTES | (
                {"gen_ai.token.type"} if "token" in name else {"error.type"}
            )
            assert (
                conventions.breaches({name: reported[name] for name in reported if name != "gen_ai.token.type"}) == []
            )
            assert KEY not in str(reported)


def test_tokens_are_counted_by_kind() -> None:
    """All input and all output, once each."""
    _, points = measured(Script(answers=[DONE]))["gen_ai.client.token.usage"]
    by_kind = {(point.attributes or {})["gen_ai.token.type"]: (point.count, point.sum) for point in points}
    assert by_kind == {"input": (1, 100), "output": (1, 10)}


def test_the_duration_of_a_failure_has_its_error() -> None:
    """And there are no tokens where none were told."""
    found = measured(Script(answers=[BadRequestError("no", status=400)]))
    assert set(found) == {"gen_ai.client.operation.duration"}
    ((point,),) = (points for _, points in found.values())
    assert (point.attributes or {})["error.type"] == "BadRequestError"


def test_chunks_are_timed() -> None:
    """The first from the request on, each other from the one before."""
    found = measured(Script(answers=[0.05, "a", "b", 0.05, "c", DONE]), streams=True)
    ((first,),) = (points for name, (_, points) in found.items() if name.endswith("first_chunk"))
    ((later,),) = (points for name, (_, points) in found.items() if name.endswith("per_output_chunk"))
    assert (first.count, later.count) == (1, 2)
    assert first.sum >= 0.04
    assert later.max >= 0.04
    assert later.min < later.max
