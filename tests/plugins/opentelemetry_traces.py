"""Telemetry with a real provider, and what it exported."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from pipelex_core import AsyncClient
from pipelex_core.plugins import Plugins, discover
from pipelex_core.results import TextAnswer
from pipelex_middleware_opentelemetry import Telemetry
from tests.support.scripted import USAGE, Script, ScriptedBackend, deck_of, plugin, spec

if TYPE_CHECKING:
    from opentelemetry.sdk.trace import ReadableSpan

DONE = TextAnswer(text="Rhine, Seine", finish_reason="stop", usage=USAGE)


class Traces:
    """A real provider, and what it exported."""

    def __init__(self, **options: Any) -> None:
        self.exporter = InMemorySpanExporter()
        self.provider = TracerProvider()
        self.provider.add_span_processor(SimpleSpanProcessor(self.exporter))
        self.telemetry = Telemetry(tracer_provider=self.provider, **options)
        self.tracer = self.provider.get_tracer("test")

    def plugins(
        self, *scripts: Script, kind: type[ScriptedBackend] = ScriptedBackend, before: Any = (), after: Any = ()
    ) -> Plugins:
        """Plugins whose sdks are `scripted`, `scripted1` …, and the telemetry, after whatever else is given."""

        def maker(script: Script) -> Any:
            return lambda config: kind(config, script)

        sdks = {f"scripted{number or ''}": maker(script) for number, script in enumerate(scripts or (Script(),))}
        return discover(entry_points=(), extra=[plugin(sdks), *before, self.telemetry, *after])

    @property
    def spans(self) -> list[ReadableSpan]:
        """Every span that ended, in that order."""
        return list(self.exporter.get_finished_spans())

    def calls(self) -> list[ReadableSpan]:
        """The spans around calls."""
        return [span for span in self.spans if "pipelex.operation" in stated(span)]

    def attempts(self) -> list[ReadableSpan]:
        """The spans of attempts."""
        return [span for span in self.spans if "pipelex.attempt" in stated(span)]


def stated(span: ReadableSpan) -> dict[str, Any]:
    return dict(span.attributes or {})


def parent_of(span: ReadableSpan) -> int | None:
    return None if span.parent is None else span.parent.span_id


def number_of(span: ReadableSpan) -> int:
    assert span.context is not None
    return int(span.context.span_id)


def ask(traces: Traces, plugins: Plugins, *specs: Any, **arguments: Any) -> Any:
    """One call for a text."""

    async def main() -> Any:
        async with AsyncClient(deck_of(*specs or (spec("m"),), aliases={"chain": ["m", "other"]}), plugins) as client:
            return await client.generate_text("Name two rivers.", **{"model": "m"} | arguments)

    return asyncio.run(main())
