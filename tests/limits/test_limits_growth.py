"""Limits and budgets keep nothing of the calls that are over."""

from __future__ import annotations

import asyncio
import gc
import tracemalloc

from attrs import evolve

from pipelex_core.capabilities.text import TEXT
from pipelex_core.execution.admission import Admissions
from pipelex_core.execution.attempts import Attempting
from pipelex_core.parts import Message, TextPart
from pipelex_core.plugins import discover
from pipelex_core.requests import TextRequest
from pipelex_core.results import Usage
from pipelex_core.specs import Limits
from pipelex_limits.budgets import Budget
from tests.support.scripted import deck_of, spec

CALLS = 20_000
MANY = 10**9


def test_memory_is_flat_over_many_calls() -> None:
    """Every kind of limit at once, waits included, and a budget: 20,000 requests leave some kilobytes, and not more with each."""
    limits = Limits(max_concurrency=2, requests_per_minute=MANY, tokens_per_minute=MANY)
    model = spec("m", limits=limits)
    deck = deck_of(model)
    deck = evolve(deck, backends={name: evolve(each, limits=limits) for name, each in deck.backends.items()})
    admissions = Admissions(deck, discover(entry_points=()))
    budget = Budget(MANY)
    request = TextRequest(spec=model, messages=(Message(role="user", parts=(TextPart("?"),)),), max_tokens=5)

    async def one(number: int) -> None:
        attempting = Attempting(model, TEXT, budgets=(budget,), request=request)
        admitted = admissions(attempting)
        assert admitted is not None
        async with admitted:
            attempting.sent = True
            attempting.usage = Usage(input_tokens=5, output_tokens=number % 7)

    async def main() -> int:
        sizes = []
        for part in range(4):
            for start in range(0, CALLS // 4, 10):
                await asyncio.gather(*(one(start + each) for each in range(10)))
            gc.collect()
            sizes.append(tracemalloc.get_traced_memory()[0])
            assert part == 0 or budget.reserved == 0
        return max(sizes[2:]) - sizes[0]

    tracemalloc.start()
    try:
        growth = asyncio.run(main())
    finally:
        tracemalloc.stop()
    assert growth < 200_000  # the slots of a minute, at most 600 of them: 10 bytes a call
