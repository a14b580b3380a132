"""The one converter: strict, which cattrs by itself is not. No `3` for `"3"`, no `"false"` for `true`, no unknown keys."""

from __future__ import annotations

from decimal import Decimal
from functools import cache
from typing import TYPE_CHECKING, Any

from pipelex_core.config.problems import type_name
from pipelex_core.config.tables import (
    INPUTS,
    OUTPUTS,
    PRICES,
    Constraints,
    Inputs,
    NotNegative,
    Outputs,
    Positive,
    Prices,
)
from pipelex_core.constraints import CONSTRAINTS
from pipelex_core.specs import ModelType

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Mapping

    from cattrs import Converter


class WrongValueError(ValueError):
    """A wrong value: says what it is and what was expected; shows it only where it is one word of a few, misspelt."""

    def __init__(self, got: str, expected: str, *, near: tuple[str, Collection[str]] | None = None) -> None:
        super().__init__(got)
        self.got = got
        self.expected = expected
        self.near = near


class UnknownNameError(ValueError):
    """A key that means nothing, in a table whose keys are known."""


_MODEL_TYPES = {known.value: known for known in ModelType}
_HUGE = 2**63  # no count is as large, and Python refuses to print much larger numbers


@cache
def strict_converter() -> Converter:
    """The converter; made, and cattrs imported, with the first table."""
    from cattrs import Converter

    converter = Converter(detailed_validation=True, forbid_extra_keys=True)
    hooks: list[tuple[Any, Callable[[Any, Any], Any]]] = [
        (str, _exactly(str, "a string")),
        (bool, _exactly(bool, "true or false")),
        (tuple[str, ...], _strings),
        (dict[str, str], _string_table),
        (ModelType, _model_type),
        (Positive, _at_least(1)),
        (NotNegative, _at_least(0)),
        (Inputs, _words(INPUTS)),
        (Outputs, _words(OUTPUTS)),
        (Constraints, _words({name: name for name in CONSTRAINTS})),
        (Prices, _prices),
    ]
    for type_, hook in hooks:  # TOML has no null: what may be None was left out, or is of the type itself
        converter.register_structure_hook_func({type_, type_ | None}.__contains__, hook)
    for type_, hook in hooks[:2]:  # cattrs looks for these elsewhere
        converter.register_structure_hook(type_, hook)
    return converter


def _exactly(type_: type, expected: str) -> Callable[[Any, Any], Any]:
    def check(value: Any, _: Any) -> Any:
        if value.__class__ is not type_:
            raise WrongValueError(type_name(value), expected)
        return value

    return check


def _at_least(least: int) -> Callable[[Any, Any], Any]:
    def check(value: Any, _: Any) -> Any:
        if value.__class__ is not int or not least <= value < _HUGE:
            got = str(value) if value.__class__ is int and abs(value) < _HUGE else type_name(value)
            raise WrongValueError(got, f"a whole number of at least {least}")
        return value

    return check


def _words(meanings: Mapping[str, str]) -> Callable[[Any, Any], frozenset[str]]:
    """A list of words, each one of a few."""

    def check_word(word: Any) -> None:
        if word.__class__ is not str or word not in meanings:
            raise _misspelt(word, meanings)

    def check(value: Any, _: Any) -> frozenset[str]:
        if value.__class__ is not list:
            raise WrongValueError(type_name(value), f"a list of {', '.join(meanings)}")
        try:
            return frozenset([meanings[word] for word in value])
        except (KeyError, TypeError):
            _each(enumerate(value), check_word)
            raise

    return check


def _model_type(value: Any, _: Any) -> ModelType:
    known = _MODEL_TYPES.get(value) if value.__class__ is str else None
    if known is None:
        raise _misspelt(value, _MODEL_TYPES)
    return known


def _misspelt(word: Any, words: Collection[str]) -> WrongValueError:
    expected = f"one of {', '.join(words)}"
    if word.__class__ is not str:
        return WrongValueError(type_name(word), expected)
    return WrongValueError(f"'{word}'", expected, near=(word, words))


def _each(items: Iterable[tuple[Any, Any]], check: Callable[[Any], None]) -> None:
    """Check every item of a list or table, and raise all faults together, each with its index or key."""
    from cattrs import IterableValidationError, IterableValidationNote

    faults: list[Exception] = []
    for index, item in items:
        try:
            check(item)
        except (WrongValueError, UnknownNameError) as error:
            error.__notes__ = [IterableValidationNote(f"at {index}", index, str)]
            faults.append(error)
    if faults:
        message = "items"
        raise IterableValidationError(message, faults, tuple)


def _strings(value: Any, _: Any) -> tuple[str, ...]:
    if value.__class__ is not list:
        raise WrongValueError(type_name(value), "a list of strings")
    _each(enumerate(value), _check_string)
    return tuple(value)


def _string_table(value: Any, _: Any) -> dict[str, str]:
    if value.__class__ is not dict:
        raise WrongValueError(type_name(value), "a table of strings")
    _each(value.items(), _check_string)
    return value


def _check_string(item: Any) -> None:
    if item.__class__ is not str:
        raise WrongValueError(type_name(item), "a string")


def _prices(value: Any, _: Any) -> dict[str, Decimal]:
    if value.__class__ is not dict:
        raise WrongValueError(type_name(value), "a table of prices, such as { input = 2.5, output = 10 }")
    prices: dict[str, Decimal] = {}
    for name, price in value.items():
        exact = Decimal(price) if price.__class__ is int else price
        if name not in PRICES or exact.__class__ is not Decimal or not exact.is_finite() or exact < 0:
            _each(((name, (name, item)) for name, item in value.items()), _check_price)
        prices[name] = exact
    return prices


def _check_price(item: tuple[str, Any]) -> None:
    name, price = item
    if name not in PRICES:
        raise UnknownNameError(name)
    expected = "a price in US$, 0 or more"
    if price.__class__ not in {int, Decimal}:
        raise WrongValueError(type_name(price), expected)
    if not Decimal(price).is_finite() or price < 0:
        got = "negative or infinite"
        raise WrongValueError(got, expected)
