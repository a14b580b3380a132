"""A row of an input."""

from __future__ import annotations

from hashlib import blake2b
from typing import TYPE_CHECKING, Any

from attrs import frozen

if TYPE_CHECKING:
    from collections.abc import Mapping


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
