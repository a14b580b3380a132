"""Answers as bytes, and back; of streams with their pieces.

Left out is what belongs to the one request that was made: its id, the SDK's raw answer.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeAlias

import attrs
import msgspec

from pipelex_core.parts import ProviderPart, ToolCall
from pipelex_core.results import DocumentAnswer, Image, ImageAnswer, Page, TextAnswer, Usage

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

WholeAnswer: TypeAlias = TextAnswer | DocumentAnswer | ImageAnswer

_KINDS: dict[str, type[Any]] = {"text": TextAnswer, "document": DocumentAnswer, "image": ImageAnswer}
_WHOLE = frozenset({"stop", "tool_calls"})


def is_worth_keeping(answer: object) -> bool:
    """Whether an answer is whole: not cut short, not withheld, not empty."""
    if isinstance(answer, TextAnswer):
        return answer.finish_reason in _WHOLE
    if isinstance(answer, DocumentAnswer):
        return bool(answer.pages)
    return isinstance(answer, ImageAnswer) and bool(answer.images)


def encoded(answer: WholeAnswer, pieces: Sequence[str]) -> bytes | None:
    """An answer as bytes; None for one that would not come back as it was."""
    (kind,) = (name for name, type_ in _KINDS.items() if isinstance(answer, type_))
    bare = attrs.evolve(answer, raw=None, request_id=None, cache=None)
    try:
        value = msgspec.msgpack.encode({"kind": kind, "pieces": list(pieces), "answer": attrs.asdict(bare)})
        same = decoded(value) == (bare, tuple(pieces))
    except (TypeError, ValueError, OverflowError, UnicodeError, RecursionError):
        return None
    return value if same else None


def decoded(value: bytes) -> tuple[WholeAnswer, tuple[str, ...]]:
    """The answer, and the pieces in which it came.

    Raises:
        ValueError: These are no bytes of `encoded`.
    """
    try:
        plain = msgspec.msgpack.decode(value)
        answer = dict(plain["answer"])
        answer["usage"] = Usage(**answer["usage"])
        if plain["kind"] == "text":
            answer["tool_calls"] = tuple(ToolCall(**call) for call in answer["tool_calls"])
            answer["provider_parts"] = tuple(ProviderPart(**part) for part in answer["provider_parts"])
        elif plain["kind"] == "document":
            answer["pages"] = tuple(Page(**{**page, "images": _images(page["images"])}) for page in answer["pages"])
        else:
            answer["images"] = _images(answer["images"])
        return _KINDS[plain["kind"]](**answer), tuple(plain["pieces"])
    except (msgspec.DecodeError, KeyError, TypeError, AttributeError) as error:
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


def _images(plain: Sequence[dict[str, Any]]) -> tuple[Image, ...]:
    return tuple(Image(**image) for image in plain)
