"""Without a provider: nothing is imported, and nothing is done; one that is set later is heard from then on."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

_CALL = """
import asyncio, sys
from pipelex_core import AsyncClient
from pipelex_core.plugins import discover
from pipelex_middleware_opentelemetry import telemetry
from tests.support.scripted import Script, ScriptedBackend, deck_of, plugin, spec

plugins = discover(
    entry_points=(), extra=[plugin({"scripted": lambda config: ScriptedBackend(config, Script())}), telemetry]
)
client = AsyncClient(deck_of(spec("m")), plugins)

def call():
    assert asyncio.run(client.generate_text("Hi", model="m")).text
"""

_NOTHING = """
call()
print([name for name in sys.modules if name.startswith("opentelemetry")])
"""

_API_ALONE = """
import opentelemetry.trace, opentelemetry.metrics
call()
print(telemetry._recorder.has_listeners(), telemetry._recorder._calls)
"""

_LATER = """
call()
from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
exporter = InMemorySpanExporter()
provider = TracerProvider()
provider.add_span_processor(SimpleSpanProcessor(exporter))
trace.set_tracer_provider(provider)
call()
print([span.name for span in exporter.get_finished_spans()])
"""

_METRICS_LATER = """
import opentelemetry.metrics
call()
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
reader = InMemoryMetricReader()
opentelemetry.metrics.set_meter_provider(MeterProvider([reader]))
call()
metrics = reader.get_metrics_data().resource_metrics[0].scope_metrics[0].metrics
print(sum(point.count for metric in metrics for point in metric.data.data_points))
"""


@pytest.mark.parametrize(
    ("program", "printed"),
    [
        pytest.param(_NOTHING, "[]", id="nothing is imported"),
        pytest.param(_API_ALONE, "False {}", id="nothing is kept"),
        pytest.param(_LATER, "['chat id-of-m', 'generate_text m']", id="a tracer provider that is set later"),
        pytest.param(_METRICS_LATER, "3", id="a meter provider that is set later"),
    ],
)
def test_it_is_idle_until_somebody_listens(program: str, printed: str) -> None:
    """Each in a process of its own: providers are the process's."""
    done = subprocess.run([sys.executable, "-c", _CALL + program], capture_output=True, text=True, check=False)
    assert (done.stdout.strip(), done.stderr) == (printed, "")


def test_the_environment_can_name_a_provider() -> None:
    """`OTEL_PYTHON_TRACER_PROVIDER`, as OpenTelemetry's own launcher sets it."""
    program = _CALL + "\ncall()\nprint(telemetry._recorder.has_listeners())"
    done = subprocess.run(
        [sys.executable, "-c", program],
        env={**os.environ, "OTEL_PYTHON_TRACER_PROVIDER": "sdk_tracer_provider"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.stdout.strip(), done.stderr) == ("True", "")
