"""The readers of values, one a type of `tables.py`: strict. No `3` for `"3"`, no `"false"` for `true`, no unknown words.

They stand on their own, without a structuring library: every type needs a rule of its own to be strict, so that a
library would only walk over the fields, and cost a short-lived program more than the rest of its load.
"""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Any, TypeAlias

from attrs import fields_dict

from pipelex_core.config.prices import UnknownNameError, WrongValueError, read_costs, read_day
from pipelex_core.config.problems import type_name
from pipelex_core.config.tables import (
    INPUTS,
    OUTPUTS,
    BackendTable,
    Constraints,
    Counts,
    Day,
    Inputs,
    NotNegative,
    Outputs,
    Positive,
    Prices,
    ProfileTable,
    Seconds,
    SomeSeconds,
    SpecTable,
    TypeOfModel,
)
from pipelex_core.constraints import CONSTRAINTS
from pipelex_core.policies import FALLBACK_ON, FallbackOn

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Mapping

    Reader: TypeAlias = Callable[[Any], Any]


_MOST_KNOWN = 200
_HUGE = 2**63  # no count is as large, and Python refuses to print much larger numbers


def _exactly(type_: type, expected: str) -> Reader:
    def check(value: Any) -> Any:
        if value.__class__ is not type_:
            raise WrongValueError(type_name(value), expected)
        return value

    return check


def _at_least(least: int) -> Reader:
    def check(value: Any) -> Any:
        if value.__class__ is not int or not least <= value < _HUGE:
            raise WrongValueError(
                str(value) if value.__class__ is int and abs(value) < _HUGE else type_name(value),
                f"a whole number of at least {least}",
            )
        return value

    return check


def _counts(value: Any) -> tuple[int, ...]:
    if value.__class__ is not list:
        raise WrongValueError(type_name(value), "a list of whole numbers")
    _each(enumerate(value), _at_least(1))
    return tuple(value)


def _seconds(*, zero: bool) -> Reader:
    def check(value: Any) -> float:
        expected = "a number of seconds, 0 or more" if zero else "a number of seconds above 0"
        if value.__class__ not in {int, float, Decimal}:
            raise WrongValueError(type_name(value), expected)
        if not Decimal(value).is_finite() or value < 0 or (value == 0 and not zero) or value >= _HUGE:
            raise WrongValueError("negative, 0 or infinite", expected)
        return float(value)

    return check


def _one_of(words: Collection[str]) -> Reader:
    def check(value: Any) -> str:
        if value.__class__ is not str or value not in words:
            raise _misspelt(value, words)
        return value

    return check


def _words(meanings: Mapping[str, str]) -> Reader:
    """A list of words, each one of a few."""

    def check_word(word: Any) -> None:
        if word.__class__ is not str or word not in meanings:
            raise _misspelt(word, meanings)

    known: dict[tuple[str, ...], frozenset[str]] = {}  # most lists of a configuration are the same few

    def check(value: Any) -> frozenset[str]:
        if value.__class__ is not list:
            raise WrongValueError(type_name(value), f"a list of {', '.join(meanings)}")
        words = tuple(value)
        try:
            if words in known:
                return known[words]
            read = frozenset([meanings[word] for word in words])
        except (KeyError, TypeError):
            _each(enumerate(value), check_word)
            raise
        if len(known) < _MOST_KNOWN:
            known[words] = read
        return read

    return check


def _misspelt(word: Any, words: Collection[str]) -> WrongValueError:
    expected = f"one of {', '.join(words)}"
    if word.__class__ is not str:
        return WrongValueError(type_name(word), expected)
    return WrongValueError(f"'{word}'", expected, near=(word, words))


def _each(items: Iterable[tuple[Any, Any]], check: Callable[[Any], None]) -> None:
    """Check every item of a list or table, and raise all faults together, each with its index or key."""
    faults: list[Exception] = []
    for index, item in items:
        try:
            check(item)
        except (WrongValueError, UnknownNameError) as error:
            error.path = (str(index), *error.path)
            faults.append(error)
    if faults:
        raise ExceptionGroup("items", faults)


def _strings(value: Any) -> tuple[str, ...]:
    if value.__class__ is not list:
        raise WrongValueError(type_name(value), "a list of strings")
    _each(enumerate(value), _check_string)
    return tuple(value)


def _string_table(value: Any) -> dict[str, str]:
    if value.__class__ is not dict:
        raise WrongValueError(type_name(value), "a table of strings")
    _each(value.items(), _check_string)
    return value


def _check_string(item: Any) -> None:
    if item.__class__ is not str:
        raise WrongValueError(type_name(item), "a string")


_READERS: dict[Any, Reader] = {}
for _type, _reader in (
    (str, _exactly(str, "a string")),
    (bool, _exactly(bool, "true or false")),
    (tuple[str, ...], _strings),
    (dict[str, str], _string_table),
    (TypeOfModel, _exactly(str, "a string")),
    (Positive, _at_least(1)),
    (NotNegative, _at_least(0)),
    (Counts, _counts),
    (Seconds, _seconds(zero=True)),
    (SomeSeconds, _seconds(zero=False)),
    (FallbackOn, _one_of(FALLBACK_ON)),
    (Inputs, _words(INPUTS)),
    (Outputs, _words(OUTPUTS)),
    (Constraints, _words({name: name for name in CONSTRAINTS})),
    (Prices, read_costs),
    (Day, read_day),
):  # TOML has no null: what may be None was left out, or is of the type itself
    _READERS[_type] = _READERS[_type | None] = _reader

READERS: dict[type, Mapping[str, Reader]] = {
    cls: {name: _READERS[attribute.type] for name, attribute in fields_dict(cls).items()}
    for cls in (BackendTable, SpecTable, ProfileTable)
}
"""The reader of each key of each table.

A reader gives the value as the class holds it, or raises a `WrongValueError` or an `UnknownNameError`, several of them
in an `ExceptionGroup`.
"""
