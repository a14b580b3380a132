"""Answers as bytes, and back; of streams with their pieces.

Left out is what belongs to the one request that was made: its id, the SDK's raw answer.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeAlias

import attrs
import msgspec

from pipelex_core.converter import from_plain, to_plain
from pipelex_core.results import DocumentAnswer, EmbeddingAnswer, ImageAnswer, TextAnswer

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

WholeAnswer: TypeAlias = TextAnswer | DocumentAnswer | ImageAnswer | EmbeddingAnswer

_WHOLE = frozenset({"stop", "tool_calls"})


def is_worth_keeping(answer: object) -> bool:
    """Whether an answer is whole: not cut short, not withheld, not empty."""
    if isinstance(answer, TextAnswer):
        return answer.finish_reason in _WHOLE
    if isinstance(answer, DocumentAnswer):
        return bool(answer.pages)
    if isinstance(answer, ImageAnswer):
        return bool(answer.images)
    return hasattr(answer, "usage")


def encoded(answer: WholeAnswer, pieces: Sequence[str]) -> bytes | None:
    """An answer as bytes; None for one that would not come back as it was."""
    bare = attrs.evolve(answer, raw=None, request_id=None, cache=None)
    try:
        value = msgspec.msgpack.encode({"pieces": list(pieces), "answer": to_plain(bare, compact=True)})
        same = decoded(value, type(answer)) == (bare, tuple(pieces))
    except (TypeError, ValueError, OverflowError, UnicodeError, RecursionError):
        return None
    return value if same else None


def decoded(value: bytes, expected: type[Any] | None = None) -> tuple[WholeAnswer, tuple[str, ...]]:
    """The answer, and the pieces in which it came; `expected` is its class, where that is known.

    Raises:
        ValueError: These are not bytes of `encoded`.
    """
    try:
        plain = msgspec.msgpack.decode(value)
        return from_plain(WholeAnswer if expected is None else expected, plain["answer"], compact=True), tuple(
            plain["pieces"]
        )
    except (msgspec.DecodeError, KeyError, TypeError) as error:
        msg = f"not an answer: {type(error).__name__}"
        raise ValueError(msg) from None


def texts_of(value: Any) -> Iterator[str]:
    """Every text in plain data, the names of a mapping's items included."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for name, item in value.items():
            yield from texts_of(name)
            yield from texts_of(item)
    elif isinstance(value, (list, tuple)):
        for item in value:
            yield from texts_of(item)
