"""Compares a value with a shape, and tells every place that does not fit."""

from __future__ import annotations

import math
import re
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from attrs import frozen

from pipelex_rules.media import decoded_size
from pipelex_rules.values import Size, kind_of, size_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from pipelex_rules.shapes import Shape
    from pipelex_rules.sources import Source

DEPTH = 200
"""Levels to which a value is followed; deeper ones are a fault."""


@frozen
class Fault:
    """One place where a value does not have its shape.

    Attributes:
        kind: `missing`, `unknown`, `type`, `choice`, `low`, `high`, `short`, `long`, `few`, `many`, `pattern`, `deep`.
        place: Such as `messages[0].content`; empty for the whole.
        words: What is wrong, for a person.
        source: Where the shape was read.
        since: The day from which this is refused; None for always.
        of: The kind of the shape, such as `integer`.
    """

    kind: str
    place: str
    words: str
    source: Source | None
    since: str | None
    of: str


@frozen
class _At:
    """Where a comparison has come to: the place, the source that holds there, the depth."""

    place: str
    source: Source | None
    depth: int

    def into(self, step: str) -> _At:
        return _At(
            f"{self.place}{step}" if self.place or step.startswith("[") else step.removeprefix("."),
            self.source,
            self.depth + 1,
        )


def find_faults(shape: Shape, value: Any, place: str = "", source: Source | None = None) -> Iterator[Fault]:
    """Tell where a value does not have a shape."""
    yield from _compare(shape, value, _At(place, source, 0))


def _compare(shape: Shape, value: Any, at: _At) -> Iterator[Fault]:
    if shape.source is not None:
        at = _At(at.place, shape.source, at.depth)
    if at.depth > DEPTH:
        yield _fault(shape, at, "deep", f"nested more than {DEPTH} levels deep")
    elif shape.kind in _TYPES and not isinstance(value, _TYPES[shape.kind][0]):
        yield _fault(shape, at, "type", f"expected {_TYPES[shape.kind][1]}, but got {kind_of(value)}")
    else:
        yield from _CHECKS[shape.kind](shape, value, at)


def _fault(shape: Shape, at: _At, kind: str, words: str, of: str = "") -> Fault:
    return Fault(kind, at.place, words, at.source, shape.since, of or shape.kind)


def _nothing(shape: Shape, value: Any, at: _At) -> Iterator[Fault]:  # noqa: ARG001 -- one of the checks
    yield from ()


def _object(shape: Shape, value: dict[str, Any], at: _At) -> Iterator[Fault]:
    for name in sorted(shape.required):
        if value.get(name) is None:
            kind, words = ("type", "is null") if name in value else ("missing", "is missing")
            yield _fault(shape, at.into(f".{name}"), kind, f"required field '{name}' {words}")
    if shape.members is not None:
        least, most = shape.members
        present = [name for name in value if name in shape.fields and value[name] is not None]
        if not least <= len(present) <= most:
            words = f"exactly one of {', '.join(shape.fields)} must be set, but got {', '.join(present) or 'none'}"
            yield _fault(shape, at, "many" if len(present) > most else "missing", words, "union")
    for name, item in value.items():
        known = shape.fields.get(name)
        if known is None:
            if shape.closed:
                yield _fault(shape, at.into(f".{name}"), "unknown", f"unknown field '{name}'")
        elif item is not None:
            yield from _compare(known, item, at.into(f".{name}"))


def _map(shape: Shape, value: dict[str, Any], at: _At) -> Iterator[Fault]:
    yield from _counted(shape, len(value), at, ("few", "many", "entries"))
    for key, item in value.items():
        if shape.pattern is not None and not _pattern(shape.pattern).fullmatch(key):
            yield _fault(shape, at.into(f".{key}"), "pattern", f"key {_shown(key)} does not match {shape.pattern}")
        if shape.item is not None:
            yield from _compare(shape.item, item, at.into(f".{key}"))


def _list(shape: Shape, value: list[Any], at: _At) -> Iterator[Fault]:
    yield from _counted(shape, len(value), at, ("few", "many", "items"))
    if shape.item is not None and shape.item.kind != "any":
        for index, item in enumerate(value):
            yield from _compare(shape.item, item, at.into(f"[{index}]"))


def _tagged(shape: Shape, value: dict[str, Any], at: _At) -> Iterator[Fault]:
    tag = value.get(shape.tag)
    tag = shape.default_tag if tag is None else tag
    if tag is None:
        yield _fault(shape, at.into(f".{shape.tag}"), "missing", f"required field '{shape.tag}' is missing", "object")
    elif isinstance(tag, str) and tag in shape.shapes:
        yield from _compare(shape.shapes[tag], value, at)
    elif shape.tags_closed or not isinstance(tag, str):
        expected = ", ".join(f"'{word}'" for word in shape.shapes)
        yield _fault(
            shape, at.into(f".{shape.tag}"), "choice", f"got {_shown(tag)}, expected one of {expected}", "choice"
        )


def _either(shape: Shape, value: Any, at: _At) -> Iterator[Fault]:
    """Choose the option of the value's type; its faults are reported, or that no option has that type."""
    best: list[Fault] | None = None
    for option in shape.options:
        found = list(_compare(option, value, at))
        if not found:
            return
        if found[0].place != at.place or found[0].kind != "type":
            best = best or found
    if best is None:
        expected = " or ".join(option.kind for option in shape.options)
        best = [_fault(shape, at, "type", f"expected {expected}, but got {kind_of(value)}")]
    yield from best


def _choice(shape: Shape, value: Any, at: _At) -> Iterator[Fault]:
    words = {word.lower() for word in shape.values} if shape.ignores_case else shape.values
    if not isinstance(value, str) or (value.lower() if shape.ignores_case else value) not in words:
        expected = ", ".join(f"'{word}'" for word in shape.values)
        kind = "choice" if isinstance(value, str) else "type"
        yield _fault(shape, at, kind, f"got {_shown(value)}, expected one of {expected}")


def _text(shape: Shape, value: Any, at: _At) -> Iterator[Fault]:
    binary = shape.kind == "data"
    length = decoded_size(value) if binary else size_of(value)
    yield from _counted(shape, length, at, ("short", "long", "bytes" if binary else "characters"))
    if shape.pattern is not None and isinstance(value, str) and not _pattern(shape.pattern).fullmatch(value):
        yield _fault(shape, at, "pattern", f"{_shown(value)} does not match the pattern {shape.pattern}")


def _number(shape: Shape, value: Any, at: _At) -> Iterator[Fault]:
    if isinstance(value, bool):
        yield _fault(shape, at, "type", "expected a number, but got a boolean")
    elif isinstance(value, float) and not math.isfinite(value):
        yield _fault(shape, at, "type", "is not a finite number")
    elif shape.kind == "integer" and isinstance(value, float) and not value.is_integer():
        yield _fault(shape, at, "type", f"expected an integer, but got {value}")
    elif shape.low is not None and value < shape.low:
        yield _fault(shape, at, "low", f"expected a value >= {shape.low:g}, but got {_shown(value)}")
    elif shape.high is not None and value > shape.high:
        yield _fault(shape, at, "high", f"expected a value <= {shape.high:g}, but got {_shown(value)}")


def _counted(shape: Shape, count: int, at: _At, words: tuple[str, str, str]) -> Iterator[Fault]:
    few, many, noun = words
    if shape.low is not None and count < shape.low:
        yield _fault(shape, at, few, f"expected at least {shape.low:g} {noun}, but got {count}")
    if shape.high is not None and count > shape.high:
        yield _fault(shape, at, many, f"expected at most {shape.high:g} {noun}, but got {count}")


_TYPES: dict[str, tuple[Any, str]] = {
    "object": (dict, "an object"),
    "map": (dict, "an object"),
    "tagged": (dict, "an object"),
    "list": (list | tuple, "an array"),
    "text": (str | bytes | bytearray | Size, "a string"),
    "data": (str | bytes | bytearray | Size, "a string"),
    "boolean": (bool, "a boolean"),
    "integer": (int | float, "a number"),
    "number": (int | float, "a number"),
}
_CHECKS: dict[str, Callable[[Shape, Any, _At], Iterator[Fault]]] = {
    "any": _nothing,
    "boolean": _nothing,
    "either": _either,
    "tagged": _tagged,
    "choice": _choice,
    "object": _object,
    "map": _map,
    "list": _list,
    "text": _text,
    "data": _text,
    "integer": _number,
    "number": _number,
}


@lru_cache(maxsize=256)
def _pattern(pattern: str) -> re.Pattern[str]:
    return re.compile(pattern)


def _shown(value: Any) -> str:
    if isinstance(value, int) and not isinstance(value, bool) and abs(value) > 10**18:
        return "a number of many digits"
    shown = (
        f"'{value}'"
        if isinstance(value, str)
        else str(value)
        if value is None or isinstance(value, bool | int | float)
        else kind_of(value)
    )
    return shown if len(shown) <= 80 else f"{shown[:77]}…'"
