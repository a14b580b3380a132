"""A thousand requests at one gate: none starves, none is overtaken by more than its model's own cap explains."""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from typing import TYPE_CHECKING

import pytest

from pipelex_core.specs import Limits
from pipelex_limits.gate import Gate

if TYPE_CHECKING:
    from collections.abc import Iterable

WAITERS = 1_000
MODELS = ("free", "narrow")


def requests(seed: int) -> list[tuple[str, int]]:
    """Model and tokens of each: most small, some larger than a whole minute's tokens."""
    chance = random.Random(seed)
    return [(chance.choice(MODELS), chance.choice((1, 10, 100, 1_000, 20_000))) for _ in range(WAITERS)]


async def order_of_passing(gate: Gate, requested: Iterable[tuple[str, int]]) -> list[int]:
    """The numbers of the requests, in the order in which they passed."""
    passed: list[int] = []

    async def go(number: int, model: str, tokens: int) -> None:
        passage = await gate.enter(model, tokens)
        passed.append(number)
        await asyncio.sleep(0)
        gate.leave(passage, tokens)

    tasks = [asyncio.create_task(go(number, *each)) for number, each in enumerate(requested)]
    await asyncio.wait_for(asyncio.gather(*tasks), 60)
    return passed


@pytest.mark.parametrize("seed", range(3))
def test_a_thousand_requests_of_every_size_pass_in_their_order(seed: int) -> None:
    """Tokens or concurrency of the backend: a large request is not overtaken by a single small one behind it."""
    limits = Limits(max_concurrency=7, tokens_per_minute=10_000)
    gate = Gate("acme", limits, {}, length=0.005)
    assert asyncio.run(order_of_passing(gate, requests(seed))) == list(range(WAITERS))
    assert (gate.waiting, gate.running) == (0, 0)


def test_a_models_own_cap_delays_that_model_alone() -> None:
    """Within each model the order holds; the other model's requests pass, and are done long before the last of these."""
    requested = requests(4)
    gate = Gate("acme", Limits(max_concurrency=50), {"narrow": Limits(max_concurrency=1)})
    passed = asyncio.run(order_of_passing(gate, requested))
    for model in MODELS:
        mine = [number for number in passed if requested[number][0] == model]
        assert mine == sorted(mine)
    half = Counter(requested[number][0] for number in passed[: WAITERS // 2])
    assert half["free"] > 4 * half["narrow"]


def test_cancelled_waiters_delay_nobody() -> None:
    """Every second one gives up while it waits; the others pass in their order, and nothing of the room is lost."""

    async def main() -> list[int]:
        gate = Gate("acme", Limits(max_concurrency=3), {})
        held = [await gate.enter("free", 0) for _ in range(3)]
        passed: list[int] = []

        async def go(number: int) -> None:
            passage = await gate.enter("free", 0)
            passed.append(number)
            gate.leave(passage, 0)

        tasks = [asyncio.create_task(go(number)) for number in range(WAITERS)]
        await asyncio.sleep(0)
        for task in tasks[::2]:
            task.cancel()
        await asyncio.sleep(0)
        for passage in held:
            gate.leave(passage, 0)
        ends = await asyncio.gather(*tasks, return_exceptions=True)
        assert sum(isinstance(end, asyncio.CancelledError) for end in ends) == WAITERS // 2
        assert (gate.waiting, gate.running) == (0, 0)
        return passed

    assert asyncio.run(main()) == list(range(1, WAITERS, 2))
