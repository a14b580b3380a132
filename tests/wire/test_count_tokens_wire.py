"""Recorded counts of tokens of Anthropic's Messages API, through the plugin."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from pipelex_core import errors
from pipelex_core.execution.resources import LoopResources
from tests.wire.anthropic import MessagesAdapter
from tests.wire.harness import Record, parameters
from tests.wire.replaying import ReplayServer


class CountAdapter(MessagesAdapter):
    """The same bodies, but for what says how to answer."""

    def __init__(self) -> None:
        super().__init__()
        self.stems = ("anthropic__count_tokens",)
        self.skipped = {
            "anthropic-count_tokens-319b43ce": "thinking beside a demanded tool is counted there, and refused where it is asked: "
            "here it is refused both times"
        }


ADAPTER = CountAdapter()


@pytest.mark.parametrize("record", parameters(ADAPTER))
def test_the_count_is_the_recorded_one(record: Record) -> None:
    """The number, or the class of the error; what has tokens is sent, and nothing of how to answer."""

    async def main() -> None:
        async with ReplayServer([record]) as server:
            resources = LoopResources()
            backend: Any = ADAPTER.backend(record, server.url)
            try:
                await backend.open(resources)
                request = ADAPTER.request(record)
                if "error_class" in record["expect"]:
                    with pytest.raises(errors.NotFoundError):
                        await backend.count_tokens(request)
                else:
                    assert await backend.count_tokens(request) == record["expect"]["input_tokens"]
            finally:
                await backend.close()
                await resources.close()
        assert server.refused == []
        (sent,) = server.sent
        assert sent.path == "/v1/messages/count_tokens"
        assert sent.json.keys() <= {
            "messages",
            "model",
            "output_config",
            "system",
            "thinking",
            "tool_choice",
            "tools",
        }
        assert sent.json["model"] == record["model"]

    asyncio.run(main())
