"""The sources of an answer that searched the web: https://ai.google.dev/api/generate-content#GroundingMetadata."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pipelex_core.parts import Citation

if TYPE_CHECKING:
    from collections.abc import Iterator


def citations_of(grounding: dict[str, Any], text: str) -> Iterator[Citation]:
    """The sources that support a part of the text, in its order; then those that support no part that is named.

    Google counts places in bytes of UTF-8.
    """
    chunks = grounding.get("groundingChunks")
    sources = [_source(chunk) for chunk in chunks] if isinstance(chunks, list) else []
    written, used = text.encode("utf-8", "surrogatepass"), set()
    for support in grounding.get("groundingSupports") or ():
        segment = support.get("segment") or {}
        start, end = (_place(written, segment.get(name)) for name in ("startIndex", "endIndex"))
        for index in support.get("groundingChunkIndices") or ():
            if isinstance(index, int) and 0 <= index < len(sources):
                used.add(index)
                yield Citation(**sources[index], start=start or 0, end=end)
    yield from (Citation(**source) for index, source in enumerate(sources) if index not in used)


def _source(chunk: Any) -> dict[str, Any]:
    found = next((value for value in chunk.values() if isinstance(value, dict)), {}) if isinstance(chunk, dict) else {}
    return {name: found[key] for name, key in (("url", "uri"), ("title", "title")) if isinstance(found.get(key), str)}


def _place(written: bytes, at: Any) -> int | None:
    return len(written[:at].decode("utf-8", "ignore")) if isinstance(at, int) else None
