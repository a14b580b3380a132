"""Content of calls in spans: not unless asked for, then in the conventions' form; and never a key."""

from __future__ import annotations

import asyncio
import json
from contextlib import suppress
from typing import Any

import pytest

from pipelex_core import AsyncClient, BadRequestError
from pipelex_core.parts import ToolCall
from pipelex_core.results import TextAnswer
from tests.plugins.opentelemetry_traces import Traces, ask, stated
from tests.support.scripted import KEY, PNG, USAGE, Script, deck_of, spec


def test_content_is_not_captured_unless_asked() -> None:
    """No word of a prompt or an answer is in any span."""
    traces = Traces()
    ask(traces, traces.plugins(Script(answers=["Amazon, Nile"])), system="Be brief.")
    reported = str([(span.name, stated(span), span.events) for span in traces.spans])
    assert not any(word in reported for word in ("rivers", "brief", "Amazon"))


@pytest.mark.parametrize(
    ("value", "captured"),
    [
        ("true", True),
        ("SPAN_ONLY", True),
        ("span_and_event", True),
        ("false", False),
        ("EVENT_ONLY", False),
        ("", False),
    ],
)
def test_the_conventional_variable_asks_for_content(
    value: str, captured: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT`, in the values that OpenTelemetry's own libraries take."""
    monkeypatch.setenv("OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT", value)
    traces = Traces()
    ask(traces, traces.plugins())
    assert ("gen_ai.input.messages" in stated(traces.attempts()[0])) == captured


def test_content_has_the_conventions_form() -> None:
    """Messages, system text, tools and answers as JSON; images by kind and size, never with their bytes."""
    traces = Traces(capture_content=True)
    call = ToolCall(id="1", name="look", arguments={"at": "river"})
    answer = TextAnswer(text="Well", finish_reason="tool_calls", tool_calls=(call,), reasoning="Hm", usage=USAGE)
    conversation: Any = [
        {"role": "user", "content": ["Look.", {"type": "image", "image": PNG}]},
        {"role": "assistant", "content": [{"type": "tool_call", "id": "1", "name": "look", "arguments": {}}]},
        {"role": "tool", "content": [{"type": "tool_result", "call_id": "1", "content": "wet"}]},
        {"role": "user", "content": [{"type": "image", "image": "https://example.org/a.png"}]},
    ]

    async def main() -> None:
        async with AsyncClient(deck_of(spec("m")), traces.plugins(Script(answers=[answer]))) as client:
            await client.generate_text(
                conversation, model="m", system="Be brief.", tools=[{"name": "look", "parameters": {"type": "object"}}]
            )

    asyncio.run(main())
    reported = stated(traces.attempts()[0])
    requested = json.loads(reported["gen_ai.input.messages"])
    assert [(message["role"], [part["type"] for part in message["parts"]]) for message in requested] == [
        ("user", ["text", "omitted"]),
        ("assistant", ["tool_call"]),
        ("tool", ["tool_call_response"]),
        ("user", ["uri"]),
    ]
    assert requested[0]["parts"][0] == {"type": "text", "content": "Look."}
    assert requested[0]["parts"][1] == {
        "type": "omitted",
        "modality": "image",
        "mime_type": "image/png",
        "size": len(PNG),
    }
    assert requested[2]["parts"] == [{"type": "tool_call_response", "id": "1", "response": "wet"}]
    assert requested[3]["parts"][0]["uri"] == "https://example.org/a.png"
    assert json.loads(reported["gen_ai.system_instructions"]) == [{"type": "text", "content": "Be brief."}]
    assert json.loads(reported["gen_ai.tool.definitions"])[0]["name"] == "look"
    assert json.loads(reported["gen_ai.output.messages"]) == [
        {
            "role": "assistant",
            "parts": [
                {"type": "reasoning", "content": "Hm"},
                {"type": "text", "content": "Well"},
                {"type": "tool_call", "id": "1", "name": "look", "arguments": {"at": "river"}},
            ],
            "finish_reason": "tool_call",
        }
    ]


@pytest.mark.parametrize("captures", [False, True])
def test_no_key_is_in_any_span(captures: bool) -> None:
    """A provider that repeats the key in its answer, its ids and its errors: also with content captured."""
    traces = Traces(capture_content=captures)
    echo = TextAnswer(
        text=f"your key is {KEY}",
        finish_reason="stop",
        usage=USAGE,
        request_id=KEY,
        raw={"id": KEY, "model": f"m-{KEY}"},
    )
    error = BadRequestError(f"no such key: {KEY}", status=400, request_id=KEY, raw={"key": KEY})
    for answer in (echo, error):
        with suppress(BadRequestError):
            ask(traces, traces.plugins(Script(answers=[answer])))
    reported = str(
        [
            (span.name, stated(span), span.status.description, [dict(e.attributes or {}) for e in span.events])
            for span in traces.spans
        ]
    )
    assert len(traces.spans) == 4
    assert KEY not in reported
    assert KEY[3:] not in reported
