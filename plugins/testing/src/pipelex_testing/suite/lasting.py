"""Scenarios: one client through event loops and threads, and nothing left behind."""

from __future__ import annotations

import asyncio
import gc
import threading
import warnings
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from pipelex_core.client import AsyncClient, Client
from pipelex_core.errors import CallError
from pipelex_testing.calls import Kind  # noqa: TC001 -- read by pytest
from pipelex_testing.marks import about, each_call
from pipelex_testing.running import Running, deck_for, running, standing
from pipelex_testing.samples import PLAIN, PROMPT, TEXT
from pipelex_testing.server import in_thread
from pipelex_testing.suite.base import Scenarios


class Lasting(Scenarios):
    """A client is made once."""

    @each_call
    def test_one_client_goes_through_three_event_loops(self, call: Kind) -> None:
        """What belongs to a loop is made in it, and closed with it."""
        with standing(self.suite) as server:
            client = AsyncClient(deck_for(self.suite, server.url if server else ""), self.suite.plugins())
            at = Running(self.suite, server, client)

            async def main() -> None:
                call.prepare(at)
                call.verify(at, await call.make(at))

            with warnings.catch_warnings():
                warnings.simplefilter("error")
                for _ in range(3):
                    asyncio.run(main())
                gc.collect()

    @about("text")
    def test_sixteen_threads_use_one_client_first_at_once(self) -> None:
        """Each gets an answer, from one backend."""
        wire = self.suite.spoken
        with in_thread(wire.server()) as server:
            server.queue(*[wire.answer(PLAIN)] * 16)
            barrier = threading.Barrier(16)
            with Client(deck_for(self.suite, server.url), self.suite.plugins()) as client:

                def ask(_: int) -> str:
                    barrier.wait(30)
                    return client.generate_text(PROMPT, model="llm").text

                with ThreadPoolExecutor(16) as threads:
                    assert list(threads.map(ask, range(16))) == [TEXT] * 16
            assert len(wire.calls(server)) == 16

    @each_call
    def test_calls_at_the_same_time_are_all_answered(self, call: Kind) -> None:
        """Twenty at once in one loop; three where each is this machine's work."""

        async def use(at: Running) -> None:
            count = 20 if at.has_server else 3
            for _ in range(count):
                call.prepare(at)
            for result in await asyncio.gather(*(call.make(at) for _ in range(count))):
                call.verify(at, result)

        self.run(use)

    @each_call
    def test_a_backend_opens_without_a_request(self, call: Kind) -> None:
        """Nothing is sent before the first call, and a client that is closed unused leaves nothing behind."""

        async def use(at: Running) -> None:
            assert at.server.received == []
            call.queue(at)
            call.check(await call.make(at))
            assert len(at.calls) == 1

        self.run(use)

    @each_call
    def test_nothing_is_left_behind(self, call: Kind) -> None:
        """After calls that went well and badly: no task, no thread of a loop, no connection, no warning."""
        remaining: list[Any] = []

        async def main() -> None:
            async with asyncio.timeout(60), running(self.suite) as at:
                call.prepare(at)
                await call.make(at)
                if at.has_server:
                    at.server.queue(at.wire.error(500))
                    with pytest.raises(CallError):
                        await call.make(at, retries=0)
            remaining.extend(task for task in asyncio.all_tasks() if task is not asyncio.current_task())

        with warnings.catch_warnings(record=True) as reported:
            warnings.simplefilter("always")
            asyncio.run(main())
            gc.collect()
        assert remaining == []
        assert [str(one.message) for one in reported if issubclass(one.category, ResourceWarning)] == []
