"""A row of an input."""

from __future__ import annotations

from hashlib import blake2b
from typing import TYPE_CHECKING, Any

from attrs import frozen

from pipelex_batch.settings import BatchError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path


@frozen
class Row:
    """One row of an input.

    Attributes:
        number: Its number in the input, from 1: of a JSONL file, that of its line; else that of its record or file.
        digest: Of what it holds, to see whether it changed.
        fields: Column -> value; empty where there is a fault.
        fault: Why it cannot be read, or None.
    """

    number: int
    digest: int
    fields: Mapping[str, Any]
    fault: str | None = None


def digest_of(data: bytes) -> int:
    """Sixty-four bits of a digest."""
    return int.from_bytes(blake2b(data, digest_size=8).digest())


def check_header(file: Path, names: Sequence[str]) -> None:
    """Check the names of a table's columns.

    Raises:
        BatchError: There are none, or two columns have the same.
    """
    double = next((name for name in names if names.count(name) > 1), None)
    if not names or double is not None:
        msg = f"'{file}' has no header" if not names else f"'{file}' has two columns named '{double}'"
        raise BatchError(msg)
