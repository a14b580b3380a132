"""Reasoning and the input of tools reach the client piece by piece, while the provider still answers, whoever asks whom."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import anthropic
import httpx2
import openai
import pytest

from pipelex_core.deltas import ReasoningDelta, SideDelta, ToolCallDelta
from pipelex_serve.live import LiveCalls
from tests.servers.anthropic import message, streamed, text, thinking, tool_use
from tests.servers.base import Reply
from tests.servers.openai_server import chunk, chunks

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.serve.providers import Providers
    from tests.support.serving import Served

ARGUMENTS = {"city": "Paris", "days": 3}
THOUGHT = "They ask for Paris."
SCHEMA = {"type": "object", "properties": {"city": {"type": "string"}, "days": {"type": "integer"}}}
PROMPT: Any = [{"role": "user", "content": "Weather?"}]
CHAT: dict[str, Any] = {
    "messages": PROMPT,
    "tools": [{"type": "function", "function": {"name": "get_weather", "parameters": SCHEMA}}],
}
RESPONSES: dict[str, Any] = {
    "input": "Weather?",
    "store": False,
    "tools": [{"type": "function", "name": "get_weather", "parameters": SCHEMA}],
}
MESSAGES: dict[str, Any] = {
    "messages": PROMPT,
    "max_tokens": 4000,
    "tools": [{"name": "get_weather", "input_schema": SCHEMA}],
}


def _claudes(**options: Any) -> Reply:
    call = tool_use("toolu_1", "get_weather", ARGUMENTS)
    return streamed(message(thinking(THOUGHT), text("Let me look."), call, stop_reason="tool_use"), **options)


def _gpts(**options: Any) -> Reply:
    call = {"id": "toolu_1", "function": {"name": "get_weather", "arguments": json.dumps(ARGUMENTS)}}
    first, *others = chunks("Let me look.", tool_calls=[call])
    thoughts = [chunk({"reasoning_content": piece}) for piece in (THOUGHT[:9], THOUGHT[9:])]
    return Reply.sse(first, *thoughts, *others, **options)


def _queue(providers: Providers, model: str, **options: Any) -> None:
    server, reply = (providers[1], _claudes) if model == "claude" else (providers[0], _gpts)
    server.queue(reply(**options))


def _lines(served: Served, path: str, body: dict[str, Any]) -> Iterator[dict[str, Any]]:
    with (
        httpx2.Client(timeout=60) as http,
        http.stream("POST", f"{served.url}{path}", json={**body, "stream": True}) as answer,
    ):
        assert answer.status_code == 200
        for line in answer.iter_lines():
            if line.startswith("data: {"):
                yield json.loads(line[6:])


def _chat_pieces(event: dict[str, Any]) -> tuple[str, str]:
    delta = event["choices"][0]["delta"] if event["choices"] else {}
    calls = delta.get("tool_calls") or [{}]
    return delta.get("reasoning_content") or "", (calls[0].get("function") or {}).get("arguments") or ""


def _response_pieces(event: dict[str, Any]) -> tuple[str, str]:
    kind, delta = event["type"], event.get("delta", "")
    thought = delta if kind == "response.reasoning_summary_text.delta" else ""
    return thought, delta if kind == "response.function_call_arguments.delta" else ""


def _message_pieces(event: dict[str, Any]) -> tuple[str, str]:
    delta = event.get("delta") or {}
    return delta.get("thinking", ""), delta.get("partial_json", "")


@pytest.mark.parametrize("model", ["gpt", "claude"])
@pytest.mark.parametrize(
    "surface",
    [
        pytest.param(("/v1/chat/completions", CHAT, _chat_pieces), id="chat"),
        pytest.param(("/v1/responses", RESPONSES, _response_pieces), id="responses"),
        pytest.param(("/v1/messages", MESSAGES, _message_pieces), id="messages"),
    ],
)
def test_pieces_come_before_the_answer_ends(served: Served, providers: Providers, model: str, surface: Any) -> None:
    """The provider falls silent in the middle of a tool's input: what it gave until then is with the client."""
    path, body, pieces_of = surface
    events = _claudes().chunks if model == "claude" else _gpts().chunks
    whole = json.dumps(ARGUMENTS)
    begins = next(number for number, data in enumerate(events) if b'\\"city' in data)
    _queue(providers, model, stall_after=begins + 1)
    thought, written = "", ""
    for event in _lines(served, path, {"model": model, **body}):
        thinking_piece, piece = pieces_of(event)
        thought, written = thought + thinking_piece, written + piece
        if written:
            break
    assert thought == THOUGHT
    assert whole.startswith(written)
    assert written != whole


@pytest.mark.parametrize("model", ["gpt", "claude"])
def test_openais_client_puts_a_chat_together(served: Served, providers: Providers, model: str) -> None:
    """Reasoning, text and the call come once each, the call's arguments in several pieces."""
    _queue(providers, model)
    with openai.OpenAI(base_url=f"{served.url}/v1", api_key="x", max_retries=0) as client:
        thought, count = "", 0
        with client.chat.completions.stream(model=model, **CHAT) as stream:
            for event in stream:
                if event.type == "chunk" and event.chunk.choices:
                    delta = event.chunk.choices[0].delta
                    thought += getattr(delta, "reasoning_content", None) or ""
                    count += bool(delta.tool_calls and delta.tool_calls[0].function.arguments)  # type: ignore[union-attr]
            made = stream.get_final_completion().choices[0]
    assert (thought, made.message.content, made.finish_reason) == (THOUGHT, "Let me look.", "tool_calls")
    assert made.message.tool_calls is not None
    (call,) = made.message.tool_calls
    assert (call.id, call.function.name, json.loads(call.function.arguments)) == ("toolu_1", "get_weather", ARGUMENTS)
    assert count == 2


@pytest.mark.parametrize("model", ["gpt", "claude"])
def test_openais_client_puts_a_response_together(served: Served, providers: Providers, model: str) -> None:
    """Every item begins and ends once, at its place, and the whole response has what the events had."""
    _queue(providers, model)
    ended: dict[int, Any] = {}
    pieces = 0
    made: Any
    with openai.OpenAI(base_url=f"{served.url}/v1", api_key="x", max_retries=0) as client:
        with client.responses.stream(model=model, **RESPONSES) as stream:
            numbers = []
            for event in stream:
                numbers.append(event.sequence_number)
                pieces += event.type == "response.function_call_arguments.delta"
                if event.type == "response.output_item.done":
                    assert event.output_index not in ended
                    ended[event.output_index] = event.item
            made = stream.get_final_response()
    assert numbers == [*range(len(numbers))]
    assert [item.type for item in made.output] == ["reasoning", "message", "function_call"]
    assert [ended[index].id for index in range(3)] == [item.id for item in made.output]
    thought, answered, call = made.output
    assert thought.summary[0].text == THOUGHT
    assert answered.content[0].text == "Let me look."
    assert json.loads(call.arguments) == ARGUMENTS
    assert pieces == 2


@pytest.mark.parametrize("model", ["gpt", "claude"])
def test_anthropics_client_puts_a_message_together(served: Served, providers: Providers, model: str) -> None:
    """Blocks follow each other; what Claude wants back comes as a block of its own, and goes back with the next turn."""
    _queue(providers, model)
    with anthropic.Anthropic(base_url=served.url, api_key="x", max_retries=0) as client:
        order, pieces = [], 0
        with client.messages.stream(model=model, **MESSAGES) as stream:
            for event in stream:
                if event.type in ("content_block_start", "content_block_stop"):
                    order.append((event.type[14:], event.index))
                pieces += event.type == "input_json"
            made: Any = stream.get_final_message()
        blocks = made.content
        assert order == [(kind, index) for index in range(len(blocks)) for kind in ("start", "stop")]
        assert [block.type for block in blocks[:3]] == ["thinking", "text", "tool_use"]
        assert (blocks[0].thinking, blocks[1].text, blocks[2].input) == (THOUGHT, "Let me look.", ARGUMENTS)
        assert (pieces, made.stop_reason) == (2, "tool_use")
        history = [
            *PROMPT,
            {"role": "assistant", "content": [block.to_dict() for block in blocks]},
            {"role": "user", "content": [{"type": "tool_result", "tool_use_id": "toolu_1", "content": "sunny"}]},
        ]
        client.messages.create(model=model, **{**MESSAGES, "messages": history})
    if model == "claude":
        sent = providers[1].bodies[-1]["messages"][1]["content"]
        assert [block["type"] for block in sent] == ["thinking", "text", "tool_use"]
        assert sent[0]["signature"] == "c2lnbmVk"


def test_an_answer_that_is_cut_in_a_call_ends_for_its_length(served: Served, providers: Providers) -> None:
    """As at the providers themselves, the client has the piece, and the reason."""
    events = _claudes().chunks
    begins = next(number for number, data in enumerate(events) if b'\\"city' in data)
    cut = [json.loads(data.split(b"data: ", 1)[1]) for data in events[: begins + 1]]
    cut += [
        {"type": "content_block_stop", "index": 2},
        {"type": "message_delta", "delta": {"stop_reason": "max_tokens"}, "usage": {"output_tokens": 9}},
        {"type": "message_stop"},
    ]
    providers[1].queue(Reply.sse(*((event["type"], event) for event in cut)))
    made = [*_lines(served, "/v1/messages", {"model": "claude", **MESSAGES})]
    assert made[-2]["delta"]["stop_reason"] == "max_tokens"
    assert any((event.get("delta") or {}).get("partial_json") for event in made)
    assert made[-1] == {"type": "message_stop"}


def test_mixed_pieces_of_two_calls_wait_for_their_turn() -> None:
    """A call is sent in pieces only while none is open that lacks some; the others come with the end."""
    calls = LiveCalls()

    def piece(number: int, arguments: str) -> ToolCallDelta:
        return ToolCallDelta(number=number, id=f"call_{number}", name="f", arguments=arguments)

    assert calls.takes(piece(0, '{"a"'))
    assert not calls.takes(piece(1, "{"))
    assert calls.takes(piece(0, ": 1}"))
    assert not calls.takes(piece(1, "}"))
    assert calls.takes(piece(2, "{}"))
    assert calls.open is not None
    assert calls.open.number == 2


def test_whoever_reads_text_alone_sees_no_side_deltas(served: Served, providers: Providers) -> None:
    """A call whose plan does not ask for them gets deltas of text, and the result."""
    deltas: list[SideDelta] = [
        ReasoningDelta("why"),
        ToolCallDelta(number=0, id="call_1", name="f", arguments="{}"),
    ]
    assert not any(deltas)
    _queue(providers, "gpt")
    lines = [*_lines(served, "/v1/completions", {"model": "gpt", "prompt": "Weather?"})]
    assert "".join(line["choices"][0]["text"] for line in lines if line["choices"]) == "Let me look."
