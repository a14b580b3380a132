"""Thousands of calls of one backend in one piece, and what the process holds before and after them.

`python -m tests.resilience.soaking "OpenAI chat" …` prints a row of docs/speed.md for each backend named, or for all.
"""

from __future__ import annotations

import asyncio
import gc
import sys
import threading
from contextlib import asynccontextmanager
from itertools import repeat
from typing import TYPE_CHECKING, Any

import psutil
from attrs import frozen

from pipelex_core import AsyncClient
from pipelex_core.deck import ModelDeck
from pipelex_core.routing import ModelEntry, RouteMatch
from pipelex_core.specs import BackendConfig, ModelSpec
from pipelex_testing.running import Running, deck_for
from pipelex_testing.samples import PROMPT
from tests.conformance.provider import installed
from tests.conformance.test_suites import TestInternal as InternalSuite
from tests.resilience.backends import first_kind
from tests.resilience.soak_server import LEFT, SUITES, soak_servers

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Mapping

CALLS, STREAMS, DOCUMENTS = 20_000, 5_000, 2_000
"""How many make a soak: calls, streams that are begun and left, and documents, each of which a process reads."""

AT_ONCE = 8
WARM = 200
"""Calls after which everything has been made that is kept."""

NAMES = (*SUITES, "mock", "internal")


@frozen(kw_only=True)
class Held:
    """What a process holds.

    Attributes:
        memory: Bytes that are resident.
        descriptors: Files and sockets that are open.
        threads: Those of Python.
        tasks: Those of the event loop.
    """

    memory: int
    descriptors: int
    threads: int
    tasks: int


def soak(name: str, url: str, *, calls: int, streams: int, warm: int = WARM) -> dict[str, tuple[Held, Held]]:
    """What is held before and after calls, and streams that are begun and left; empty where there are none."""
    return asyncio.run(_soaked(name, url, calls, streams, warm))


async def _soaked(name: str, url: str, calls: int, streams: int, warm: int) -> dict[str, tuple[Held, Held]]:
    async with _client(name, url) as (call, leave):
        soaked = {"calls": (calls, call)} | ({} if leave is None else {"streams": (streams, leave)})
        for each in soaked.values():
            await _many(warm, each[1])
        held = {}
        for what, (count, ask) in soaked.items():
            before = await _held()
            await _many(count, ask)
            held[what] = (before, await _held())
        return held


@asynccontextmanager
async def _client(name: str, url: str) -> AsyncIterator[tuple[Callable[[], Awaitable[Any]], Any]]:
    """A call that is answered, and a stream that is left after its first delta, where the backend streams."""
    suite = SUITES.get(name) or (InternalSuite() if name == "internal" else None)
    deck, model = (_mock_deck(), "m") if suite is None else (deck_for(suite, url), "llm")
    async with AsyncClient(deck, installed()) as client:

        async def leave() -> None:
            async with client.stream_text(PROMPT, model=model, system=LEFT) as stream:
                async for delta in stream:
                    assert delta
                    return

        if suite is None:
            yield lambda: client.generate_text(PROMPT, model=model), leave
            return
        at, kind = Running(suite, None, client), first_kind(suite)
        yield lambda: kind.make(at), leave if "stream" in suite.claims else None


def _mock_deck() -> ModelDeck:
    spec = ModelSpec(name="m", backend="fake", sdk="mock", model_id="m")
    entry = ModelEntry(name="m", spec=spec, available=True, reason=None, route=RouteMatch(rule="exact", backend="fake"))
    return ModelDeck(models={"m": entry}, backends={"fake": BackendConfig(name="fake")})


async def _many(count: int, ask: Callable[[], Awaitable[Any]]) -> None:
    numbers = iter(repeat(None, count))

    async def some() -> None:
        for _ in numbers:
            await ask()

    await asyncio.gather(*(some() for _ in range(AT_ONCE)))


async def _held() -> Held:
    """What is held once connections that were closed are gone."""
    process = psutil.Process()
    await asyncio.sleep(0.1)
    gc.collect()
    return Held(
        memory=process.memory_info().rss,
        descriptors=process.num_fds(),
        threads=threading.active_count(),
        tasks=len(asyncio.all_tasks()),
    )


def _row(name: str, held: Mapping[str, tuple[Held, Held]]) -> str:
    cells = [name]
    for what in ("calls", "streams"):
        if what not in held:
            cells += [""] * 4
            continue
        before, after = held[what]
        cells.append(f"{(after.memory - before.memory) / 1e6:+.1f} MB")
        cells += [f"{getattr(after, each)}" for each in ("descriptors", "threads", "tasks")]
    return f"| {' | '.join(cells)} |"


def main(names: list[str]) -> None:
    """Print a row for each backend."""
    with soak_servers() as urls:
        for name in names or NAMES:
            calls = DOCUMENTS if name == "internal" else CALLS
            held = soak(name, urls.get(name, ""), calls=calls, streams=STREAMS)
            sys.stdout.write(_row(name, held) + f"  {held}\n")
            sys.stdout.flush()


if __name__ == "__main__":
    main(sys.argv[1:])
