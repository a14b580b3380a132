"""Pictures by their own first bytes: what they are, how large, and whether a mask fits the picture it is for."""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING

from pipelex_core.errors import UnsupportedInputError

if TYPE_CHECKING:
    from pipelex_core.parts import Media

Size = tuple[int, int]

_PNG = b"\x89PNG\r\n\x1a\n"
_WITH_ALPHA = frozenset({4, 6})
"""Colour types of a PNG that have an alpha channel (https://www.w3.org/TR/png-3/#11IHDR)."""

_FRAMES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
"""JPEG markers that begin a frame, which holds the size."""


def kind_and_size(data: bytes) -> tuple[str | None, Size | None]:
    """MIME type, and width and height in pixels, of a PNG, JPEG, GIF, WebP or SVG; None for what it does not tell."""
    if data.startswith(_PNG):
        return "image/png", struct.unpack(">II", data[16:24]) if len(data) >= 24 else None
    if data.startswith(b"\xff\xd8\xff"):
        return "image/jpeg", _jpeg_size(data)
    if data[:6] in {b"GIF87a", b"GIF89a"}:
        return "image/gif", struct.unpack("<HH", data[6:10]) if len(data) >= 10 else None
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        return "image/webp", _webp_size(data)
    if b"<svg" in data[:1024]:
        return "image/svg+xml", None
    return None, None


def check_mask(picture: Media, mask: Media) -> None:
    """Refuse a mask that is not a PNG with an alpha channel, or has another size than the picture it is for.

    Every provider refuses it, some of them after payment: https://platform.openai.com/docs/api-reference/images/createEdit.
    What is at a URL is not looked at.

    Raises:
        UnsupportedInputError: It says both sizes.
    """
    if mask.data is None:
        return
    kind, size = kind_and_size(mask.data)
    if kind != "image/png" or size is None or len(mask.data) < 26:
        raise UnsupportedInputError(f"a mask is a PNG with transparent pixels, not {kind or mask.media_type}")
    if mask.data[25] not in _WITH_ALPHA and b"tRNS" not in mask.data:
        raise UnsupportedInputError("this mask has no alpha channel: its transparent pixels are those that may change")
    wanted = None if picture.data is None else kind_and_size(picture.data)[1]
    if wanted is not None and wanted != size:
        raise UnsupportedInputError(
            f"a mask has the size of the picture it is for: it is {size[0]}x{size[1]}, and the first picture {wanted[0]}x{wanted[1]}"
        )


def _jpeg_size(data: bytes) -> Size | None:
    position = 2
    while position + 9 <= len(data) and data[position] == 0xFF:
        marker, length = data[position + 1], int.from_bytes(data[position + 2 : position + 4], "big")
        if marker in _FRAMES:
            height, width = struct.unpack(">HH", data[position + 5 : position + 9])
            return width, height
        position += 2 + length
    return None


def _webp_size(data: bytes) -> Size | None:
    form = data[12:16]
    if form == b"VP8X" and len(data) >= 30:
        return int.from_bytes(data[24:27], "little") + 1, int.from_bytes(data[27:30], "little") + 1
    if form == b"VP8L" and len(data) >= 25:
        bits = int.from_bytes(data[21:25], "little")
        return (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1
    if form == b"VP8 " and len(data) >= 30:
        width, height = struct.unpack("<HH", data[26:30])
        return width & 0x3FFF, height & 0x3FFF
    return None
