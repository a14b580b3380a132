"""Answers that are larger than they may be, at every backend: ended as they come, and an error that says what to do."""

from __future__ import annotations

import asyncio
import gzip
import zlib
from typing import TYPE_CHECKING, Any

import pytest
from attrs import evolve

from pipelex_core import AsyncClient, InvalidAnswerError, ServerError
from pipelex_core.execution.resources import LoopResources
from pipelex_testing.running import Running, deck_for
from pipelex_testing.samples import PLAIN
from pipelex_testing.server import Reply, Server
from tests.resilience.backends import OTHERS, WIRES, kinds

if TYPE_CHECKING:
    from pipelex_testing import Conformance
    from pipelex_testing.calls import Kind

pytestmark = pytest.mark.usefixtures("short_partings")

CALLS = [
    pytest.param(suite, kind, id=f"{name}-{type(kind).__name__}".replace(" ", "_"))
    for name, suite in (WIRES | OTHERS).items()
    for kind in kinds(suite)
]


async def call(suite: Conformance, kind: Kind, limit: int, *, encoded: bool = False) -> Any:
    """One call whose answers may have so many bytes."""
    async with suite.spoken.server() as server:
        deck = deck_for(suite, server.url)
        ((name, config),) = deck.backends.items()
        changed = evolve(config, max_answer_bytes=limit, max_media_bytes=limit, retry=evolve(config.retry, retries=0))
        async with AsyncClient(evolve(deck, backends={name: changed}), suite.plugins()) as client:
            kind.queue(Running(suite, server, client))
            if encoded:
                server._queued[:] = [squeezed(reply) for reply in server._queued]
            return await kind.make(Running(suite, server, client))


def squeezed(reply: Reply) -> Reply:
    """The same, encoded."""
    headers = {**reply.headers, "Content-Encoding": "gzip"}
    return evolve(reply, chunks=(gzip.compress(b"".join(reply.chunks)),), headers=headers)


@pytest.mark.parametrize(("suite", "kind"), CALLS)
def test_an_answer_above_the_limit_is_an_error_that_names_the_key(suite: Conformance, kind: Kind) -> None:
    """Whole or streamed, text or media: the decoded bytes count, and the SDK's own error for it is not what is raised."""
    key = "max_answer_bytes" if kind.capability in {"text", "stream", "object"} else "max_media_bytes"
    with pytest.raises(InvalidAnswerError, match=key) as caught:
        asyncio.run(call(suite, kind, 30))
    assert caught.value.attempts[-1].error == "InvalidAnswerError"


@pytest.mark.parametrize(
    ("suite", "kind"), [pytest.param(WIRES["OpenAI chat"], k, id=type(k).__name__) for k in kinds(WIRES["OpenAI chat"])]
)
def test_an_encoded_answer_counts_as_what_it_decodes_to(suite: Conformance, kind: Kind) -> None:
    """Within the limit it is read as any other."""
    kind.check(asyncio.run(call(suite, kind, 1 << 20, encoded=True)))
    with pytest.raises(InvalidAnswerError, match="max_"):
        asyncio.run(call(suite, kind, 30, encoded=True))


def test_the_limit_of_a_stream_is_one_events() -> None:
    """A long answer in short events is fine."""
    suite = WIRES["OpenAI chat"]
    (stream,) = (kind for kind in kinds(suite) if kind.capability == "stream")
    reply = suite.spoken.stream(PLAIN)
    longest = max(map(len, reply.chunks))
    assert sum(map(len, reply.chunks)) > longest
    stream.check(asyncio.run(call(suite, stream, longest)))
    with pytest.raises(InvalidAnswerError, match="max_answer_bytes"):
        asyncio.run(call(suite, stream, longest - 10))


class Body(Server):
    """Answers every request with one body."""

    def __init__(self, data: bytes, coding: str, status: int = 200) -> None:
        super().__init__()
        self.reply = Reply(chunks=(data,), status=status, headers={"Content-Encoding": coding} if coding else {})

    async def answer(self, request: Any) -> Reply:
        return self.reply


async def got(data: bytes, coding: str) -> bytes:
    """What the pool reads."""
    resources = LoopResources()
    async with Body(data, coding) as server:
        try:
            return (await resources.http().get(server.url)).content
        finally:
            await resources.close()


def _raw(data: bytes) -> bytes:
    squeeze = zlib.compressobj(wbits=-zlib.MAX_WBITS)
    return squeeze.compress(data) + squeeze.flush()


@pytest.mark.parametrize("size", [0, 1, 65_536, 65_537, 3_000_000])
@pytest.mark.parametrize("coding", ["", "gzip", "x-gzip", "deflate", "raw", "members", "padded"])
def test_every_coding_that_is_asked_for_decodes_to_the_same(coding: str, size: int) -> None:
    """In one piece or many: gzip of one member or several, deflate with and without its header."""
    data = bytes(index * index % 251 for index in range(997)) * (size // 997 + 1)
    data = data[:size]
    body, header = {
        "": (data, ""),
        "gzip": (gzip.compress(data), "gzip"),
        "x-gzip": (gzip.compress(data), "x-gzip"),
        "deflate": (zlib.compress(data), "deflate"),
        "raw": (_raw(data), "Deflate"),
        "members": (gzip.compress(data[:100]) + gzip.compress(data[100:]), "gzip"),
        "padded": (gzip.compress(data) + bytes(512), "gzip"),
    }[coding]
    assert asyncio.run(got(body, header)) == data


OTHERWISE = {
    "no gzip": (b"no gzip", "gzip"),
    "no deflate": (b"\xff" * 40, "deflate"),
    "not asked for": (b"{}", "br"),
    "two layers": (gzip.compress(gzip.compress(b"{}")), "gzip, gzip"),
}


@pytest.mark.parametrize(("data", "coding"), OTHERWISE.values(), ids=list(OTHERWISE))
def test_what_is_encoded_otherwise_is_no_answer(data: bytes, coding: str) -> None:
    """One layer of what was asked for, and nothing else: an `InvalidAnswerError`, not a broken connection."""

    async def ask() -> None:
        suite = WIRES["OpenAI chat"]
        async with Body(data, coding) as server, AsyncClient(deck_for(suite, server.url), suite.plugins()) as client:
            await client.generate_text("x", model="llm")

    with pytest.raises(InvalidAnswerError, match=r"encoded|valid"):
        asyncio.run(ask())


def test_the_loop_is_free_while_a_large_answer_is_decoded() -> None:
    """Between any two steps of 64 KB others have their turn, and the call's deadline may pass."""

    async def main() -> int:
        turns = 0

        async def others() -> None:
            nonlocal turns
            while True:
                turns += 1
                await asyncio.sleep(0)

        other = asyncio.create_task(others())
        await got(gzip.compress(bytes(8 << 20)), "gzip")
        other.cancel()
        return turns

    assert asyncio.run(main()) > (8 << 20) // 65_536 // 2


@pytest.mark.parametrize("name", list(WIRES))
def test_a_large_error_is_what_its_status_says(name: str) -> None:
    """What its body has beyond a megabyte is left out."""
    suite, page = WIRES[name], b"x" * (3 << 20)
    body = Body(page, "", 500) if name == "Bedrock" else Body(gzip.compress(page), "gzip", 500)

    async def ask() -> None:
        async with body as server, AsyncClient(deck_for(suite, server.url), suite.plugins()) as client:
            await kinds(suite)[0].make(Running(suite, server, client), retries=0)

    with pytest.raises(ServerError) as caught:
        asyncio.run(ask())
    assert len(str(caught.value)) < 5000
