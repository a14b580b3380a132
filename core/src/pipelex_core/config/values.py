"""Readers of values, strict: no `3` for `"3"`, no `"false"` for `true`, no unknown words.

A reader takes a value as TOML gives it, and returns it as it is used; where the value is wrong it raises a `ValueFault`, and
an `ExceptionGroup` of them where several things in it are. Readers are made of readers: of a list, of the items; of a table,
of the keys. A structuring library would need a rule for every type too, to be strict, and cost a short-lived program more
than the rest of its load.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from attrs import define

from pipelex_core.config.problems import type_name

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping, Sequence

    Reader = Callable[[Any], Any]

_MOST_KNOWN = 200
HUGE = 2**63
"""No count is as large, and Python refuses to print much larger numbers."""


@define(eq=False)
class ValueFault(ValueError):  # noqa: N818 -- becomes a fault of the configuration
    """What is wrong with a value, or with a key in it; the value itself is shown only where one of a few words was expected.

    Attributes:
        got: What the value is; None for a key that means nothing.
        expected: What would have been right.
        near: A wrong word, and the words that would have been right.
        path: Where in the value that was read; empty for all of it.
    """

    got: str | None
    expected: str
    near: tuple[str, Collection[str]] | None = None
    path: tuple[str, ...] = ()


def read_keys(
    table: Mapping[str, Any], readers: Mapping[str, Reader], faults: list[ValueFault] | None = None
) -> dict[str, Any]:
    """The values of a table, each by the reader of its key.

    Args:
        table: As it was read.
        readers: Key -> reader; every other key is at fault.
        faults: What is wrong with the table besides.

    Raises:
        ExceptionGroup: Every fault, with its path.
    """
    found: dict[str, Any] = {}
    for key, value in table.items():
        try:
            found[key] = readers[key](value)
        except KeyError:
            fault = ValueFault(None, f"one of {', '.join(sorted(readers))}", (key, tuple(readers)), (key,))
            faults = faults or []
            faults.append(fault)
        except (ValueFault, ExceptionGroup) as error:
            faults = faults or []
            for fault in faults_of(error):
                fault.path = (key, *fault.path)
                faults.append(fault)
    if faults:
        raise ExceptionGroup("values", faults)
    return found


def faults_of(error: ValueFault | ExceptionGroup[ValueFault]) -> Sequence[Any]:
    """Every fault that a reader raised."""
    return (error,) if isinstance(error, ValueFault) else error.exceptions


def exactly(type_: type, expected: str) -> Reader:
    """A value of one type, and not of a type below it."""

    def read(value: Any) -> Any:
        if value.__class__ is not type_:
            raise ValueFault(type_name(value), expected)
        return value

    return read


def at_least(least: int) -> Reader:
    """A whole number."""

    def read(value: Any) -> Any:
        if value.__class__ is not int or not least <= value < HUGE:
            got = str(value) if value.__class__ is int and abs(value) < HUGE else type_name(value)
            raise ValueFault(got, f"a whole number of at least {least}")
        return value

    return read


def rule(
    expected: str,
    is_right: Callable[[Any], bool],
    *,
    got: Callable[[Any], str] = type_name,
    made: Callable[[Any], Any] = lambda value: value,
) -> Reader:
    """What passes a test, in another form where there is one."""

    def read(value: Any) -> Any:
        if not is_right(value):
            raise ValueFault(got(value), expected)
        return made(value)

    return read


def name_of(expected: str) -> Reader:
    """A string that is not empty."""
    return rule(
        expected,
        lambda value: value.__class__ is str and value != "",
        got=lambda value: "empty" if value == "" else type_name(value),
    )


def one_of(words: Collection[str]) -> Reader:
    """One word of a few."""

    def read(value: Any) -> str:
        if value.__class__ is str and value in words:
            return value
        is_word = value.__class__ is str
        near = (value, words) if is_word else None
        raise ValueFault(f"'{value}'" if is_word else type_name(value), f"one of {', '.join(words)}", near)

    return read


def each(reader: Reader, expected: str, *, kind: Any = list, made: Callable[[Any], Any] = tuple) -> Reader:
    """A list, or a table of any keys, whose values one reader reads."""

    def read(value: Any) -> Any:
        if value.__class__ is not kind:
            raise ValueFault(type_name(value), expected)
        items = value if kind is dict else {str(number): item for number, item in enumerate(value)}
        found = read_keys(items, dict.fromkeys(items, reader))
        return made(found if kind is dict else found.values())

    return read


def table(readers: Mapping[str, Reader], expected: str, *, needed: str | None = None) -> Reader:
    """A table of known keys, one of which it may need."""

    def read(value: Any) -> dict[str, Any]:
        if value.__class__ is not dict:
            raise ValueFault(type_name(value), expected)
        if needed is None or needed in value:
            return read_keys(value, readers)
        return read_keys(value, readers, [ValueFault("a table without it", f"a table with the key '{needed}'")])

    return read


def words(meanings: Mapping[str, str]) -> Reader:
    """A list of words, each one of a few, as the set of what they mean."""
    known: dict[tuple[str, ...], frozenset[str]] = {}  # most lists of a configuration are the same few
    whole = each(one_of(meanings), f"a list of {', '.join(meanings)}")

    def read(value: Any) -> frozenset[str]:
        try:
            if value.__class__ is list and (*value,) in known:
                return known[(*value,)]
        except TypeError:  # a list or table in it
            pass
        found = whole(value)
        meant = frozenset([meanings[word] for word in found])
        if len(known) < _MOST_KNOWN:
            known[found] = meant
        return meant

    return read
