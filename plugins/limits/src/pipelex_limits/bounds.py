"""The least, the likely and the most that a request costs, by what it will use and the price list of its model."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING

from attrs import evolve

from pipelex_core.costs import amount_of, cost_of, for_size, in_force
from pipelex_core.price_lists import TOKEN_PRICES

if TYPE_CHECKING:
    from collections.abc import Iterable

    from pipelex_core.estimates import Expectation
    from pipelex_core.specs import Costs

_MILLION = Decimal(1_000_000)
_ZERO = Decimal(0)


def least_cost(costs: Costs | None, expected: Expectation, service: str | None = None) -> Decimal | None:
    """The least that a request will cost; None where prices are unknown."""
    cost = cost_of(costs, evolve(expected.bound("low"), service_tier=service))
    return None if cost is None else cost.amount


def likely_cost(costs: Costs | None, expected: Expectation, service: str | None = None) -> Decimal | None:
    """What a request is likely to cost; None where prices are unknown."""
    cost = cost_of(costs, evolve(expected.bound("likely"), service_tier=service))
    return None if cost is None else cost.amount


def most_cost(costs: Costs | None, expected: Expectation, service: str | None = None) -> Decimal | None:
    """The most that a request will cost: in the dearest tier and at the dearest hour, uncached, all of the dearest kind.

    Tiers are those that the input may reach; what is written to a cache for an hour is not counted on. None where prices are unknown, or nothing bounds what will be used.

    Args:
        costs: The price list of the model.
        expected: What the request will use.
        service: The service tier that it asks for; None for the usual one.
    """
    if costs is None:
        return None
    now = in_force(costs, service)
    lists = [now]
    if costs.peak is not None:
        lists.append(costs.peak)
    most = _ZERO
    for prices in lists:
        if prices is None:
            return None
        for sized in _reachable(prices, expected):
            amount = _most_of(sized, expected)
            if amount is None:
                return None
            most = max(most, amount)
    return most


def _reachable(prices: Costs, expected: Expectation) -> Iterable[Costs]:
    """The price list of the least input, and those that more of it reaches."""
    low, high = (
        (None, None) if expected.input_tokens is None else (expected.input_tokens.low, expected.input_tokens.high)
    )
    borders = [tier.above_input_tokens or 0 for tier in prices.tiers or ()]
    sizes = {low or 0, *(border + 1 for border in borders if high is None or (low or 0) <= border < high)}
    for size in sorted(sizes):
        sized = for_size(prices, size)
        if sized is not None:
            yield sized


def _most_of(prices: Costs, expected: Expectation) -> Decimal | None:
    """The most that a request costs by one list of prices."""
    has_tokens = prices.unit == "million_tokens" and any(getattr(prices, name) is not None for name in TOKEN_PRICES)
    if has_tokens and expected.input_tokens is not None and expected.output_tokens is not None:
        taken = _most(expected.input_tokens.high, *_input_prices(prices))
        outputs = (prices.output, prices.output_reasoning, prices.output_audio, prices.output_image)
        made = _most(expected.output_tokens.high, *outputs)
        return None if taken is None or made is None else (taken + made) / _MILLION + (prices.request or _ZERO)
    high = expected.bound("high")
    if prices.image_sizes and expected.images is not None:
        dearest = max([*prices.image_sizes.values(), prices.image or _ZERO])
        prices = evolve(prices, image=dearest, image_sizes=None)
    return amount_of(prices, high)


def _input_prices(prices: Costs) -> tuple[Decimal | None, ...]:
    """What fresh input costs, and input that is written to the cache or is of another kind."""
    if prices.input_joined is not None:
        return (prices.input_joined,)
    fresh = prices.input if prices.input_non_cached is None else prices.input_non_cached
    return fresh, prices.input_cache_write, prices.input_audio, prices.input_image


def _most(count: int | None, first: Decimal | None, *others: Decimal | None) -> Decimal | None:
    """So many at the dearest price; None where the first is unknown, which is that of most."""
    if count is None:
        return None
    if first is None:
        return None if count else _ZERO
    return count * max([first, *(price for price in others if price is not None)])
