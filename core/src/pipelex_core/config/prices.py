"""The `costs` of a model: read strictly, with every fault and its path, and made into a price list."""

from __future__ import annotations

import re
from datetime import date
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from pipelex_core.config.problems import type_name
from pipelex_core.config.values import ValueFault, each, one_of, rule, table
from pipelex_core.price_lists import PRICES, SERVICES, TOKEN_PRICES
from pipelex_core.sparse import made
from pipelex_core.specs import Costs

if TYPE_CHECKING:
    from collections.abc import Mapping

UNITS: tuple[str, ...] = ("million_tokens", "request", "image", "page", "second", "character")
"""What `input` and `output` may be the price of."""

_HOUR = re.compile(r"([01]\d|2[0-3]):[0-5]\d-(([01]\d|2[0-3]):[0-5]\d|24:00)")
_ZERO = Decimal(0)
_TABLE = "a table of prices, such as { input = 2.5, output = 10 }"


def costs_of(prices: Mapping[str, Any], unit: str, factor: int = 1) -> Costs:
    """The price list of checked keys.

    Args:
        prices: What `read_costs` gave.
        unit: What `input` and `output` are the price of, where the prices do not say.
        factor: What prices of tokens are multiplied by: 1000 in an older file.
    """
    unit = prices.get("unit", unit)
    if factor == 1 and _PLAIN.issuperset(prices):
        return made(Costs, {**prices, "unit": unit})
    named: dict[str, Any] = {"unit": unit}
    for key, value in prices.items():
        if key in TOKEN_PRICES and factor != 1 and unit == "million_tokens":
            named[key] = value * factor
        elif key in {"tiers", "changes"}:
            named[key] = tuple(costs_of(item, unit, factor) for item in value)
        elif key in SERVICES or key == "peak":
            named[key] = costs_of(value, unit, factor)
        else:
            named["from_day" if key == "from" else key] = value
    return made(Costs, named)


_PLAIN = frozenset({*PRICES, "unit"})


def _price(value: Any) -> Decimal:
    exact = Decimal(value) if value.__class__ is int else value
    if exact.__class__ is not Decimal:
        raise ValueFault(type_name(value), "a price in US$, 0 or more")
    if not exact.is_finite() or exact < _ZERO:
        raise ValueFault("negative or infinite", "a price in US$, 0 or more")
    return exact


def read_day(value: Any) -> str:
    """A day as `2027-01-01`, whether it was written as a date of TOML or as a string."""
    if value.__class__ is date:
        return value.isoformat()
    if value.__class__ is str and re.fullmatch(r"\d{4}-\d{2}-\d{2}", value):
        try:
            return date.fromisoformat(value).isoformat()
        except ValueError:
            pass
    raise ValueFault(f"'{value}'" if value.__class__ is str else type_name(value), "a day, such as 2027-01-01")


_TABLES = "a list of tables of prices, such as { input = 2.5, output = 10 }"
_SIZES = each(_price, 'a table of prices, such as { "1024x1024" = 0.04 }', kind=dict, made=dict)
_COUNT = rule("a number of input tokens, 0 or more", lambda value: value.__class__ is int and value >= 0)
_HOURS = rule(
    'a list of hours in UTC, such as ["01:00-04:00"]',
    lambda value: value.__class__ is list and all(each.__class__ is str and _HOUR.fullmatch(each) for each in value),
    made=tuple,
)
_WEEKDAYS = rule(
    "a list of days, from 1 for Monday to 7 for Sunday",
    lambda value: value.__class__ is list and all(each.__class__ is int and 1 <= each <= 7 for each in value),
    made=tuple,
)
_FLAT = {**dict.fromkeys(PRICES, _price), "image_sizes": _SIZES}
_TIER = table({**_FLAT, "above_input_tokens": _COUNT}, _TABLE, needed="above_input_tokens")
_SERVICE = {**_FLAT, "tiers": each(_TIER, _TABLES)}
_PEAK = table({**_SERVICE, "hours": _HOURS, "weekdays": _WEEKDAYS}, _TABLE, needed="hours")
_LIST = {**_SERVICE, **dict.fromkeys(SERVICES, table(_SERVICE, _TABLE)), "peak": _PEAK}
_CHANGE = table({**_LIST, "from": read_day}, _TABLE, needed="from")
read_costs = table({**_LIST, "unit": one_of(UNITS), "changes": each(_CHANGE, _TABLES)}, _TABLE)
"""The keys of `costs`, checked."""
