"""The macros of fragments, which stand for what is too large to be written out."""

from __future__ import annotations

from base64 import b64encode
from typing import Any

from pipelex_rules.values import Size, record


def expand(value: Any) -> Any:  # noqa: PLR0911 -- one return a macro
    """Replace `$repeat`, `$text`, `$props`, `$names` and `$deep` by what they stand for; `$bytes` becomes a `Size`."""
    if isinstance(value, list):
        return [expand(item) for item in value]
    if not isinstance(value, dict):
        return value
    if "$repeat" in value:
        return [expand(_numbered(value["$repeat"], number)) for number in range(value["$times"])]
    if "$text" in value:
        return value["$text"] * value["$times"]
    if "$props" in value:
        return {f"p{number}": expand(value["$of"]) for number in range(value["$props"])}
    if set(value) == {"$names"}:
        return [f"p{number}" for number in range(value["$names"])]
    if set(value) == {"$deep"}:
        return _nested(value["$deep"])
    if set(value) == {"$bytes"}:
        return Size(value["$bytes"])
    return {name: expand(item) for name, item in value.items()}


def _numbered(value: Any, number: int) -> Any:
    if isinstance(value, str):
        return value.replace("{i}", str(number))
    if isinstance(value, list):
        return [_numbered(item, number) for item in value]
    return {name: _numbered(item, number) for name, item in value.items()} if isinstance(value, dict) else value


def _nested(levels: int) -> dict[str, Any]:
    schema: dict[str, Any] = {"type": "string"}
    for _ in range(levels):
        schema = {"type": "object", "properties": {"n": schema}, "required": ["n"], "additionalProperties": False}
    return schema


def png(width: int = 1, height: int = 1) -> str:
    """Make the head of a PNG of some size, in base64."""
    head = (
        b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR"
        + width.to_bytes(4, "big")
        + height.to_bytes(4, "big")
        + b"\x08\x02\x00\x00\x00"
    )
    return b64encode(head + b"\x00" * 4).decode()


def pdf(pages: int) -> str:
    """Make a PDF with some pages, as far as a count of its page objects goes, in base64."""
    return b64encode(b"%PDF-1.4\n" + b"<< /Type /Page >>\n" * pages + b"%%EOF\n").decode()


def is_marker(value: Any) -> bool:
    """Tell whether a fragment is a number of images, documents, pages or pixels instead of the data."""
    return bool(set(record(value)) & {"images", "images_mb", "documents", "pages", "width", "height"})
