"""Access to a body of any form: what has another type than expected reads as empty, so that rules need not look twice."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from attrs import frozen

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping


@frozen
class Size:
    """Data of a known size that is not in memory, such as a file in a form.

    Attributes:
        bytes: How many.
    """

    bytes: int


def record(value: Any) -> Mapping[str, Any]:
    """Read an object; anything else is an empty one."""
    return value if isinstance(value, dict) else {}


def sequence(value: Any) -> list[Any] | tuple[Any, ...]:
    """Read a list; anything else is an empty one."""
    return value if isinstance(value, list | tuple) else []


def records(value: Any) -> Iterator[tuple[int, Mapping[str, Any]]]:
    """Go through the objects of a list, with their indices."""
    for index, item in enumerate(sequence(value)):
        if isinstance(item, dict):
            yield index, item


def string(value: Any) -> str:
    """Read a text; anything else is an empty one."""
    return value if isinstance(value, str) else ""


def strings(value: Any) -> list[str]:
    """Read the texts of a list, or one text as a list of its own."""
    if isinstance(value, str):
        return [value]
    return [item for item in sequence(value) if isinstance(item, str)]


def amount(value: Any) -> float | None:
    """Read a number; None for anything else."""
    return value if isinstance(value, int | float) and not isinstance(value, bool) else None


def dig(value: Any, *names: str) -> Any:
    """Follow fields into an object; None where one is absent."""
    for name in names:
        value = record(value).get(name)
    return value


def size_of(value: Any) -> int:
    """Count the characters of a text, or the bytes of data; 0 for anything else."""
    if isinstance(value, Size):
        return value.bytes
    return len(value) if isinstance(value, str | bytes | bytearray) else 0


def encoded_size(value: Any, depth: int = 0) -> int:
    """Count about how many bytes a value has as JSON: never more than it really has."""
    if isinstance(value, str | bytes | bytearray | Size):
        return size_of(value) + 2
    if depth > 100:
        return 0
    if isinstance(value, dict):
        return sum(len(str(key)) + 4 + encoded_size(item, depth + 1) for key, item in value.items()) + 1
    if isinstance(value, list | tuple):
        return sum(encoded_size(item, depth + 1) + 1 for item in value) + 1
    return 1


def kind_of(value: Any) -> str:
    """Name the type of a value as JSON does."""
    for types, name in ((bool, "a boolean"), (str, "a string"), (int | float, "a number"), (dict, "an object")):
        if isinstance(value, types):
            return name
    return "null" if value is None else "an array" if isinstance(value, list | tuple) else "binary data"


def words_in(text: str) -> int:
    """Count the words of a text: never more than the tokens any tokenizer makes of it."""
    return len(text.split())
