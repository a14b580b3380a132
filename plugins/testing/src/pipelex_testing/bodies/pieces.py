"""How a text is cut for a stream."""

from __future__ import annotations


def halves(text: str) -> list[str]:
    """Cut a text into two deltas; one for a single character, none for an empty text."""
    middle = (len(text) + 1) // 2
    return [piece for piece in (text[:middle], text[middle:]) if piece]
