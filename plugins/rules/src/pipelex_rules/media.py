"""What can be read of an image or document in a request without decoding it: its type, size in pixels, bytes, pages."""

from __future__ import annotations

import binascii
import re
from base64 import b64decode
from typing import Any

from pipelex_rules.values import Size, size_of

_DATA_URL = re.compile(r"data:([^;,]*)(?:;[^,]*)?,", re.IGNORECASE)
_HEAD = 65_536
"""Characters of base64 that are decoded to find a picture's size."""


def decoded_size(value: Any) -> int:
    """Count the bytes that base64 text encodes, or those of data."""
    if not isinstance(value, str):
        return size_of(value)
    length = len(value)
    if length % 4:
        return length * 3 // 4
    return length // 4 * 3 - value[-2:].count("=") if length else 0


def split_data_url(url: Any) -> tuple[str, str] | None:
    """Take a data URL apart into its media type, lower case, and its base64; None for other addresses."""
    if not isinstance(url, str) or url[:5].lower() != "data:":
        return None
    match = _DATA_URL.match(url[:300])
    return (match[1].lower(), url[match.end() :]) if match else ("", "")


def pixels(encoded: Any) -> tuple[int, int] | None:  # noqa: PLR0911 -- one return a format
    """Read the width and height of a PNG, GIF, JPEG or WebP in base64; None where they cannot be read."""
    if isinstance(encoded, bytes | bytearray):
        head = bytes(encoded[:_HEAD])
    elif isinstance(encoded, str):
        try:
            head = b64decode(encoded[:_HEAD])
        except (binascii.Error, ValueError):
            return None
    else:
        return None
    if head[:8] == b"\x89PNG\r\n\x1a\n" and len(head) >= 24:
        return int.from_bytes(head[16:20], "big"), int.from_bytes(head[20:24], "big")
    if head[:4] == b"GIF8" and len(head) >= 10:
        return int.from_bytes(head[6:8], "little"), int.from_bytes(head[8:10], "little")
    if head[:2] == b"\xff\xd8":
        return _jpeg(head)
    if head[:4] == b"RIFF" and head[8:16] == b"WEBPVP8X" and len(head) >= 30:
        return int.from_bytes(head[24:27], "little") + 1, int.from_bytes(head[27:30], "little") + 1
    return None


def _jpeg(head: bytes) -> tuple[int, int] | None:
    position = 2
    while position + 9 < len(head) and head[position] == 0xFF:
        marker = head[position + 1]
        if 0xC0 <= marker <= 0xCF and marker not in {0xC4, 0xC8, 0xCC}:
            return int.from_bytes(head[position + 7 : position + 9], "big"), int.from_bytes(
                head[position + 5 : position + 7], "big"
            )
        position += 2 + int.from_bytes(head[position + 2 : position + 4], "big")
    return None


def pages(encoded: Any) -> int | None:
    """Count the pages of a PDF in base64 whose page objects are not compressed; None where they cannot be counted."""
    if isinstance(encoded, Size) or not isinstance(encoded, str | bytes | bytearray):
        return None
    try:
        content = b64decode(encoded) if isinstance(encoded, str) else bytes(encoded)
    except (binascii.Error, ValueError):
        return None
    if not content.startswith(b"%PDF"):
        return None
    return len(re.findall(rb"/Type\s*/Page\b", content)) or None
