"""`cache=` of a call: marks where a provider wants them, and nothing elsewhere."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from pipelex_backend_anthropic._request import message_body
from pipelex_backend_bedrock._request import converse_parameters
from pipelex_core import Client, UnsupportedInputError
from pipelex_core.parts import Tool
from pipelex_testing.rulebook import rulebook_of
from tests.plugins.openai_calls import sent, text_request
from tests.servers import anthropic
from tests.support.scripted import Script, deck_of, plugins_for
from tests.support.scripted import spec as scripted

MARKS = {"5m": {"type": "ephemeral"}, "1h": {"type": "ephemeral", "ttl": "1h"}}


@pytest.mark.parametrize("ttl", ["5m", "1h"])
def test_claude_gets_marks_that_its_api_takes(ttl: Any) -> None:
    """After the system prompt and the last message of the user; without a system prompt, after the tools."""

    async def main() -> Any:
        async with anthropic.AnthropicServer() as server:
            server.rules = rulebook_of("anthropic", "anthropic")
            async with anthropic.opened(anthropic.config(server.url)) as backend:
                await backend.generate_text(anthropic.requested(system="Be brief.", cache=ttl))
            return server.received[0].json

    body = asyncio.run(main())
    assert body["system"][0]["cache_control"] == MARKS[ttl]
    assert body["messages"][-1]["content"][-1]["cache_control"] == MARKS[ttl]
    tools = (Tool(name="look_up"),)
    searching = message_body(anthropic.requested(cache=ttl, tools=tools, hosted_tools=("web_search",)), {})
    assert searching["tools"][-1]["cache_control"] == MARKS[ttl]
    assert "cache_control" not in message_body(anthropic.requested(hosted_tools=("web_search",)), {})["tools"][-1]


@pytest.mark.parametrize(("ttl", "point"), [("5m", {"type": "default"}), ("1h", {"type": "default", "ttl": "1h"})])
def test_bedrock_gets_cache_points(ttl: Any, point: dict[str, str]) -> None:
    """After the system prompt and the last message, or where the model's options say."""
    parameters = converse_parameters(text_request(system="Be brief.", cache=ttl), {})
    assert parameters["system"][-1] == parameters["messages"][-1]["content"][-1] == {"cachePoint": point}


def test_elsewhere_nothing_is_sent() -> None:
    """OpenAI keeps prompts by itself."""
    assert sent(text_request(cache="1h")) == sent(text_request())


def test_another_time_is_refused() -> None:
    """Before anything is sent."""
    script = Script()
    with Client(deck_of(scripted("smart")), plugins_for({"scripted": script})) as client:
        client.generate_text("x", model="smart", cache="1h")
        assert script.requests[0].cache == "1h"
        with pytest.raises(UnsupportedInputError, match="5m"):
            client.generate_text("x", model="smart", cache="2h")  # type: ignore[arg-type]
