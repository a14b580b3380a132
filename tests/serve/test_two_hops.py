"""The project's own backend `pipelex_inference` pointed at a gateway: what it asks arrives through two hops, and comes back."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from pipelex_core import Client, Tool
from pipelex_core.errors import BadRequestError, NotFoundError, RateLimitError, ServerError
from pipelex_core.parts import Message, ToolResult
from tests.servers.anthropic import message, replied, streamed, thinking, tool_use
from tests.servers.base import Reply
from tests.servers.openai_server import chunks, completion, error
from tests.support.serving import write_project

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.serve.providers import Providers
    from tests.support.serving import Served

MODELS = """[defaults]
sdk = "openai"
inputs = ["text", "images", "pdf"]
outputs = ["text", "structured"]
costs = { input = 1.0, input_cached = 0.1, output = 2.0 }
["far-gpt"]
model_id = "gpt"
["far-claude"]
model_id = "claude"
["far-nothing"]
model_id = "nothing"
"""
WEATHER = Tool(
    name="get_weather",
    description="The weather.",
    parameters={"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]},
)
RIVER = {
    "title": "river",
    "type": "object",
    "properties": {"name": {"type": "string"}},
    "required": ["name"],
    "additionalProperties": False,
}


@pytest.fixture
def client(served: Served, providers: Providers, tmp_path: Path) -> Iterator[Client]:
    config = write_project(tmp_path, {"pipelex_inference": f"{served.url}/v1"})
    (config / "inference" / "backends" / "pipelex_inference.toml").write_text(MODELS)
    with Client.from_project(config=config) as client:
        yield client


def test_a_text_and_its_cost(client: Client, providers: Providers) -> None:
    """The far gateway's cost is this one's: it knows the price list, this one may not."""
    result = client.generate_text("Hello", model="far-gpt", system="Be brief.", temperature=0.5, max_tokens=99)
    assert result.text == providers[0].text
    assert result.cost is not None
    assert (result.usage.input_tokens, result.usage.output_tokens) == (12, 9)
    assert result.usage.cost == result.cost.amount
    sent = providers[0].received[-1].json
    assert sent["messages"][0]["content"] == "Be brief."
    assert sent["temperature"] == pytest.approx(0.5)


def test_a_stream(client: Client, providers: Providers) -> None:
    """Piece by piece, with its usage."""
    with client.stream_text("Hello", model="far-gpt") as stream:
        pieces = list(stream)
    assert "".join(pieces) == providers[0].text
    assert len(pieces) > 2
    assert stream.result.usage.output_tokens == 9


def test_an_object(client: Client, providers: Providers) -> None:
    """Validated here, as it came from there."""
    providers[0].queue(Reply.json(completion('{"name": "Seine"}')))
    assert client.generate_object("A river?", RIVER, model="far-gpt").value == {"name": "Seine"}


@pytest.mark.parametrize("streams", [False, True])
def test_claudes_thinking_over_two_turns(client: Client, providers: Providers, streams: bool) -> None:
    """Signed thinking goes to the client through both hops, and back."""
    stated = message(
        thinking("Paris.", signature="c2lnbmVk"),
        tool_use("toolu_1", "get_weather", {"city": "Paris"}),
        stop_reason="tool_use",
    )
    providers[1].queue(streamed(stated) if streams else replied(stated))
    options: Any = {"model": "far-claude", "tools": [WEATHER], "reasoning_effort": "low"}
    requested: Any = [{"role": "user", "content": "Weather in Paris?"}]
    if streams:
        with client.stream_text(requested, **options) as stream:
            list(stream)
        first = stream.result
    else:
        first = client.generate_text(requested, **options)
    assert first.reasoning == "Paris."
    (call,) = first.tool_calls
    answered = Message(role="tool", parts=(ToolResult(call_id=call.id, content="sunny"),))
    client.generate_text([*requested, first.message, answered], **options)
    sent = providers[1].bodies[-1]["messages"][1]["content"]
    assert [block["type"] for block in sent] == ["thinking", "tool_use"]
    assert sent[0]["signature"] == "c2lnbmVk"


def test_errors_keep_their_class(client: Client, providers: Providers) -> None:
    """What the far provider said is what this caller gets."""
    providers[0].queue(error(429, "slow down", headers={"retry-after": "3"}))
    with pytest.raises(RateLimitError) as full:
        client.generate_text("Hello", model="far-gpt")
    assert full.value.retry_after == pytest.approx(3)
    providers[0].queue(error(400, "no such thing"))
    with pytest.raises(BadRequestError, match="no such thing"):
        client.generate_text("Hello", model="far-gpt")
    with pytest.raises(NotFoundError):
        client.generate_text("Hello", model="far-nothing")
    providers[0].queue(Reply.sse(*chunks("one two three"), cut_after=3))
    with (
        pytest.raises(ServerError, match="backend_unreachable") as cut,
        client.stream_text("Hello", model="far-gpt") as stream,
    ):
        list(stream)
    assert cut.value.partial_text == "one two"
