"""Raw tables to typed values; every fault of a table is reported, with its path."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar

from attrs import fields_dict

from pipelex_core.config.converter import UnknownNameError, WrongValueError, strict_converter
from pipelex_core.config.tables import PRICES

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from pipelex_core.config.problems import Faults
    from pipelex_core.errors import ConfigError
    from pipelex_core.specs import Source

T = TypeVar("T")
Path = tuple[str, ...]


def structure(
    cls: type[T],
    table: Mapping[str, Any],
    faults: Faults,
    *,
    kind: type[ConfigError],
    where: Callable[[str], Source],
    known: tuple[str, ...] = (),
    later: Mapping[str, str] | None = None,
) -> T | None:
    """The typed form of a table, or None where it has a fault; every fault is reported.

    Args:
        cls: One of the classes above.
        table: As it was read.
        faults: Where to report.
        kind: The error class its faults belong to.
        where: The source of one of its keys.
        known: Further keys that are right, for suggestions.
        later: Keys of newer releases of the format, each with what to say: warned about, not refused.
    """
    if later and not table.keys().isdisjoint(later):
        for key in [key for key in table if key in later]:
            faults.warning("newer-key", f"the key '{key}' is left out: {later[key]}", where(key))
        table = {key: value for key, value in table.items() if key not in later}
    try:
        return strict_converter().structure(table, cls)
    except BaseExceptionGroup as error:
        names = (*fields_dict(cls), *known)  # type: ignore[arg-type]  # every cls is an attrs class
        for path, fault in _faults_of(error, ()):
            if isinstance(fault, WrongValueError):
                message = f"'{'.'.join(path)}' cannot be {fault.got}"
                at = where(path[0]).child(*path[1:])
                faults.error(kind, "bad-value", message, at, expected=fault.expected, near=fault.near)
            elif isinstance(fault, UnknownNameError):
                report_unknown(path[-1], PRICES, faults, kind, where(path[0]).child(*path[1:]))
            else:  # the converter's own: keys that the class does not have
                for key in sorted(fault.extra_fields):  # type: ignore[attr-defined]  # ForbiddenExtraKeysError
                    report_unknown(key, names, faults, kind, where(key))
    return None


def report_unknown(key: str, names: tuple[str, ...], faults: Faults, kind: type[ConfigError], source: Source) -> None:
    """Report a key that means nothing."""
    expected = f"one of {', '.join(sorted(names))}"
    faults.error(kind, "unknown-key", f"unknown key '{key}'", source, expected=expected, near=(key, names))


def _faults_of(error: BaseException, path: Path) -> Iterator[tuple[Path, BaseException]]:
    if not isinstance(error, BaseExceptionGroup):
        yield path, error
        return
    for inner in error.exceptions:
        step: Path = ()
        for note in getattr(inner, "__notes__", ()):
            part = getattr(note, "name", getattr(note, "index", None))
            if part is not None:
                step = (str(part),)
        yield from _faults_of(inner, (*path, *step))
