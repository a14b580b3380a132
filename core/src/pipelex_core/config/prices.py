"""The `costs` of a model: read strictly, with every fault and its path, and made into a price list."""

from __future__ import annotations

import re
from datetime import date
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from pipelex_core.config.problems import type_name
from pipelex_core.specs import PRICES, SERVICES, TOKEN_PRICES, Costs, made

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Mapping

    Read = Callable[[Any], Any]

UNITS: tuple[str, ...] = ("million_tokens", "request", "image", "page", "second", "character")
"""What `input` and `output` may be the price of."""

NESTED: tuple[str, ...] = ("unit", "image_sizes", "tiers", *SERVICES, "peak", "changes")
"""The keys of `costs` besides the plain prices."""

_HOURS = re.compile(r"([01]\d|2[0-3]):[0-5]\d-(([01]\d|2[0-3]):[0-5]\d|24:00)")
_TABLE = "a table of prices, such as { input = 2.5, output = 10 }"


class WrongValueError(ValueError):
    """A wrong value: says what it is and what was expected; shows it only where it is one word of a few, misspelt.

    Attributes:
        got: What the value is.
        expected: What would have been right.
        near: A misspelt word, and the words that would have been right.
        path: Where in the value that was read; empty for all of it.
    """

    def __init__(self, got: str, expected: str, *, near: tuple[str, Collection[str]] | None = None) -> None:
        super().__init__(got)
        self.got = got
        self.expected = expected
        self.near = near
        self.path: tuple[str, ...] = ()


class UnknownNameError(ValueError):
    """A key that means nothing, in a table whose keys are `names`; `path` ends with it."""

    def __init__(self, name: str, names: tuple[str, ...]) -> None:
        super().__init__(name)
        self.names = names
        self.path: tuple[str, ...] = ()


def read_costs(value: Any) -> dict[str, Any]:
    """The keys of `costs`, checked.

    Raises:
        WrongValueError: It is not a table.
        ExceptionGroup: Every other fault, with its path.
    """
    if value.__class__ is not dict:
        raise WrongValueError(type_name(value), _TABLE)
    faults: list[Exception] = []
    read = _table(value, _COSTS, (), faults)
    if faults:
        raise ExceptionGroup("costs", faults)
    return read


def costs_of(table: Mapping[str, Any], unit: str, factor: int = 1) -> Costs:
    """The price list of checked keys.

    Args:
        table: What `read_costs` gave.
        unit: What `input` and `output` are the price of, where the table does not say.
        factor: What prices of tokens are multiplied by: 1000 in an older file.
    """
    unit = table.get("unit", unit)
    if factor == 1 and _PLAIN.issuperset(table):
        return made(Costs, {**table, "unit": unit})
    named: dict[str, Any] = {"unit": unit}
    for key, value in table.items():
        if key in TOKEN_PRICES and factor != 1 and unit == "million_tokens":
            named[key] = value * factor
        elif key in {"tiers", "changes"}:
            named[key] = tuple(costs_of(item, unit, factor) for item in value)
        elif key in SERVICES or key == "peak":
            named[key] = costs_of(value, unit, factor)
        else:
            named[_NAMES.get(key, key)] = value
    return made(Costs, named)


_NAMES = {"from": "from_day"}
_PLAIN = frozenset({*PRICES, "unit"})


def _table(
    table: Mapping[str, Any], readers: Mapping[str, Read], path: tuple[str, ...], faults: list[Exception]
) -> dict[str, Any]:
    read: dict[str, Any] = {}
    for key, value in table.items():
        if key not in readers:
            unknown = UnknownNameError(key, tuple(readers))
            unknown.path = (*path, key)
            faults.append(unknown)
            continue
        try:
            found = readers[key](value)
            read[key] = found.read((*path, key), faults) if found.__class__ is _Nested else found
        except WrongValueError as error:
            error.path = (*path, key, *error.path)
            faults.append(error)
    return read


class _Nested:
    """A table in a table, or a list of them, whose faults are found with their own paths."""

    def __init__(self, value: Any, readers: Mapping[str, Read], needed: str | None, *, is_list: bool) -> None:
        items = value if is_list else [value]
        if items.__class__ is not list or not all(item.__class__ is dict for item in items):
            raise WrongValueError(type_name(value), f"a list of such tables as {_TABLE[2:]}" if is_list else _TABLE)
        self._items, self._readers, self._needed, self._is_list = items, readers, needed, is_list

    def read(self, path: tuple[str, ...], faults: list[Exception]) -> Any:
        made = []
        for index, item in enumerate(self._items):
            at = (*path, str(index)) if self._is_list else path
            made.append(_table(item, self._readers, at, faults))
            if self._needed is not None and self._needed not in item:
                fault = WrongValueError("a table without it", f"a table with the key '{self._needed}'")
                fault.path = at
                faults.append(fault)
        return made if self._is_list else made[0]


def _price(value: Any) -> Decimal:
    exact = Decimal(value) if value.__class__ is int else value
    if exact.__class__ is not Decimal:
        raise WrongValueError(type_name(value), "a price in US$, 0 or more")
    if not exact.is_finite() or exact < 0:
        raise WrongValueError("negative or infinite", "a price in US$, 0 or more")
    return exact


def _count(value: Any) -> int:
    if value.__class__ is not int or value < 0:
        raise WrongValueError(type_name(value), "a number of input tokens, 0 or more")
    return value


def read_day(value: Any) -> str:
    """A day as `2027-01-01`, whether it was written as a date of TOML or as a string."""
    if value.__class__ is date:
        return value.isoformat()
    if value.__class__ is str and re.fullmatch(r"\d{4}-\d{2}-\d{2}", value):
        try:
            return date.fromisoformat(value).isoformat()
        except ValueError:
            pass
    raise WrongValueError(f"'{value}'" if value.__class__ is str else type_name(value), "a day, such as 2027-01-01")


def _unit(value: Any) -> str:
    if value.__class__ is not str or value not in UNITS:
        near = (value, UNITS) if value.__class__ is str else None
        raise WrongValueError(f"'{value}'" if near else type_name(value), f"one of {', '.join(UNITS)}", near=near)
    return value


def _sizes(value: Any) -> dict[str, Decimal]:
    if value.__class__ is not dict:
        raise WrongValueError(type_name(value), 'a table of prices, such as { "1024x1024" = 0.04 }')
    sizes = {}
    for name, price in value.items():
        try:
            sizes[name] = _price(price)
        except WrongValueError as error:
            error.path = (name,)
            raise
    return sizes


def _hours(value: Any) -> tuple[str, ...]:
    if value.__class__ is not list or not all(item.__class__ is str and _HOURS.fullmatch(item) for item in value):
        raise WrongValueError(type_name(value), 'a list of hours in UTC, such as ["01:00-04:00"]')
    return tuple(value)


def _weekdays(value: Any) -> tuple[int, ...]:
    if value.__class__ is not list or not all(item.__class__ is int and 1 <= item <= 7 for item in value):
        raise WrongValueError(type_name(value), "a list of days, from 1 for Monday to 7 for Sunday")
    return tuple(value)


def _of(names: Iterable[str], read: Read) -> dict[str, Read]:
    return dict.fromkeys(names, read)


def _nested(readers: Mapping[str, Read], *, needed: str | None = None, is_list: bool = False) -> Read:
    return lambda value: _Nested(value, readers, needed, is_list=is_list)


_FLAT: dict[str, Read] = {**_of(PRICES, _price), "image_sizes": _sizes}
_TIER: dict[str, Read] = {**_FLAT, "above_input_tokens": _count}
_SERVICE: dict[str, Read] = {**_FLAT, "tiers": _nested(_TIER, needed="above_input_tokens", is_list=True)}
_PEAK: dict[str, Read] = {**_SERVICE, "hours": _hours, "weekdays": _weekdays}
_LIST: dict[str, Read] = {**_SERVICE, **_of(SERVICES, _nested(_SERVICE)), "peak": _nested(_PEAK, needed="hours")}
_CHANGE: dict[str, Read] = {**_LIST, "from": read_day}
_COSTS: dict[str, Read] = {**_LIST, "unit": _unit, "changes": _nested(_CHANGE, needed="from", is_list=True)}
