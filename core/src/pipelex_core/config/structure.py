"""Raw tables to typed values; every fault of a table is reported, with its path."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Any, TypeGuard, TypeVar

from attrs import fields_dict

from pipelex_core.config import tables, values
from pipelex_core.config.prices import read_costs, read_day
from pipelex_core.config.problems import type_name
from pipelex_core.config.values import HUGE, ValueFault, faults_of, read_keys
from pipelex_core.constraints import CONSTRAINTS
from pipelex_core.errors import ConfigError
from pipelex_core.near import nearest
from pipelex_core.policies import FALLBACK_ON, FallbackOn

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from collections.abc import Set as AbstractSet

    from pipelex_core.config.problems import Faults
    from pipelex_core.config.values import Reader
    from pipelex_core.specs import Source


T = TypeVar("T")

QUOTES = "a name with dots is written in quotes"


def unquoted(name: str, table: Mapping[str, Any], known: AbstractSet[str]) -> Iterator[tuple[tuple[str, ...], Any]]:
    """What is in a table under further parts of its name: the parts, and what they name.

    TOML reads `[gpt-4.1]`, which lacks its quotes, as a table `1` inside a table `gpt-4`.

    Args:
        name: The first part.
        table: What TOML made of it.
        known: The keys that a table of its kind may have: what has one of them is such a table.
    """
    for key, value in table.items():
        if key in known:
            continue
        if isinstance(value, dict) and value and known.isdisjoint(value):
            for parts, item in unquoted(key, value, known):
                yield (name, *parts), item
        else:
            yield (name, key), value


def report_unquoted(parts: tuple[str, ...], faults: Faults, kind: type[ConfigError], source: Source, form: str) -> str:
    """Report such a name, written as `form` says with the name in place of `{}`; the whole name."""
    *first, last = parts
    whole = ".".join(parts)
    message = f"'{last}' is inside '{'.'.join(first)}': {QUOTES}"
    faults.error(kind, "unknown-key", message, source, expected=form.format(f'"{whole}"'))
    return whole


STRING = values.exactly(str, "a string")
NUMBERS: frozenset[Any] = frozenset({int, float, Decimal})


def seconds(expected: str, is_right: Callable[[Any], bool]) -> Reader:
    """A number of seconds."""
    return values.rule(
        expected,
        lambda value: value.__class__ in NUMBERS and Decimal(value).is_finite() and is_right(value) and value < HUGE,
        got=lambda value: "negative, 0 or infinite" if value.__class__ in NUMBERS else type_name(value),
        made=float,
    )


_OF_TYPE: dict[Any, Reader] = {
    str: STRING,
    bool: values.exactly(bool, "true or false"),
    tuple[str, ...]: values.each(STRING, "a list of strings"),
    dict[str, str]: values.each(STRING, "a table of strings", kind=dict, made=dict),
    tables.TypeOfModel: STRING,
    tables.Positive: values.at_least(1),
    tables.NotNegative: values.at_least(0),
    tables.Counts: values.each(values.at_least(1), "a list of whole numbers"),
    tables.Seconds: seconds("a number of seconds, 0 or more", lambda value: value >= 0),
    tables.SomeSeconds: seconds("a number of seconds above 0", lambda value: value > 0),
    FallbackOn: values.one_of(FALLBACK_ON),
    tables.Inputs: values.words(tables.INPUTS),
    tables.Outputs: values.words(tables.OUTPUTS),
    tables.Constraints: values.words({name: name for name in CONSTRAINTS}),
    tables.Prices: read_costs,
    tables.Day: read_day,
}
_OF_TYPE |= {type_ | None: reader for type_, reader in _OF_TYPE.items()}
"""The reader of each type; TOML has no null: what may be None was left out, or is of the type itself."""

READERS: dict[type, Mapping[str, Reader]] = {
    cls: {name: _OF_TYPE[attribute.type] for name, attribute in fields_dict(cls).items()}
    for cls in (tables.BackendTable, tables.SpecTable, tables.ProfileTable)
}
"""The reader of each key of each table."""


def structure(
    cls: type[T],
    table: Mapping[str, Any],
    faults: Faults,
    *,
    kind: type[ConfigError],
    where: Callable[[str], Source],
    later: Mapping[str, str] | None = None,
) -> T | None:
    """The typed form of a table, or None where it has a fault; every fault is reported; see `structured_values`."""
    found = structured_values(READERS[cls], table, faults, kind=kind, where=where, later=later)
    return None if found is None else cls(**found)


def structured_values(
    readers: Mapping[str, Reader],
    table: Mapping[str, Any],
    faults: Faults,
    *,
    kind: type[ConfigError],
    where: Callable[[str], Source],
    later: Mapping[str, str] | None = None,
    of: str = "",
) -> dict[str, Any] | None:
    """The values of a table, typed, or None where it has a fault; every fault is reported.

    Args:
        readers: What reads each key.
        table: As it was read.
        faults: Where to report.
        kind: The error class its faults belong to.
        where: The source of one of its keys.
        later: Keys of newer releases of the format, each with what to say: warned about, not refused.
        of: What the table is, for messages that name it.
    """
    if later and not table.keys().isdisjoint(later):
        for key in [key for key in table if key in later]:
            report_newer(key, later[key], where(key), faults)
        table = {key: value for key, value in table.items() if key not in later}
    try:
        return read_keys(table, readers)
    except ExceptionGroup as group:
        for fault in sorted(faults_of(group), key=lambda fault: fault.got is None and len(fault.path) == 1):
            key, *rest = fault.path
            tip = None
            if fault.got is None and not rest and isinstance(table[key], dict) and not nearest(key, readers):
                tip = f"where it is a part of a name: {QUOTES}"
            _report(fault, where(key).child(*rest), faults, kind, tip=tip, of=of)
    return None


def checked(reader: Reader, value: Any, source: Source, faults: Faults, kind: type[ConfigError] = ConfigError) -> Any:
    """What a reader makes of the value of a key; None where it is wrong, which is reported."""
    try:
        return reader(value)
    except (ValueFault, ExceptionGroup) as error:
        for fault in faults_of(error):
            at = source.child(*fault.path)
            fault.path = (source.key[-1], *fault.path)
            _report(fault, at, faults, kind)
    return None


def _report(
    fault: ValueFault, source: Source, faults: Faults, kind: type[ConfigError], *, tip: str | None = None, of: str = ""
) -> None:
    """Report what a reader found wrong with a value, or with a key in it."""
    if fault.got is None:
        code, message = "unknown-key", f"unknown key '{fault.path[-1]}'{of and f' in {of}'}"
    else:
        code, message = "bad-value", f"'{'.'.join(fault.path)}'{of and f' of {of}'} cannot be {fault.got}"
        if (fault.got, fault.expected) == ("a table", "a string") and len(fault.path) > 1:
            tip = QUOTES
    faults.error(kind, code, message, source, expected=fault.expected, suggestion=tip, near=fault.near)


def is_table(
    value: Any, source: Source, faults: Faults, kind: type[ConfigError], expected: str = "a table", *, of: str = ""
) -> TypeGuard[dict[str, Any]]:
    """Whether a value is a table; what is not one is reported, by its key, and as not that `of` something."""
    if isinstance(value, dict):
        return True
    faults.error(kind, "bad-value", f"'{source.key[-1]}' is {type_name(value)}{of}", source, expected=expected)
    return False


def report_newer(key: str, why: str, source: Source, faults: Faults) -> None:
    """Report a key that newer releases of the format have."""
    faults.warning("newer-key", f"the key '{key}' is left out: {why}", source)


def report_unknown(key: str, names: Sequence[str], faults: Faults, kind: type[ConfigError], source: Source) -> None:
    """Report a key that means nothing; the nearest name is suggested."""
    fault = ValueFault(None, f"one of {', '.join(sorted(names))}", (key, names), (key,))
    _report(fault, source, faults, kind)
