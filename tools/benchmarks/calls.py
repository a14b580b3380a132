"""One call beside the SDK's own typed call on the same payload."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from pipelex_core import AsyncClient, Client
from pipelex_core.deck import ModelDeck
from pipelex_core.plugins import discover
from pipelex_core.routing import ModelEntry, RouteMatch
from pipelex_core.specs import BackendConfig, ModelSpec, Secret
from tools.benchmarks.server import CHUNKS, fixed_server
from tools.benchmarks.table import Row, interleaved

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine

PROMPT = "Name three rivers of Europe, and say where they end. " * 10
MESSAGES: Any = [{"role": "user", "content": PROMPT}]
CALLS = 40


def deck(url: str) -> ModelDeck:
    """One model of one OpenAI-compatible backend."""
    spec = ModelSpec(name="m", backend="openai", sdk="openai", model_id="gpt-4o-mini")
    entry = ModelEntry(
        name="m", spec=spec, available=True, reason=None, route=RouteMatch(rule="default", backend="openai")
    )
    return ModelDeck(
        models={"m": entry}, backends={"openai": BackendConfig(name="openai", endpoint=url, api_key=Secret("sk-bench"))}
    )


def run(*, rounds: int = 15) -> list[Row]:
    """Async, sync, and per streamed chunk."""
    import openai

    plugins = discover()
    with fixed_server() as url, asyncio.Runner() as runner:
        ours_sync = Client(deck(url), plugins)
        theirs_sync = openai.OpenAI(base_url=url, api_key="sk-bench", max_retries=0)
        ours, theirs = (
            AsyncClient(deck(url), plugins),
            openai.AsyncOpenAI(base_url=url, api_key="sk-bench", max_retries=0),
        )

        def many(call: Callable[[], Coroutine[Any, Any, Any]]) -> Callable[[], None]:
            async def loop() -> None:
                for _ in range(CALLS):
                    await call()

            return lambda: runner.run(loop())

        async def ours_stream() -> None:
            async with ours.stream_text(PROMPT, model="m") as stream:
                async for _ in stream:
                    pass

        async def theirs_stream() -> None:
            stream = await theirs.chat.completions.create(
                model="gpt-4o-mini", messages=MESSAGES, stream=True, stream_options={"include_usage": True}
            )
            async for _ in stream:
                pass

        taken = interleaved(
            {
                "async ours": many(lambda: ours.generate_text(PROMPT, model="m")),
                "async SDK": many(lambda: theirs.chat.completions.create(model="gpt-4o-mini", messages=MESSAGES)),
                "sync ours": lambda: [ours_sync.generate_text(PROMPT, model="m") for _ in range(CALLS)],
                "sync SDK": lambda: (
                    [theirs_sync.chat.completions.create(model="gpt-4o-mini", messages=MESSAGES) for _ in range(CALLS)]
                    and None
                ),
                "stream ours": lambda: runner.run(ours_stream()),
                "stream SDK": lambda: runner.run(theirs_stream()),
            },
            rounds=rounds,
        )
        ours_sync.close()
        theirs_sync.close()
        runner.run(ours.aclose())
        runner.run(theirs.close())
    per_call = f"{taken['async ours'] / CALLS * 1e6:.0f} us beside {taken['async SDK'] / CALLS * 1e6:.0f} us"
    per_sync = f"{taken['sync ours'] / CALLS * 1e6:.0f} us beside {taken['sync SDK'] / CALLS * 1e6:.0f} us"
    per_chunk = f"{taken['stream ours'] / CHUNKS * 1e6:.0f} us beside {taken['stream SDK'] / CHUNKS * 1e6:.0f} us"
    return [
        Row("generate_text, async / SDK typed call", taken["async ours"] / taken["async SDK"], "x", 0.70, per_call),
        Row("generate_text, sync / SDK typed call", taken["sync ours"] / taken["sync SDK"], "x", 0.90, per_sync),
        Row(
            "stream_text per chunk / SDK typed stream", taken["stream ours"] / taken["stream SDK"], "x", 0.35, per_chunk
        ),
    ]
