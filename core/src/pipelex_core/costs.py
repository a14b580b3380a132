"""What a call costs: a price list and a usage, multiplied exactly. Unknown is not zero."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING

from pipelex_core.results import Cost

if TYPE_CHECKING:
    from collections.abc import Iterable

    from pipelex_core.estimates.expectations import Expectation
    from pipelex_core.results import Usage
    from pipelex_core.specs import Costs

_MILLION = Decimal(1_000_000)

FREE = Cost(amount=Decimal(0))

_COUNTS = {"image": "images", "page": "pages", "second": "seconds", "character": "characters"}
"""Unit of a price list -> the count of a usage."""


def cost_of(costs: Costs | None, usage: Usage) -> Cost | None:
    """The cost of one answer; None where a price it needs, or a count, is unknown."""
    if costs is None:
        return None
    if costs.unit == "million_tokens":
        spent = _tokens(costs, usage)
        return None if spent is None else Cost(amount=spent / _MILLION)
    count = 1 if costs.unit == "request" else getattr(usage, _COUNTS[costs.unit])
    prices = [price for price in (costs.input, costs.output) if price is not None]
    return None if count is None or not prices else Cost(amount=sum(prices, Decimal(0)) * Decimal(str(count)))


def least_cost(costs: Costs | None, expected: Expectation) -> Decimal | None:
    """The least that a request will cost; None where prices are unknown."""
    cost = cost_of(costs, expected.bound("low"))
    return None if cost is None else cost.amount


def likely_cost(costs: Costs | None, expected: Expectation) -> Decimal | None:
    """What a request is likely to cost; None where prices are unknown."""
    cost = cost_of(costs, expected.bound("likely"))
    return None if cost is None else cost.amount


def most_cost(costs: Costs | None, expected: Expectation) -> Decimal | None:
    """The most that a request will cost: nothing comes out of a provider's cache, and all is of the dearest kind.

    None where prices are unknown, or nothing bounds what will be used.
    """
    if costs is None:
        return None
    if costs.unit == "million_tokens":
        if expected.input_tokens is None or expected.output_tokens is None:
            return None
        taken = _most(expected.input_tokens.high, *_input_prices(costs))
        made = _most(expected.output_tokens.high, costs.output, costs.output_reasoning)
        return None if taken is None or made is None else (taken + made) / _MILLION
    cost = cost_of(costs, expected.bound("high"))
    return None if cost is None else cost.amount


def _input_prices(costs: Costs) -> tuple[Decimal | None, Decimal | None]:
    """What fresh input costs, and input that is written to the cache."""
    if costs.input_joined is not None:
        return costs.input_joined, None
    return costs.input if costs.input_non_cached is None else costs.input_non_cached, costs.input_cache_write


def _most(count: int | None, price: Decimal | None, other: Decimal | None) -> Decimal | None:
    if count is None:
        return None
    if price is None:
        return None if count else Decimal(0)
    return count * (price if other is None or other < price else other)


def total(costs: Iterable[Cost | None]) -> Cost | None:
    """The sum; None where a part of it is unknown."""
    amount = Decimal(0)
    for cost in costs:
        if cost is None:
            return None
        amount += cost.amount
    return Cost(amount=amount)


def _tokens(costs: Costs, usage: Usage) -> Decimal | None:
    """The price of all tokens, times a million; None where unknown."""
    if usage.input_tokens is None or usage.output_tokens is None:
        return None
    fresh_price = costs.input if costs.input_non_cached is None else costs.input_non_cached
    cached, written, reasoning = usage.cached_tokens or 0, usage.cache_write_tokens or 0, usage.reasoning_tokens or 0
    if costs.input_joined is not None:
        parts: list[tuple[int, Decimal | None]] = [(usage.input_tokens, costs.input_joined)]
    else:
        parts = [
            (usage.input_tokens - cached - written, fresh_price),
            (cached, fresh_price if fresh_price == 0 else costs.input_cached),
            (written, fresh_price if costs.input_cache_write is None else costs.input_cache_write),
        ]
    if costs.output_reasoning is None:
        parts.append((usage.output_tokens, costs.output))
    else:
        parts += [(usage.output_tokens - reasoning, costs.output), (reasoning, costs.output_reasoning)]
    amount = Decimal(0)
    for count, price in parts:
        if count and price is None:
            return None
        if count and price is not None:
            amount += count * price
    return amount
