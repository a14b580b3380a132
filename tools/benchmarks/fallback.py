"""What a first member that cannot now adds to a call of its chain, beside one failed call of the SDK."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from pipelex_core import AsyncClient, CooldownPolicy
from pipelex_core.deck import Alias, ModelDeck
from pipelex_core.plugins import discover
from pipelex_core.routing import ModelEntry, RouteMatch
from pipelex_core.specs import BackendConfig, ModelSpec, Secret
from tools.benchmarks.calls import CALLS, MESSAGES, PROMPT
from tools.benchmarks.server import fixed_server
from tools.benchmarks.table import Row, interleaved

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine
    from typing import Any


def deck(failing: str, answering: str) -> ModelDeck:
    """`both` leads to a model that fails, then to one that answers; no rests, or the first would soon not be asked."""
    backends = {"failing": failing, "answering": answering}
    return ModelDeck(
        models={
            name: ModelEntry(
                name=name,
                spec=ModelSpec(name=name, backend=name, sdk="openai", model_id="gpt-4o-mini"),
                available=True,
                reason=None,
                route=RouteMatch(rule="default", backend=name),
            )
            for name in backends
        },
        aliases={"both": Alias(name="both", targets=tuple(backends))},
        backends={
            name: BackendConfig(
                name=name, endpoint=url, api_key=Secret("sk-bench"), cooldown=CooldownPolicy(failures=0)
            )
            for name, url in backends.items()
        },
    )


def run(*, rounds: int = 15) -> list[Row]:
    """A first member that answers 500, and one that answers 429."""
    import openai

    plugins = discover()
    rows = []
    for status in (500, 429):
        with fixed_server(status=status) as failing, fixed_server() as answering, asyncio.Runner() as runner:
            ours = AsyncClient(deck(failing, answering), plugins)
            theirs = openai.AsyncOpenAI(base_url=failing, api_key="sk-bench", max_retries=0)

            def many(call: Callable[[], Coroutine[Any, Any, Any]]) -> Callable[[], None]:
                async def loop() -> None:
                    for _ in range(CALLS):
                        await call()

                return lambda: runner.run(loop())

            async def fail() -> None:
                try:
                    await theirs.chat.completions.create(model="gpt-4o-mini", messages=MESSAGES)  # noqa: B023 -- as above
                except openai.APIStatusError:
                    return
                msg = "the server answered"
                raise AssertionError(msg)

            taken = interleaved(
                {
                    "chain": many(lambda: ours.generate_text(PROMPT, model="both")),  # noqa: B023 -- as above
                    "alone": many(lambda: ours.generate_text(PROMPT, model="answering")),  # noqa: B023 -- as above
                    "failed": many(fail),
                },
                rounds=rounds,
            )
            runner.run(ours.aclose())
            runner.run(theirs.close())
        added, failed = (taken["chain"] - taken["alone"]) / CALLS * 1e6, taken["failed"] / CALLS * 1e6
        note = f"{added:.0f} us beside {failed:.0f} us"
        rows.append(Row(f"fallback after a {status} / a failed SDK call", added / failed, "x", 2.0, note))
    return rows
