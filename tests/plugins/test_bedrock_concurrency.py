"""Threads, loops and cancellation: what the Bedrock plugin owes to an SDK that blocks."""

from __future__ import annotations

import asyncio
import random
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import pytest

from pipelex_core.errors import CallError, ProviderConnectionError
from pipelex_testing.running import until
from tests.servers import bedrock
from tests.servers.base import Reply, Server, in_thread
from tests.servers.bedrock import opened, read, request, served, stated, stream, text_events

if TYPE_CHECKING:
    from pipelex_backend_bedrock._backend import BedrockBackend
    from tests.servers.base import Received

clean_aws = bedrock.clean_aws
pytestmark = pytest.mark.usefixtures("clean_aws")


class Echo(Server):
    """Answers with the prompt, after a moment; a prompt of `hang` gets no answer."""

    provider = "bedrock"

    def __init__(self, delay: float = 0.01) -> None:
        super().__init__()
        self.delay = delay
        self.busy = 0
        self.most_busy = 0

    async def answer(self, request: Received) -> Reply:
        prompt = request.json["messages"][0]["content"][0]["text"]
        if prompt == "hang":
            return Reply(fault="hang")
        self.busy += 1
        self.most_busy = max(self.most_busy, self.busy)
        await asyncio.sleep(self.delay)
        self.busy -= 1
        if request.path.endswith("-stream"):
            return stream(*text_events(*prompt))
        return stated(prompt)


def plugin_threads() -> list[threading.Thread]:
    return [thread for thread in threading.enumerate() if thread.name.startswith("pipelex-bedrock")]


async def ask(backend: BedrockBackend, prompt: str) -> str:
    return (await backend.generate_text(request(prompt))).text


async def ask_live(backend: BedrockBackend, prompt: str) -> str:
    deltas, answer = await read(backend.stream_text(request(prompt)))
    assert "".join(deltas) == answer.text
    return answer.text


def test_calls_run_side_by_side_up_to_the_limit() -> None:
    """As many calls as the option allows are under way, no more; the others wait, and none is lost."""

    async def main() -> None:
        async with Echo(0.05) as server, opened(server.url, max_concurrency=8) as backend:
            prompts = [f"prompt {number}" for number in range(40)]
            requested = [
                ask(backend, text) if number % 2 else ask_live(backend, text) for number, text in enumerate(prompts)
            ]
            assert await asyncio.gather(*requested) == prompts
            assert server.most_busy == 8
            assert server.connections == 8

    asyncio.run(main())


def test_the_pool_is_as_large_as_the_limit() -> None:
    """No connection is thrown away for want of a place: as many stay as calls were under way."""

    async def main() -> None:
        async with Echo(0.05) as server, opened(server.url, max_concurrency=30) as backend:
            for _ in range(3):
                await asyncio.gather(*(ask(backend, "x") for _ in range(30)))
            assert server.connections <= 30

    asyncio.run(main())


def test_sixteen_threads_with_loops_of_their_own() -> None:
    """Backends of different loops do not meet."""
    with in_thread(Echo()) as server:

        def work(number: int) -> list[str]:
            async def main() -> list[str]:
                async with opened(server.url) as backend:
                    calls = (ask(backend, f"{number}.{call}") for call in range(4))
                    live = (ask_live(backend, f"{number}.{call}") for call in range(4))
                    return await asyncio.gather(*calls, *live)

            return asyncio.run(main())

        with ThreadPoolExecutor(16) as threads:
            answers = list(threads.map(work, range(16)))
    assert answers == [[f"{number}.{call}" for call in range(4)] * 2 for number in range(16)]


def test_three_loops_one_after_the_other() -> None:
    """A loop that has ended leaves nothing behind: no thread, no connection."""
    with in_thread(Echo()) as server:
        for number in range(3):

            async def main(prompt: str) -> str:
                async with opened(server.url) as backend:
                    return await ask_live(backend, prompt) + await ask(backend, prompt)

            assert asyncio.run(main(f"loop {number}")) == f"loop {number}" * 2
            assert plugin_threads() == []


def test_cancelling_a_call_closes_its_connection_and_frees_its_thread() -> None:
    """The provider sees it at once, although nothing was answered yet; the next call gets the thread."""

    async def main() -> None:
        async with Echo() as server, opened(server.url, max_concurrency=1) as backend:
            call = asyncio.create_task(ask(backend, "hang"))
            await until(lambda: bool(server.received))
            call.cancel()
            with pytest.raises(asyncio.CancelledError):
                await call
            await until(lambda: bool(server.abandoned))
            assert await asyncio.wait_for(ask(backend, "next"), 5) == "next"

    asyncio.run(main())


def test_cancelling_a_call_that_waits_for_a_thread_sends_nothing() -> None:
    """It was not paid for."""

    async def main() -> None:
        async with Echo() as server, opened(server.url, max_concurrency=1) as backend:
            first = asyncio.create_task(ask(backend, "hang"))
            await until(lambda: bool(server.received))
            second = asyncio.create_task(ask(backend, "never sent"))
            await asyncio.sleep(0.05)
            second.cancel()
            first.cancel()
            await asyncio.gather(first, second, return_exceptions=True)
            assert await ask(backend, "third") == "third"
            assert len(server.received) == 2

    asyncio.run(main())


def test_cancelling_a_stream_that_is_silent_closes_its_connection() -> None:
    """Also where the task that reads it is cancelled, and not the stream left."""

    async def main() -> None:
        async with served(stream(*text_events("one"), stall_after=2)) as (server, backend):
            reading = asyncio.create_task(read(backend.stream_text(request())))
            await asyncio.sleep(0.2)
            reading.cancel()
            with pytest.raises(asyncio.CancelledError):
                await reading
            await until(lambda: bool(server.abandoned))

    asyncio.run(main())


def test_a_cancelled_call_takes_no_other_with_it() -> None:
    """Severed connections are never another call's, whenever the cancellation comes."""
    chance = random.Random(7)

    async def one(backend: BedrockBackend, number: int) -> None:
        ask_either = ask if number % 2 else ask_live
        call = asyncio.create_task(ask_either(backend, f"prompt {number}"))
        if number % 3 == 0:
            await asyncio.sleep(chance.random() * 0.03)
            call.cancel()
            await asyncio.gather(call, return_exceptions=True)
        else:
            assert await call == f"prompt {number}"

    async def main() -> None:
        async with Echo() as server, opened(server.url, max_concurrency=10) as backend:
            await asyncio.gather(*(one(backend, number) for number in range(300)))

    asyncio.run(main())


def test_closing_ends_what_is_under_way() -> None:
    """Whoever waits hears of it, and every thread ends."""

    async def main() -> None:
        async with Echo() as server, opened(server.url) as backend:
            calls = [asyncio.create_task(ask(backend, "hang")) for _ in range(3)]
            await until(lambda: len(server.received) == 3)
            await backend.close()
            outcomes = await asyncio.gather(*calls, return_exceptions=True)
            assert [type(outcome) for outcome in outcomes] == [ProviderConnectionError] * 3
            assert plugin_threads() == []

    asyncio.run(main())


def test_a_backend_that_did_not_open_leaves_no_thread() -> None:
    """A fault in its options is no leak."""

    async def main() -> None:
        with pytest.raises(CallError):
            async with opened("not an address"):
                pass
        assert plugin_threads() == []

    asyncio.run(main())


def test_the_loop_is_free_while_the_sdk_waits() -> None:
    """Waiting for an answer blocks nobody else."""

    async def main() -> None:
        beats = 0

        async def heart() -> None:
            nonlocal beats
            while True:
                await asyncio.sleep(0.005)
                beats += 1

        async with Echo(0.3) as server, opened(server.url) as backend:
            beating = asyncio.create_task(heart())
            await ask(backend, "x")
            beating.cancel()
        assert beats > 10

    asyncio.run(main())


def test_this_botocore_lets_its_connections_be_owned() -> None:
    """Closing the connection of a call without an answer rests on a part of botocore that is no public setting."""
    from botocore.session import Session

    from pipelex_backend_bedrock._connections import are_owned, own_connections

    keys: dict[str, Any] = {"aws_access_key_id": "AK", "aws_secret_access_key": "SK"}
    client = Session().create_client("bedrock-runtime", "us-east-1", **keys)
    assert not are_owned(client)
    own_connections(client)
    assert are_owned(client)


def test_with_another_botocore_closing_does_not_wait_for_threads() -> None:
    """Where connections cannot be owned, calls work, and a call given up keeps its thread, but nobody waits for it."""
    from pipelex_backend_bedrock import _client

    async def main() -> None:
        async with Echo() as server:
            async with opened(server.url) as backend:
                assert backend._workers.severable is False
                assert await ask(backend, "x") == "x"
                call = asyncio.create_task(ask(backend, "hang"))
                await until(lambda: len(server.received) == 2)
                call.cancel()
                await asyncio.gather(call, return_exceptions=True)
                assert not server.abandoned
            assert plugin_threads()
        await until(lambda: not plugin_threads())

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(_client, "own_connections", lambda _: None)
        asyncio.run(main())
