"""Raw tables to typed values; every fault of a table is reported, with its path."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar

from pipelex_core.config.prices import UnknownNameError, WrongValueError
from pipelex_core.config.readers import READERS
from pipelex_core.config.unquoted import QUOTES
from pipelex_core.near import nearest

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from pipelex_core.config.problems import Faults
    from pipelex_core.config.readers import Reader
    from pipelex_core.errors import ConfigError
    from pipelex_core.specs import Source

T = TypeVar("T")


def read_values(cls: type, table: Mapping[str, Any]) -> dict[str, Any] | None:
    """The values of a sound table, typed; None where a key is unknown, or a value at fault."""
    readers = READERS[cls]
    try:
        return {key: readers[key](value) for key, value in table.items()}
    except (KeyError, ValueError, ExceptionGroup):
        return None


def structure(
    cls: type[T],
    table: Mapping[str, Any],
    faults: Faults,
    *,
    kind: type[ConfigError],
    where: Callable[[str], Source],
    known: tuple[str, ...] = (),
) -> T | None:
    """The typed form of a table, or None where it has a fault; every fault is reported; see `structured_values`."""
    values = structured_values(cls, table, faults, kind=kind, where=where, known=known)
    return None if values is None else cls(**values)


def structured_values(
    cls: type,
    table: Mapping[str, Any],
    faults: Faults,
    *,
    kind: type[ConfigError],
    where: Callable[[str], Source],
    known: tuple[str, ...] = (),
    later: Mapping[str, str] | None = None,
) -> dict[str, Any] | None:
    """The values of a table, typed, or None where it has a fault; every fault is reported.

    Args:
        cls: One of the classes of `tables.py`.
        table: As it was read.
        faults: Where to report.
        kind: The error class its faults belong to.
        where: The source of one of its keys.
        known: Further keys that are right, for suggestions.
        later: Keys of newer releases of the format, each with what to say: warned about, not refused.
    """
    quickly = read_values(cls, table)
    if quickly is not None:
        return quickly
    if later and not table.keys().isdisjoint(later):
        for key in [key for key in table if key in later]:
            faults.warning("newer-key", f"the key '{key}' is left out: {later[key]}", where(key))
        table = {key: value for key, value in table.items() if key not in later}
    readers = READERS[cls]
    values, wrong = _read(table, readers)
    if not wrong and len(values) == len(table):
        return values
    for key, fault in wrong:
        _report(key, fault, faults, kind, where(key))
    for key in table:
        if key not in readers:
            names = (*readers, *known)
            tip = (
                f"where it is a part of a name: {QUOTES}"
                if isinstance(table[key], dict) and not nearest(key, names)
                else None
            )
            report_unknown(key, names, faults, kind, where(key), suggestion=tip)
    return None


def _read(
    table: Mapping[str, Any], readers: Mapping[str, Reader]
) -> tuple[dict[str, Any], list[tuple[str, Exception]]]:
    """The values of the keys that are known, and what is wrong with those that cannot be read."""
    values: dict[str, Any] = {}
    wrong: list[tuple[str, Exception]] = []
    for key, value in table.items():
        if key in readers:
            try:
                values[key] = readers[key](value)
            except ExceptionGroup as group:
                wrong += [(key, fault) for fault in group.exceptions]
            except (WrongValueError, UnknownNameError) as error:
                wrong.append((key, error))
    return values, wrong


def _report(key: str, fault: Exception, faults: Faults, kind: type[ConfigError], source: Source) -> None:
    """Report what a reader found wrong with the value of a key."""
    if isinstance(fault, WrongValueError):
        message = f"'{'.'.join((key, *fault.path))}' cannot be {fault.got}"
        tip = QUOTES if (fault.got, fault.expected) == ("a table", "a string") and fault.path else None
        at = source.child(*fault.path)
        faults.error(kind, "bad-value", message, at, expected=fault.expected, suggestion=tip, near=fault.near)
    elif isinstance(fault, UnknownNameError):
        report_unknown(fault.path[-1], fault.names, faults, kind, source.child(*fault.path))


def report_unknown(
    key: str,
    names: tuple[str, ...],
    faults: Faults,
    kind: type[ConfigError],
    source: Source,
    *,
    suggestion: str | None = None,
) -> None:
    """Report a key that means nothing; without a suggestion, the nearest name is one."""
    expected = f"one of {', '.join(sorted(names))}"
    near = (key, names)
    faults.error(
        kind, "unknown-key", f"unknown key '{key}'", source, expected=expected, suggestion=suggestion, near=near
    )
