"""What is a sign of life: a stream that goes on is not cut by its `idle_timeout`, whatever it goes on with."""

from __future__ import annotations

import asyncio
import json
import time
from typing import TYPE_CHECKING, Any

import pytest
from attrs import evolve

from pipelex_core import AsyncClient
from pipelex_core.errors import IdleTimeoutError
from pipelex_testing.running import Running, deck_for, run, running
from pipelex_testing.samples import PLAIN, PROMPT, TEXT, THINKING, THOUGHT
from pipelex_testing.server import in_thread, sse_event
from tests.resilience.backends import OTHERS, WIRES
from tests.servers import bedrock
from tests.servers.bedrock import clean_aws

if TYPE_CHECKING:
    from pipelex_testing import Conformance

__all__ = ["clean_aws"]

pytestmark = pytest.mark.usefixtures("clean_aws", "short_partings")

IDLE = 0.7
PAUSE = 0.15
TIMES = 10
"""So that what comes in between takes twice as long as `IDLE`."""

_BY_DEFAULT = {
    ("OpenAI chat", "thoughts"),
    ("Anthropic", "pings"),
    ("Google", "crumbs"),
    ("Bedrock", "thoughts"),
    ("Bedrock", "pings"),
}
STREAMS = [name for name, suite in (WIRES | OTHERS).items() if "stream" in suite.claims]
KINDS = [
    pytest.param(name, kind, marks=() if (name, kind) in _BY_DEFAULT else pytest.mark.slow)
    for name in STREAMS
    for kind in ("thoughts", "pings", "crumbs")
]


def events(kind: str, suite: Conformance) -> tuple[bytes, ...]:
    """Pieces of a stream that hold no text."""
    if suite.sdk == "bedrock":
        thought = bedrock.event("contentBlockDelta", contentBlockIndex=0, delta={"reasoningContent": {"text": "hm "}})
        return {
            "thoughts": (thought,) * TIMES,
            "pings": (bedrock.event("ping"),) * TIMES,
            "crumbs": tuple(thought[place : place + 12] for place in range(0, len(thought), 12)),
        }[kind]
    if kind == "pings":
        return (b": still here\n\n",) * TIMES
    thought = _thought(suite)
    if kind == "crumbs":
        return tuple(thought[place : place + 20] for place in range(0, len(thought), 20))
    return (thought,) * TIMES


def _thought(suite: Conformance) -> bytes:
    if "responses" in suite.sdk:
        name = "response.reasoning_summary_text.delta"
        return sse_event(
            (name, {"type": name, "item_id": "rs_1", "output_index": 0, "summary_index": 0, "delta": "hm "})
        )
    begin = json.dumps(THOUGHT[:9])[:-1].encode()
    return next(chunk for chunk in suite.spoken.stream(THINKING).chunks if begin in chunk)


@pytest.mark.parametrize(("name", "kind"), KINDS)
def test_what_holds_no_text_is_a_sign_of_life(name: str, kind: str) -> None:
    """Thoughts, pings, and an event that comes in crumbs, for longer than the timeout: the answer comes, and it is whole."""
    suite = (WIRES | OTHERS)[name]

    async def use(at: Running) -> None:
        whole = at.wire.stream(THINKING)
        begin = 3 if suite.sdk == "anthropic" else 1  # after what opens the message, and its first block
        chunks = (*whole.chunks[:begin], *events(kind, suite), *whole.chunks[begin:])
        at.server.queue(evolve(whole, chunks=chunks, pause=PAUSE))
        started = time.monotonic()
        async with at.client.stream_text(PROMPT, model=at.llm, idle_timeout=IDLE, retries=0) as stream:
            assert "".join([delta async for delta in stream]) == TEXT
        assert time.monotonic() - started > IDLE

    run(suite, use)


@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=() if name == "Bedrock" else pytest.mark.slow) for name in STREAMS]
)
def test_silence_after_thoughts_is_silence(name: str) -> None:
    """The clock starts anew with each sign, and is over when none follows."""
    suite = (WIRES | OTHERS)[name]

    async def use(at: Running) -> None:
        whole = at.wire.stream(THINKING)
        begin = 3 if suite.sdk == "anthropic" else 1
        chunks = (*whole.chunks[:begin], *events("thoughts", suite)[:4], *whole.chunks[begin:])
        at.server.queue(evolve(whole, chunks=chunks, pause=0.1, stall_after=begin + 4))
        started = time.monotonic()
        with pytest.raises(IdleTimeoutError):
            async with at.client.stream_text(PROMPT, model=at.llm, idle_timeout=0.5, retries=0) as stream:
                async for _ in stream:
                    pass
        assert time.monotonic() - started >= 0.5 + 0.3

    run(suite, use)


def test_a_queue_that_is_looked_at_is_not_silent() -> None:
    """The plugin waits up to a second between two looks: longer than the timeout, and not the provider's doing."""
    suite = WIRES["fal"]

    async def main() -> Any:
        server: Any = suite.spoken.server()
        async with asyncio.timeout(60), running(suite, server=server) as at:
            at.wire.hang(server)
            painting = asyncio.create_task(
                at.client.generate_image("A lighthouse", model=at.painter, idle_timeout=0.4, retries=0)
            )
            await asyncio.sleep(2.0)
            at.wire.queue_image(server)
            return await painting

    assert len(asyncio.run(main()).images) == 1


def test_a_blocked_loop_has_heard_nothing_and_so_knows_nothing() -> None:
    """The program did not let the loop run for longer than the timeout; what was sent meanwhile is heard first."""
    suite = WIRES["OpenAI chat"]

    async def main(url: str) -> str:
        async with AsyncClient(deck_for(suite, url), suite.plugins()) as client:
            pieces = []
            async with client.stream_text(PROMPT, model="llm", idle_timeout=1.0, retries=0) as stream:
                async for piece in stream:
                    pieces.append(piece)
                    if len(pieces) == 1:
                        time.sleep(1.5)  # noqa: ASYNC251 -- this is what is tested
            return "".join(pieces)

    reply = evolve(suite.spoken.stream(PLAIN), pause=0.2)
    server = suite.spoken.server()
    server.queue(reply)
    with in_thread(server) as running_server:
        assert asyncio.run(main(running_server.url)) == TEXT


def test_a_long_upload_is_not_silent() -> None:
    """A large request on a slow line: each piece that leaves is a sign of life."""
    suite = WIRES["OpenAI chat"]
    size = 16 * 1024 * 1024

    async def read(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        remaining = size
        while remaining > 0:
            remaining -= len(await reader.read(2**20))
            await asyncio.sleep(0.1)
        body = suite.spoken.answer(PLAIN).chunks[0]
        writer.write(b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n")
        writer.write(b"content-length: %d\r\n\r\n%b" % (len(body), body))
        await writer.drain()
        writer.close()

    async def main() -> tuple[str, float]:
        async with asyncio.timeout(60), await asyncio.start_server(read, "127.0.0.1", 0, limit=2**20) as server:
            url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
            async with AsyncClient(deck_for(suite, url), suite.plugins()) as client:
                started = time.monotonic()
                result = await client.generate_text("x" * size, model="llm", idle_timeout=1.2, retries=0)
                return result.text, time.monotonic() - started

    text, seconds = asyncio.run(main())
    assert text == TEXT
    assert seconds > 1.2
