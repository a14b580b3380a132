"""What a call costs: a price list and a usage, multiplied exactly. Unknown is not zero.

What an answer says of its own cost wins. Else the price list in force is found: that of the day, of the service tier that
the answer names, of the peak hours, and of the size of the input, which prices the whole request.
"""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from attrs import evolve, fields_dict

from pipelex_core.ledger import Cost, Usage
from pipelex_core.price_lists import SERVICES, TOKEN_PRICES
from pipelex_core.specs import Costs

if TYPE_CHECKING:
    from collections.abc import Iterable


_MILLION = Decimal(1_000_000)
_ZERO = Decimal(0)

FREE = Cost(amount=_ZERO)

_COUNTS = {
    "image": "images",
    "megapixel": "megapixels",
    "page": "pages",
    "second": "seconds",
    "minute": "seconds",
    "character": "characters",
}
"""Unit of a price -> the count of a usage."""

_AT_LIST_PRICE = frozenset({None, "", "default", "standard", "standard_only", "on_demand", "auto"})
"""Words of providers for the service that the list price is for."""


def cost_of(costs: Costs | None, usage: Usage, at: datetime | None = None) -> Cost | None:
    """The cost of one answer; None where a price it needs, or a count, is unknown.

    Args:
        costs: The price list of the model.
        usage: What the answer used, and what it says of its cost and its service tier.
        at: When it was made, with a time zone; None for now.
    """
    if usage.cost is not None:
        return Cost(amount=usage.cost)
    prices = None if costs is None else in_force(costs, usage.service_tier, at)
    prices = None if prices is None else for_size(prices, usage.input_tokens)
    amount = None if prices is None else amount_of(prices, usage)
    return None if amount is None else Cost(amount=amount)


def in_force(costs: Costs, service: str | None = None, at: datetime | None = None) -> Costs | None:
    """The price list of a day, an hour and a service tier, with its tiers by size; None where that tier has no prices."""
    if costs.changes is not None or costs.peak is not None:
        at = datetime.now(UTC) if at is None else at.astimezone(UTC)
        costs = _of_day(costs, at.date().isoformat())
        if costs.peak is not None and _is_peak(costs.peak, at):
            costs = costs.peak
    if service in _AT_LIST_PRICE:
        return costs
    found: Costs | None = getattr(costs, service) if service in SERVICES else None
    if found is None or costs.tiers is None or found.tiers is not None:
        return found
    return evolve(found, tiers=tuple(Costs(above_input_tokens=tier.above_input_tokens) for tier in costs.tiers))


def _of_day(costs: Costs, day: str) -> Costs:
    for change in sorted(costs.changes or (), key=lambda change: change.from_day or ""):
        if (change.from_day or "") <= day:
            named = {name: value for name in fields_dict(Costs) if (value := getattr(change, name)) is not None}
            costs = evolve(costs, **named)
    return costs


def _is_peak(peak: Costs, at: datetime) -> bool:
    if peak.weekdays and at.isoweekday() not in peak.weekdays:
        return False
    now = f"{at:%H:%M}"
    return any(
        start <= now < (end if end > start else "24:00") for start, end in (h.split("-") for h in peak.hours or ())
    )


def for_size(prices: Costs, input_tokens: int | None) -> Costs | None:
    """The price list for so much input; None where it depends on a size that is not known."""
    if not prices.tiers:
        return prices
    if input_tokens is None:
        return None
    above = [tier for tier in prices.tiers if input_tokens > (tier.above_input_tokens or 0)]
    return max(above, key=lambda tier: tier.above_input_tokens or 0) if above else prices


def amount_of(prices: Costs, usage: Usage) -> Decimal | None:
    """What the tokens cost, or else the units; and each request and search besides."""
    spent = None
    if prices.unit == "million_tokens" and any(getattr(prices, name) is not None for name in TOKEN_PRICES):
        tokens = _tokens(prices, usage)
        spent = None if tokens is None else tokens / _MILLION
    if spent is None:
        spent = _units(prices, usage)
    for count, price in ((usage.searches, prices.search), (1, prices.request or _ZERO)):
        if count:
            spent = None if spent is None or price is None else spent + count * price
    return spent


def _units(prices: Costs, usage: Usage) -> Decimal | None:
    """The price of images, pages, seconds, characters, or of the request alone; None where unknown."""
    known = [price for price in (prices.input, prices.output) if price is not None]
    parts: list[tuple[Any, Decimal | None, int]] = []
    if prices.unit != "million_tokens" and known:
        count = 1 if prices.unit == "request" else getattr(usage, _COUNTS[prices.unit])
        parts.append((count, sum(known, _ZERO), 1))
    by_pixels = prices.megapixel is not None and usage.megapixels is not None
    for unit, name in _COUNTS.items():
        price = getattr(prices, unit)
        if unit == ("image" if by_pixels else "megapixel"):
            continue  # the two are prices of the same
        if unit == "image" and prices.image_sizes is not None and usage.image_size is not None:
            price = _of_size(prices.image_sizes, usage.image_size)
            parts.append((usage.images, price, 1))
        elif price is not None:
            parts.append((getattr(usage, name), price, 60 if unit == "minute" else 1))
    if not parts and prices.megapixel is not None:
        return None
    counted = [(count, price, per) for count, price, per in parts if count is not None]
    if not counted:
        is_paid_besides = prices.request is not None or (prices.search is not None and usage.searches is not None)
        return _ZERO if not parts and not known and is_paid_besides else None
    amount = _ZERO
    for count, price, per in counted:
        if price is None:
            return None
        amount += price * Decimal(str(count)) / per
    return amount


def _of_size(sizes: Any, size: str) -> Decimal | None:
    """The price of an image of a `quality/WxH`, which may stand without its quality."""
    found: Decimal | None = sizes.get(size, sizes.get(size.rpartition("/")[2]))
    return found


def total(costs: Iterable[Cost | None]) -> Cost | None:
    """The sum; None where a part of it is unknown."""
    amount = _ZERO
    for cost in costs:
        if cost is None:
            return None
        amount += cost.amount
    return Cost(amount=amount)


def _tokens(prices: Costs, usage: Usage) -> Decimal | None:
    """The price of all tokens, times a million; None where unknown.

    A kind without a price of its own is priced as the rest; where a cache and another kind may overlap, the cache wins.
    """
    inputs, outputs = usage.input_tokens, usage.output_tokens
    if inputs is None and prices.input == 0:
        inputs = 0
    if outputs is None and prices.output == 0:
        outputs = 0
    if inputs is None or outputs is None:
        return None
    fresh_price = prices.input if prices.input_non_cached is None else prices.input_non_cached
    if prices.input_joined is not None:
        parts: list[tuple[int, Decimal | None]] = [(inputs, prices.input_joined)]
    else:
        cached, written = usage.cached_tokens or 0, usage.cache_write_tokens or 0
        for_hour = min(usage.cache_write_1h_tokens or 0, written)
        parts = [
            (cached, fresh_price if fresh_price == 0 else prices.input_cached),
            (written - for_hour, fresh_price if prices.input_cache_write is None else prices.input_cache_write),
            (for_hour, prices.input_cache_write_1h),
        ]
        rest = inputs - cached - written
        kinds = ((usage.input_audio_tokens, prices.input_audio), (usage.input_image_tokens, prices.input_image))
        rest = _split(parts, rest, fresh_price, kinds)
    kinds_made = (
        (usage.reasoning_tokens, prices.output_reasoning),
        (usage.output_audio_tokens, prices.output_audio),
        (usage.output_image_tokens, prices.output_image),
        (usage.accepted_prediction_tokens, prices.output_accepted_prediction),
        (usage.rejected_prediction_tokens, prices.output_rejected_prediction),
    )
    _split(parts, outputs, prices.output, kinds_made)
    amount = _ZERO
    for count, price in parts:
        if count and price is None:
            return None
        if count and price is not None:
            amount += count * price
    return amount


def _split(
    parts: list[tuple[int, Decimal | None]],
    rest: int,
    price: Decimal | None,
    kinds: Iterable[tuple[int | None, Decimal | None]],
) -> int:
    """Add each kind of token that has a price of its own, and the rest."""
    for count, own in kinds:
        if own is not None and count:
            taken = min(count, max(rest, 0))
            parts.append((taken, own))
            rest -= taken
    parts.append((rest, price))
    return rest
