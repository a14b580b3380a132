"""Calls of a real model that nobody wants any more: they stop, and the processor goes quiet."""

from __future__ import annotations

import asyncio
import time
from contextlib import ExitStack, aclosing
from typing import TYPE_CHECKING

import pytest

from pipelex_backend_llamacpp import _shared
from pipelex_backend_llamacpp._settings import engine_settings
from pipelex_core.results import TextAnswer
from tests.support.llamacpp import make, opened, spec, text_request

if TYPE_CHECKING:
    from collections.abc import Iterator

N_CTX = 4096
LONG = text_request("Write a very long story about a fox.", max_tokens=900)
LONG_PROMPT = text_request("word " * 3000, max_tokens=2)


@pytest.fixture(scope="module", autouse=True)
def kept() -> Iterator[None]:
    """The model stays loaded between these tests."""
    engine = _shared.ENGINES.acquire(engine_settings(make(n_ctx=N_CTX).config, spec()))
    yield
    _shared.ENGINES.release(engine).result(60)


async def quiet(*, within: float = 6.0) -> bool:
    """Whether this process stops computing (less than a tenth of a core over 0.3 s) within seconds of the processor.

    Of the processor, not of the clock: a busy machine takes longer for the piece that is being read.
    """
    began = time.process_time()
    while (used := time.process_time()) - began < within:
        await asyncio.sleep(0.3)
        if time.process_time() - used < 0.03:
            return True
    return False


def test_cancelling_a_call_stops_the_generation() -> None:
    """The task ends at once, the processor goes quiet, and the next call does not wait."""

    async def main() -> None:
        async with opened(n_ctx=N_CTX) as backend:
            task = asyncio.create_task(backend.generate_text(LONG))
            await asyncio.sleep(0.8)
            began = time.perf_counter()
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
            assert time.perf_counter() - began < 2
            assert await quiet()
            answer = await backend.generate_text(text_request("Hello.", max_tokens=2))
            assert answer.usage.output_tokens == 2

    asyncio.run(main())


def test_cancelling_stops_the_reading_of_a_long_prompt() -> None:
    """Before the first token too: the prompt is read in pieces, and a cancelled call stops after one."""

    async def main() -> None:
        async with opened(n_ctx=N_CTX) as backend:
            task = asyncio.create_task(backend.generate_text(LONG_PROMPT))
            await asyncio.sleep(0.3)
            assert not task.done()
            task.cancel()
            assert await quiet()

    asyncio.run(main())


def test_leaving_a_stream_stops_the_generation() -> None:
    """Closing the iterator after the first delta is enough."""

    async def main() -> None:
        async with opened(n_ctx=N_CTX) as backend:
            async with aclosing(backend.stream_text(LONG)) as stream:  # type: ignore[type-var]  # it is a generator
                assert isinstance(await anext(stream), str)
            assert await quiet()

    asyncio.run(main())


def test_a_deadline_stops_the_generation() -> None:
    """What the execution layer does when time is over."""

    async def main() -> None:
        async with opened(n_ctx=N_CTX) as backend:
            with pytest.raises(TimeoutError):
                async with asyncio.timeout(0.6):
                    await backend.generate_text(LONG)
            assert await quiet()

    asyncio.run(main())


def test_a_call_that_is_cancelled_while_it_waits_never_runs() -> None:
    """Calls queue for the model; one that is given up there costs nothing."""

    async def main() -> None:
        async with opened(n_ctx=N_CTX) as backend:
            first, second, third = (asyncio.create_task(backend.generate_text(LONG)) for _ in range(3))
            await asyncio.sleep(0.6)
            second.cancel()
            third.cancel()
            first.cancel()
            await asyncio.wait([first, second, third])
            assert await quiet()

    asyncio.run(main())


def test_a_prompt_that_is_read_and_a_call_that_waits_are_not_silent() -> None:
    """Both give empty deltas, which the call's `idle_timeout` takes for signs of life; a text comes after them."""

    async def main() -> None:
        async with opened(n_ctx=N_CTX) as backend, asyncio.timeout(120):
            long = text_request("word " * 300, max_tokens=1)
            async with aclosing(backend.stream_text(long)) as first:  # type: ignore[type-var]  # it is a generator
                async with aclosing(backend.stream_text(long)) as second:  # type: ignore[type-var]  # as above
                    assert [await anext(first) for _ in range(4)] == [""] * 4
                    assert await anext(second) == ""  # there is one place, and the other has it
                assert isinstance([event async for event in first][-1], TextAnswer)

    asyncio.run(main())


def test_a_loop_that_ends_without_closing_stops_its_calls() -> None:
    """A closed loop cannot be told the next delta: the generation ends by itself."""
    backend = make(n_ctx=N_CTX)
    with ExitStack() as abandoned:

        async def begin() -> None:
            _, events = abandoned.enter_context(backend._generating(LONG, deltas=True))
            await events.get()

        asyncio.run(begin())
        assert asyncio.run(quiet())
    asyncio.run(backend.close())
