"""Answers that travel through another library and go back to their provider as they came."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pipelex_core import DocumentPart, ImagePart, Media

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from pipelex_core import ObjectResult, TextResult

KEPT = "pipelex_message"
"""The key under which an answer keeps all that its provider wants back, such as signatures of thoughts."""


def kept_message(result: TextResult | ObjectResult[Any]) -> dict[str, Any]:
    """What to keep with an answer, under `KEPT`: plain data."""
    return result.message.to_dict()


def is_unchanged(kept: Mapping[str, Any], text: str, calls: Sequence[str | None]) -> bool:
    """Whether nobody has changed an answer since it came.

    Args:
        kept: What was kept with it.
        text: Its text, as the other library has it now.
        calls: The ids of the calls of tools that it asks for.
    """
    parts = kept.get("parts", ())
    original = "".join(part.get("text", "") for part in parts if part.get("type") == "text")
    return original == text and [part.get("id") for part in parts if part.get("type") == "tool_call"] == list(calls)


def media_part(data: bytes, media_type: str) -> ImagePart | DocumentPart:
    """An image or a document, of its bytes."""
    media = Media(data=data, media_type=media_type)
    return ImagePart(media) if media_type.startswith("image/") else DocumentPart(media)
