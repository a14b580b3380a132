"""What may be anything, as plain data: the arguments of a tool call, a provider's own part, the options of a model.

JSON's own kinds are written as they are. What JSON does not have is a mapping of one key: `$bytes`, `$decimal`, `$float`,
`$tuple`, `$set`, `$date`, `$datetime`, `$time`, `$items` (a mapping whose keys are not all strings); and `$plain` is around a
mapping that has one such key of its own. A `Secret` is `***`.
"""

from __future__ import annotations

import math
from base64 import b64decode, b64encode
from collections.abc import Callable, Mapping
from datetime import date, datetime, time
from decimal import Decimal, InvalidOperation
from enum import StrEnum
from functools import partial
from typing import Any

_AS_IT_IS = frozenset({type(None), bool, int, str})


def write_any(value: Any, *, keeps_bytes: bool) -> Any:
    """Write a value.

    Args:
        value: Anything.
        keeps_bytes: Whether bytes stay bytes, for a form that has them.

    Raises:
        TypeError: An object of a class that has no plain form.
    """
    if type(value) in _AS_IT_IS:
        return value
    write = partial(write_any, keeps_bytes=keeps_bytes)
    for kinds, to_plain in _WRITERS:
        if isinstance(value, kinds):
            return to_plain(value, write)
    if isinstance(value, (bytes, bytearray)):
        return bytes(value) if keeps_bytes else {"$bytes": write_base64(bytes(value))}
    if hasattr(type(value), "reveal"):
        return str(value)
    raise TypeError(f"an object of class {type(value).__name__} cannot be written")


def read_any(value: Any) -> Any:
    """Read what `write_any` wrote; what is not a mark stays as it is."""
    if isinstance(value, Mapping):
        mark = _mark(value)
        return {key: read_any(item) for key, item in value.items()} if mark is None else _MARKS[mark](value[mark])
    return [read_any(item) for item in value] if isinstance(value, (list, tuple)) else value


def write_base64(value: bytes) -> str:
    """Write bytes."""
    return b64encode(value).decode("ascii")


def read_base64(value: Any) -> bytes:
    """Read bytes."""
    return b64decode(read_scalar(value, str, noun="base64 as a string", classes=(str,)), validate=True)


def read_decimal(value: Any) -> Decimal:
    """Read a decimal number from a string."""
    try:
        return Decimal(read_scalar(value, str, noun="a decimal number as a string", classes=(str,)))
    except InvalidOperation:
        raise ValueError(f"must be a decimal number as a string, not {value!r:.60}") from None


def read_scalar(value: Any, type_: Any, *, noun: str, classes: tuple[type, ...]) -> Any:
    """Read a value of one of some classes, and of no subclass; a word of an enumeration as such."""
    if type(value) in classes:
        return type_(value) if issubclass(type_, StrEnum) else value
    raise TypeError(f"must be {noun}, not {type(value).__name__}")


def _write_mapping(value: Mapping[Any, Any], write: Callable[[Any], Any]) -> dict[str, Any]:
    if not all(isinstance(key, str) for key in value):
        return {"$items": [[write(key), write(item)] for key, item in value.items()]}
    plain = {str(key): write(item) for key, item in value.items()}
    return {"$plain": plain} if _mark(plain) else plain


_WRITERS: tuple[tuple[Any, Callable[[Any, Callable[[Any], Any]], Any]], ...] = (
    (str, lambda value, _: str(value)),
    (int, lambda value, _: int(value)),
    (Mapping, _write_mapping),
    (list, lambda value, write: list(map(write, value))),
    (float, lambda value, _: float(value) if math.isfinite(value) else {"$float": str(value)}),
    (tuple, lambda value, write: {"$tuple": list(map(write, value))}),
    ((set, frozenset), lambda value, write: {"$set": list(map(write, sorted(value, key=repr)))}),
    (Decimal, lambda value, _: {"$decimal": str(value)}),
    (datetime, lambda value, _: {"$datetime": value.isoformat()}),
    (date, lambda value, _: {"$date": value.isoformat()}),
    (time, lambda value, _: {"$time": value.isoformat()}),
)

_MARKS: dict[str, Callable[[Any], Any]] = {
    "$plain": lambda plain: {key: read_any(item) for key, item in plain.items()},
    "$items": lambda pairs: {read_any(key): read_any(item) for key, item in pairs},
    "$tuple": lambda items: tuple(map(read_any, items)),
    "$set": lambda items: frozenset(map(read_any, items)),
    "$float": float,
    "$bytes": read_base64,
    "$decimal": read_decimal,
    "$datetime": datetime.fromisoformat,
    "$date": date.fromisoformat,
    "$time": time.fromisoformat,
}


def _mark(mapping: Mapping[Any, Any]) -> str | None:
    """Find the mark of a mapping that stands for something else."""
    (key,) = mapping if len(mapping) == 1 else (None,)
    return key if key in _MARKS else None
