"""A call of a tool that `max_tokens` cut short is never taken for a whole one, whichever provider it came from."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest

from tests.conformance.cut_calls import SAID, cut_reply
from tests.conformance.provider import reached
from tests.conformance.rows import ROWS
from tests.conformance.scenario import ARGUMENTS, PLAIN, PROMPT, TOLD, WEATHER
from tests.servers.bedrock import clean_aws

if TYPE_CHECKING:
    from pipelex_core.results import TextResult
    from tests.conformance.provider import Provider

__all__ = ["clean_aws"]

pytestmark = pytest.mark.usefixtures("clean_aws")

CALLERS = [row for row in ROWS if row.is_scripted and "tools" in row.cells]


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "streamed"])
@pytest.mark.parametrize("written", ['{"city": "Pa', '{"ci', ""], ids=["half", "begun", "none"])
@pytest.mark.parametrize("provider", CALLERS, ids=lambda row: row.name)
def test_a_call_that_was_cut_is_left_out(provider: Provider, written: str, *, stream: bool) -> None:
    """The words and the whole call stay, the reason is `length`, and the provider takes the conversation further."""

    async def main() -> TextResult:
        async with reached(provider) as at:
            at.server.queue(cut_reply(provider, written, stream=stream))
            if stream:
                async with at.client.stream_text(PROMPT, model=at.llm, tools=[WEATHER]) as deltas:
                    assert "".join([delta async for delta in deltas]) == SAID
                result = deltas.result
            else:
                result = await at.client.generate_text(PROMPT, model=at.llm, tools=[WEATHER])
            at.says(PLAIN)
            reported = [{"role": "tool", "tool_call_id": call.id, "content": TOLD} for call in result.tool_calls]
            conversation: list[Any] = [{"role": "user", "content": PROMPT}, result.message, *reported]
            await at.client.generate_text(conversation, model=at.llm, tools=[WEATHER])
            await at.check_requests(2)
            return result

    result = asyncio.run(main())
    assert (result.text, result.finish_reason) == (SAID, "length")
    assert [(call.name, call.arguments) for call in result.tool_calls] == [(WEATHER.name, ARGUMENTS)]
