"""A price list in lines, for people: the usual prices first, then those of tiers, services, hours and days to come."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pipelex_core.price_lists import PRICES, SERVICES, TOKEN_PRICES

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pipelex_core.specs import Costs


def price_lines(costs: Costs) -> Iterator[tuple[str, str]]:
    """When, empty for always, and the prices with their units."""
    yield "", _shown(costs, costs.unit)
    yield from _of_tiers(costs, "", costs.unit)
    for service in SERVICES:
        offered = getattr(costs, service)
        if offered is not None:
            yield f"{service}: ", _shown(offered, costs.unit)
            yield from _of_tiers(offered, f"{service}, ", costs.unit)
    if costs.peak is not None:
        days = f" on weekdays {', '.join(map(str, costs.peak.weekdays))}" if costs.peak.weekdays else ""
        yield f"{', '.join(costs.peak.hours or ())} UTC{days}: ", _shown(costs.peak, costs.unit)
    for change in costs.changes or ():
        yield f"from {change.from_day}: ", _shown(change, costs.unit)


def _of_tiers(costs: Costs, service: str, unit: str) -> Iterator[tuple[str, str]]:
    for tier in costs.tiers or ():
        yield f"{service}above {tier.above_input_tokens:,} input tokens: ", _shown(tier, unit)


def _shown(costs: Costs, unit: str) -> str:
    known = {name: price for name in PRICES if (price := getattr(costs, name)) is not None}
    tokens = [f"{name} {price:f} US$" for name, price in known.items() if name in TOKEN_PRICES]
    parts = [f"{', '.join(tokens)} per {unit.replace('_', ' ')}"] if tokens else []
    parts += [f"{price:f} US$ a {name}" for name, price in known.items() if name not in TOKEN_PRICES]
    parts += [f"{price:f} US$ an image of {size}" for size, price in (costs.image_sizes or {}).items()]
    return ", ".join(parts) or "unknown"
