"""Requests with images and documents of a size, for facts about their limits."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pipelex_rules.facts.fragments import text_block
from pipelex_rules.facts.macros import pdf, png
from pipelex_rules.values import Size

if TYPE_CHECKING:
    from collections.abc import Iterator


def media(body: dict[str, Any], api: str, path: list[str | int], marker: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Make real images and documents of a number or a size of them."""
    if "pages" in marker:
        encoded = f"data:application/pdf;base64,{pdf(marker['pages'])}"
        if path and path[0] == "document":
            yield {**body, "document": {"type": "document_url", "document_url": encoded}}
        else:
            document = {
                "type": "document",
                "source": {"type": "base64", "media_type": "application/pdf", "data": pdf(marker["pages"])},
            }
            yield {**body, "messages": [{"role": "user", "content": [document]}]}
        return
    picture = png(marker.get("width", 1), marker.get("height", 1))
    count, kind = marker.get("images", 1), "documents" if "documents" in marker else "images"
    if kind == "documents":
        count = marker["documents"]
    if "images_mb" in marker:
        picture, count = "A" * (marker["images_mb"] * 4_000_000 // 3), 1
    blocks = [_block(api, kind, picture, number) for number in range(count)]
    if api == "generateContent":
        yield {**body, "contents": [{"role": "user", "parts": [*blocks, {"text": "a"}]}]}
    elif api == "responses":
        yield {**body, "input": [{"role": "user", "content": blocks}]}
    elif api == "ocr":
        yield {**body, "document": {"type": "image_url", "image_url": f"data:image/png;base64,{picture}"}}
    else:
        yield {**body, "messages": [{"role": "user", "content": [*blocks, text_block(api)]}]}


def _block(api: str, kind: str, picture: str, number: int) -> dict[str, Any]:  # noqa: PLR0911 -- one return an API
    if api == "generateContent":
        return {"inlineData": {"mimeType": "image/png", "data": picture}}
    if api == "converse" and kind == "documents":
        return {"document": {"name": f"d{number}", "format": "pdf", "source": {"bytes": "AAAA"}}}
    if api == "converse":
        return {"image": {"format": "png", "source": {"bytes": picture}}}
    if api == "messages" and kind == "documents":
        return {"type": "document", "source": {"type": "base64", "media_type": "application/pdf", "data": "AAAA"}}
    if api == "messages":
        return {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": picture}}
    if api == "responses":
        return {"type": "input_image", "image_url": f"data:image/png;base64,{picture}"}
    return {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{picture}"}}


def whole_size(fragment: Any) -> int | None:
    """Find the size of a fragment that represents a whole body."""
    return fragment.bytes if isinstance(fragment, Size) else None
