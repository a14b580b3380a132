"""What a provider sends keeps a call alive, through the real SDK and the shared pool, though it holds no text."""

from __future__ import annotations

import asyncio

import pytest

from pipelex_core import IdleTimeoutError
from tests.plugins.test_requests_sent import Failing, client_of
from tests.servers.base import Reply
from tests.servers.openai_server import chunks

PINGS = (": ping",) * 10


@pytest.mark.parametrize("place", [0, 2])
def test_comments_in_a_stream_are_signs_of_life(place: int) -> None:
    """Before the first delta and after it; a stream of nothing else for longer than the clock's time is not cut."""
    events = [*chunks("one two three")]
    reply = Reply.sse(*events[:place], *PINGS, *events[place:], pause=0.15)

    async def main() -> str:
        async with Failing(reply) as server, client_of(server.url, "openai", "stream", 0) as client:
            async with client.stream_text("x", model="m", idle_timeout=1.0) as stream:
                return "".join([delta async for delta in stream])

    assert asyncio.run(main()) == "one two three"


def test_a_stream_that_falls_silent_is_cut() -> None:
    """With what had come; the request is closed on the wire."""
    events = [*chunks("one two three")]

    async def main() -> None:
        reply = Reply.sse(*events, stall_after=2)
        async with Failing(reply) as server, client_of(server.url, "openai", "stream", 0) as client:
            stream = client.stream_text("x", model="m", idle_timeout=0.3)
            with pytest.raises(IdleTimeoutError) as caught:
                async for _ in stream:
                    pass
            assert caught.value.partial_text
            for _ in range(100):
                if server.abandoned:
                    break
                await asyncio.sleep(0.05)
            assert len(server.abandoned) == 1

    asyncio.run(main())
