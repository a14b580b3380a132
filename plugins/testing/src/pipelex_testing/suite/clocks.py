"""Scenarios: deadlines, cancellation, and an event loop that goes on."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING

import pytest
from attrs import evolve

from pipelex_core.errors import DeadlineExceededError
from pipelex_testing.calls import Kind  # noqa: TC001 -- read by pytest
from pipelex_testing.marks import about, each_call
from pipelex_testing.running import until
from pipelex_testing.samples import PLAIN, PROMPT
from pipelex_testing.suite.base import Scenarios

if TYPE_CHECKING:
    from pipelex_testing.running import Running

DEADLINE = 0.5
_MEDIA = frozenset({"image out", "image edits", "transcription", "speech"})
"""What may be a job, made of several requests."""
SLACK = 3.0
"""Seconds that a busy machine may add."""


class Clocks(Scenarios):
    """The caller's time is the caller's."""

    @each_call
    def test_a_server_that_hangs_is_left_at_the_deadline(self, call: Kind) -> None:
        """No SDK's own timeout or retry makes it longer."""

        async def use(at: Running) -> None:
            at.wire.hang(at.server)
            await _ends_in_time(at, call)

        self.run(use)

    @each_call
    def test_a_deadline_that_is_over_ends_the_call(self, call: Kind) -> None:
        """As its own error, whatever is under way; the next call is answered."""

        async def use(at: Running) -> None:
            if at.has_server:
                at.wire.hang(at.server)
            with pytest.raises(DeadlineExceededError):
                await call.make(at, deadline=1e-6, retries=0)
            if at.has_server:
                at.server.forget()
            call.prepare(at)
            call.verify(at, await call.make(at))

        self.run(use)

    @each_call
    def test_an_answer_that_drips_is_left_at_the_deadline(self, call: Kind) -> None:
        """A byte now and then does not prolong the wait."""

        async def use(at: Running) -> None:
            if call.capability in _MEDIA and at.wire.calls(at.server) is not at.server.received:
                at.wire.hang(at.server)  # a queue drips by its statuses
            else:
                whole = call.reply(at)
                data = b"".join(whole.chunks)
                drops = tuple(data[place : place + 1] for place in range(len(data)))
                at.server.queue(evolve(whole, chunks=drops, pause=0.2))
            await _ends_in_time(at, call)

        self.run(use)

    @about("stream")
    def test_a_stream_that_falls_silent_is_left_at_the_deadline(self) -> None:
        """With its text until then."""

        async def use(at: Running) -> None:
            reply = at.wire.stream(PLAIN)
            at.server.queue(evolve(reply, stall_after=len(reply.chunks) - 1))
            started = time.monotonic()
            with pytest.raises(DeadlineExceededError):  # noqa: PT012 -- wherever in the stream
                async with at.client.stream_text(PROMPT, model=at.llm, deadline=DEADLINE, retries=0) as stream:
                    async for _ in stream:
                        pass
            assert time.monotonic() - started < DEADLINE + SLACK

        self.run(use)

    @each_call
    def test_a_call_given_up_ends_at_the_provider_too(self, call: Kind) -> None:
        """Cancelled, it closes its connection; the next call is answered."""

        async def use(at: Running) -> None:
            if at.has_server:
                at.wire.hang(at.server)
            waiting = asyncio.create_task(call.make(at))
            if at.has_server:
                await until(lambda: at.calls, "the request reaches the server")
            else:
                await asyncio.sleep(0)  # an engine at work lets the loop go on
            assert waiting.cancel(), "the call is over before it can be given up"
            with pytest.raises(asyncio.CancelledError):
                await waiting
            if at.has_server:
                await until(lambda: at.wire.was_cancelled(at.server), "the provider hears that the caller has gone")
            call.prepare(at)
            call.verify(at, await call.make(at))

        self.run(use)

    @about("stream")
    def test_a_stream_left_early_ends_at_the_provider_too(self) -> None:
        """Leaving it closes its connection; the next call is answered."""

        async def use(at: Running) -> None:
            if at.has_server:
                reply = at.wire.stream(PLAIN)
                at.server.queue(evolve(reply, stall_after=len(reply.chunks) - 1), reply)
            async with at.client.stream_text(PROMPT, model=at.llm) as stream:
                assert await anext(stream)
            if at.has_server:
                await until(lambda: at.server.abandoned, "the connection is closed")
            async with at.client.stream_text(PROMPT, model=at.llm) as stream:
                assert [delta async for delta in stream]

        self.run(use)

    @each_call
    def test_the_event_loop_goes_on_while_a_call_waits(self, call: Kind) -> None:
        """Nothing in the plugin blocks the loop: a clock beside the call keeps ticking."""

        async def use(at: Running) -> None:
            call.prepare(at)
            await call.make(at)  # what is made once is made by now
            if at.has_server:
                at.wire.hang(at.server)
                calls = len(at.calls)
                waiting = asyncio.create_task(call.make(at))
                await until(lambda: len(at.calls) > calls, "the request reaches the server")
            else:
                waiting = asyncio.create_task(call.make(at))
            ticks, last = [], time.monotonic()
            for _ in range(20):
                await asyncio.sleep(0.01)
                ticks.append(time.monotonic() - last)
                last = time.monotonic()
            waiting.cancel()
            await asyncio.wait([waiting])
            assert sorted(ticks)[len(ticks) // 2] < 0.2, "half of the ticks came late"

        self.run(use)


async def _ends_in_time(at: Running, call: Kind) -> None:
    started = time.monotonic()
    with pytest.raises(DeadlineExceededError):
        await call.make(at, deadline=DEADLINE, retries=0)
    assert time.monotonic() - started < DEADLINE + SLACK
