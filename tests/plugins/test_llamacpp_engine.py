"""Engines with a real model: one load a process, many callers, freed by the last."""

from __future__ import annotations

import asyncio
import threading
import time
from queue import SimpleQueue
from typing import TYPE_CHECKING

import psutil
import pytest

from pipelex_backend_llamacpp import _server, _shared
from pipelex_backend_llamacpp._body import chat_body
from pipelex_backend_llamacpp._generation import Generation
from pipelex_backend_llamacpp._settings import engine_settings
from pipelex_backend_llamacpp.models import fetch
from pipelex_core.errors import BadRequestError, CallError
from pipelex_core.results import TextAnswer
from tests.support.llamacpp import make, opened, spec, text_request

if TYPE_CHECKING:
    from pathlib import Path

    from pipelex_backend_llamacpp._backend import LlamaCppBackend
    from pipelex_backend_llamacpp._generation import Event
    from pipelex_backend_llamacpp._settings import EngineSettings

PROCESS = psutil.Process()
LONG = text_request("Write a very long story about a fox.", max_tokens=900)


@pytest.fixture(autouse=True)
def nothing_is_remaining() -> object:
    """Every test gives back its engines and their threads."""
    fetch("smollm2")
    most = PROCESS.num_threads() + 1  # the library's logger stays once it has begun
    yield
    assert _shared.ENGINES._engines == {}
    deadline = time.monotonic() + 5
    while PROCESS.num_threads() > most and time.monotonic() < deadline:
        time.sleep(0.02)
    assert PROCESS.num_threads() <= most


@pytest.fixture
def loads(monkeypatch: pytest.MonkeyPatch) -> list[EngineSettings]:
    """The loads of the test, in order."""
    seen: list[EngineSettings] = []
    start = _server.start

    def counted(settings: EngineSettings) -> object:
        seen.append(settings)
        return start(settings)

    monkeypatch.setattr(_server, "start", counted)
    return seen


def test_nothing_is_loaded_before_the_first_call(loads: list[EngineSettings]) -> None:
    """Opening and closing a backend costs nothing."""

    async def main() -> None:
        async with opened():
            assert not loads

    asyncio.run(main())
    assert not loads


def test_many_threads_and_loops_share_one_model(loads: list[EngineSettings]) -> None:
    """16 threads, each with its own event loop and backend: one load, and every answer is the caller's own."""
    prompts = ["apple", "7 7 7"]
    answers: dict[int, str] = {}

    async def ask(prompt: str) -> str:
        async with opened() as backend:
            return (await backend.generate_text(text_request(prompt, system="Repeat.", max_tokens=3))).text

    async def main() -> list[str]:
        async with opened() as keeper:
            await keeper.generate_text(text_request(max_tokens=1))
            alone = [await ask(prompt) for prompt in prompts]
            assert len(loads) == 1

            def work(number: int) -> None:
                answers[number] = asyncio.run(ask(prompts[number % 2]))

            threads = [threading.Thread(target=work, args=(number,)) for number in range(16)]
            for thread in threads:
                thread.start()
            for thread in threads:
                await asyncio.to_thread(thread.join)
            return alone

    alone = asyncio.run(main())
    assert len(set(alone)) == 2
    assert [answers[number] for number in range(16)] == alone * 8
    assert len(loads) == 1


def test_a_name_and_a_path_of_one_file_share_it(loads: list[EngineSettings], tmp_path: Path) -> None:
    """What counts is the file, whatever it is called by."""
    link = tmp_path / "model.gguf"
    link.symlink_to(fetch("smollm2"))

    async def main() -> None:
        async with opened() as backend:
            for model_id in ("smollm2", str(link)):
                await backend.generate_text(text_request(model_id=model_id, max_tokens=1))

    asyncio.run(main())
    assert len(loads) == 1


def test_other_settings_are_another_engine(loads: list[EngineSettings]) -> None:
    """A larger context cannot come from a model that was loaded with a smaller one."""

    async def main() -> None:
        async with opened(n_ctx=256) as one, opened(n_ctx=512) as other:
            for backend in (one, other):
                await backend.generate_text(text_request(max_tokens=1))

    asyncio.run(main())
    assert [settings.n_ctx for settings in loads] == [256, 512]


def test_the_last_close_frees_the_model(loads: list[EngineSettings]) -> None:
    """The first of two closes frees nothing; after the last, memory and threads are back, and a call loads anew."""
    request = text_request(max_tokens=1)

    async def main() -> tuple[int, int]:
        one, other = make(), make()
        await one.generate_text(request)
        await other.generate_text(request)
        await one.close()
        await other.generate_text(request)
        assert len(loads) == 1
        held = PROCESS.memory_info().rss
        await other.close()
        freed = PROCESS.memory_info().rss
        async with opened() as again:
            await again.generate_text(request)
        return held, freed

    held, freed = asyncio.run(main())
    assert len(loads) == 2
    assert held - freed > 60_000_000


def test_a_call_after_a_close_loads_after_the_old_model_is_gone(loads: list[EngineSettings]) -> None:
    """A backend that opens while the last one closes waits for the memory."""

    async def main() -> int | None:
        first, second = make(), make()
        running = asyncio.create_task(first.generate_text(LONG))
        await asyncio.sleep(0.6)
        _, answer, ended = await asyncio.gather(
            first.close(), second.generate_text(text_request(max_tokens=1)), running, return_exceptions=True
        )
        await second.close()
        assert isinstance(ended, CallError)
        assert isinstance(answer, TextAnswer)
        return answer.usage.output_tokens

    assert asyncio.run(main()) == 1
    assert 1 <= len(loads) <= 2


def test_closing_ends_the_calls_that_run_with_an_error() -> None:
    """Nobody waits for ever on a backend that is closed: not a stream, not a call that waits for its turn."""

    async def read(backend: LlamaCppBackend, begun: asyncio.Event) -> None:
        with pytest.raises(CallError, match="closed"):
            async for _ in backend.stream_text(LONG):
                begun.set()

    async def main() -> None:
        backend, begun = make(), asyncio.Event()
        stream = asyncio.create_task(read(backend, begun))
        call = asyncio.create_task(backend.generate_text(LONG))
        await begun.wait()
        await backend.close()
        await stream
        with pytest.raises(CallError, match="closed"):
            await call

    asyncio.run(main())


def test_calls_run_side_by_side_on_the_slots_of_the_server() -> None:
    """With n_parallel = 2 the second call does not wait for the first; each has the whole n_ctx."""

    async def main() -> None:
        async with opened(n_parallel=2, n_ctx=256) as backend:
            long = asyncio.create_task(backend.generate_text(text_request("Tell a story.", max_tokens=200)))
            await asyncio.sleep(0.2)
            short = await backend.generate_text(text_request("word " * 130, max_tokens=2))
            assert not long.done()
            assert (short.usage.input_tokens or 0) > 130
            long.cancel()

    asyncio.run(main())


@pytest.mark.parametrize(
    "body",
    [b"no JSON", b'{"messages": [{"role": "user", "content": "a"}], "stream": true, "json_schema": {"type": "spell"}}'],
)
def test_what_the_server_throws_ends_the_call_alone(body: bytes) -> None:
    """Some refusals are exceptions of the library's: that call fails, and the next one works."""
    engine = _shared.ENGINES.acquire(engine_settings(make().config, spec()))
    reported: SimpleQueue[Event] = SimpleQueue()
    engine.submit(Generation(body, reported.put, deltas=False))
    assert isinstance(reported.get(timeout=30), BadRequestError)
    engine.submit(Generation(chat_body(text_request(max_tokens=1), most_tokens=1), reported.put, deltas=False))
    assert isinstance(reported.get(timeout=30), TextAnswer)
    _shared.ENGINES.release(engine).result(30)
