"""Streams of very many deltas: each arrives, and memory holds little more than the text."""

from __future__ import annotations

import asyncio

import psutil
import pytest

from pipelex_core import AsyncClient
from pipelex_testing.running import deck_for
from tests.resilience.backends import WIRES

EVENT = b'data: {"id":"c","object":"chat.completion.chunk","choices":[{"index":0,"delta":{"content":"ab"},"finish_reason":null}]}\n\n'
END = (
    b'data: {"id":"c","object":"chat.completion.chunk","choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}\n\n'
    b"data: [DONE]\n\n"
)
AT_ONCE = 500
"""Events of one piece of the body."""


async def _serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, deltas: int) -> None:
    await reader.readuntil(b"\r\n\r\n")
    writer.write(b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nConnection: close\r\n\r\n")
    for _ in range(deltas // AT_ONCE):
        writer.write(EVENT * AT_ONCE)
        await writer.drain()
    writer.write(END)
    writer.close()


@pytest.mark.parametrize("deltas", [20_000, pytest.param(1_000_000, marks=pytest.mark.slow)])
def test_very_many_deltas_arrive_one_by_one(deltas: int) -> None:
    """The limit of an answer's size is one event's, and what has been read is not kept but for its text."""
    suite, process = WIRES["OpenAI chat"], psutil.Process()

    async def main() -> tuple[int, int, int]:
        server = await asyncio.start_server(lambda reader, writer: _serve(reader, writer, deltas), "127.0.0.1", 0)
        url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        count = begun = 0
        async with server, AsyncClient(deck_for(suite, url), suite.plugins()) as client:
            async with client.stream_text("x", model="llm", idle_timeout=60) as stream:
                async for delta in stream:
                    assert delta == "ab"
                    count += 1
                    if count == deltas // 10:
                        begun = process.memory_info().rss
            assert len(stream.result.text) == 2 * deltas
            return count, begun, process.memory_info().rss

    count, begun, ended = asyncio.run(main())
    assert count == deltas
    assert ended - begun < 10_000_000 + 64 * deltas
