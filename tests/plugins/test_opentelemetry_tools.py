"""Spans of the tools that a run runs, by the conventions for generative AI: https://github.com/open-telemetry/semantic-conventions."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest
from opentelemetry.trace import SpanKind, StatusCode

from pipelex_core import AsyncClient, DeadlineExceededError
from pipelex_core.hookspecs import hookimpl
from pipelex_core.parts import ToolCall
from pipelex_core.results import TextAnswer
from tests.plugins.opentelemetry_traces import DONE, Traces, number_of, parent_of, stated
from tests.support.scripted import KEY, Script, deck_of, spec

if TYPE_CHECKING:
    from opentelemetry.sdk.trace import ReadableSpan


def add(a: int, b: int) -> int:
    """Add two numbers."""
    return a + b


def fails(secret: str) -> None:
    """Never works."""
    raise ValueError(f"no such {secret}")


async def hangs() -> None:
    """Never ends."""
    await asyncio.sleep(60)


def asks(*calls: tuple[str, dict[str, Any]]) -> TextAnswer:
    made = tuple(ToolCall(id=f"call_{n}", name=name, arguments=provided) for n, (name, provided) in enumerate(calls))
    return TextAnswer(text="", finish_reason="tool_calls", tool_calls=made)


def ran(traces: Traces, *answers: Any, before: Any = (), **options: Any) -> list[ReadableSpan]:
    """The spans of the tools of a run inside a span of the caller's."""

    async def main() -> None:
        async with AsyncClient(
            deck_of(spec("m")), traces.plugins(Script(answers=list(answers)), before=before)
        ) as client:
            with traces.tracer.start_as_current_span("mine"):
                await client.run("1+2?", tools=[add, fails, hangs], model="m", **options)

    asyncio.run(main())
    return [span for span in traces.spans if span.name.startswith("execute_tool")]


def test_each_tool_has_a_span_by_the_conventions() -> None:
    """A child of the span that is current where the run is made, with the tool's name, its call's id and its description."""
    traces = Traces()
    first, second = ran(traces, asks(("add", {"a": 1, "b": 2}), ("add", {"a": 3, "b": 4})), DONE)
    assert (first.name, first.kind, first.status.status_code) == (
        "execute_tool add",
        SpanKind.INTERNAL,
        StatusCode.UNSET,
    )
    assert stated(first) == {
        "gen_ai.operation.name": "execute_tool",
        "gen_ai.tool.name": "add",
        "gen_ai.tool.call.id": "call_0",
        "gen_ai.tool.type": "function",
        "gen_ai.tool.description": "Add two numbers.",
    }
    assert stated(second)["gen_ai.tool.call.id"] == "call_1"
    (mine,) = (span for span in traces.spans if span.name == "mine")
    assert parent_of(first) == parent_of(second) == number_of(mine)


def test_a_tool_that_fails_ends_its_span_with_the_error_and_without_its_words() -> None:
    """They may hold what nobody should read; nor are arguments and results in it. A tool that nobody has is not run."""
    traces = Traces()
    (span,) = ran(traces, asks(("fails", {"secret": KEY}), ("subtract", {})), DONE)
    assert (span.name, span.status.status_code) == ("execute_tool fails", StatusCode.ERROR)
    assert stated(span)["error.type"] == "ToolFailedError"
    assert KEY not in str(stated(span)) + str(span.status.description) + str(span.events)


def test_a_tool_that_is_given_up_ends_its_span() -> None:
    """By its own time, and by that of the run."""
    traces = Traces()
    (span,) = ran(traces, asks(("hangs", {})), DONE, tool_timeout=0.05)
    assert stated(span)["error.type"] == "ToolFailedError"
    with pytest.raises(DeadlineExceededError):
        ran(traces, asks(("hangs", {})), DONE, deadline=0.3)
    assert stated(traces.spans[-2])["error.type"] == "CancelledError"


def test_plugins_wrap_tools_in_their_order() -> None:
    """Of two, the first is the outermost; each may change what the model reads."""
    seen: list[str] = []

    def wrapping(name: str) -> Any:
        async def around(call: ToolCall, tool: Any, proceed: Any) -> Any:
            seen.append(f"{name} {call.name} {tool.name}")
            return await proceed() + 10

        return around

    class Wraps:
        @hookimpl
        def pipelex_tool_middleware(self) -> Any:
            return [wrapping("outer"), wrapping("inner")]

    ran(Traces(), asks(("add", {"a": 1, "b": 2})), DONE, before=[Wraps()])
    assert seen == ["outer add add", "inner add add"]
