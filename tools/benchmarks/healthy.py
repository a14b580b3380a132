"""What the layer of survival costs a call that needs none of it: limits, a budget, retries and rests, beside none."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from attrs import evolve

from pipelex_core import AsyncClient, CooldownPolicy
from pipelex_core.plugins import discover
from pipelex_core.policies import RETRY
from pipelex_core.specs import Limits
from tools.benchmarks.calls import CALLS, PROMPT, deck
from tools.benchmarks.server import fixed_server
from tools.benchmarks.table import Row, interleaved

if TYPE_CHECKING:
    from collections.abc import Callable

    from pipelex_core.specs import BackendConfig


def run(*, rounds: int = 41) -> list[Row]:
    """With limits, retries and rests, beside a client with none; the ledger is always written."""
    plugins = discover()

    def client(url: str, change: Callable[[BackendConfig], BackendConfig]) -> AsyncClient:
        made = deck(url)
        return AsyncClient(evolve(made, backends={n: change(c) for n, c in made.backends.items()}), plugins)

    with fixed_server() as url, asyncio.Runner() as runner:
        none = client(
            url, lambda c: evolve(c, retry=evolve(RETRY, retries=0), cooldown=CooldownPolicy(failures=0), limits=None)
        )
        limits = Limits(max_concurrency=50, requests_per_minute=10_000_000, tokens_per_minute=10_000_000_000)
        everything = client(url, lambda c: evolve(c, limits=limits))

        def many(client: AsyncClient, **terms: Any) -> Callable[[], None]:
            async def loop() -> None:
                for _ in range(CALLS):
                    await client.generate_text(PROMPT, model="m", **terms)

            return lambda: runner.run(loop())

        taken = interleaved({"none": many(none), "all": many(everything)}, rounds=rounds)
        runner.run(none.aclose())
        runner.run(everything.aclose())
    note = f"{taken['all'] / CALLS * 1e6:.0f} us beside {taken['none'] / CALLS * 1e6:.0f} us"
    return [Row("healthy call: limits, retries and rests / none, CPU", taken["all"] / taken["none"], "x", 1.05, note)]
