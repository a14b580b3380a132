"""Pictures: a PNG of any size, its colour chosen by a seed."""

from __future__ import annotations

import struct
import zlib


def png(width: int, height: int, seed: int = 0) -> bytes:
    """A picture of one colour, 8 bits a channel."""
    colour = bytes(((seed * 47 + 90) % 256, (seed * 101 + 140) % 256, (seed * 29 + 200) % 256))
    packer = zlib.compressobj()
    line = b"\x00" + colour * width
    data = b"".join(packer.compress(line) for _ in range(height)) + packer.flush()
    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + _block(b"IHDR", header) + _block(b"IDAT", data) + _block(b"IEND", b"")


def _block(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def size(width: int | None, height: int | None, aspect_ratio: str | None) -> tuple[int, int]:
    """Pixels: those asked for, else of that ratio with 1024 on the longer side, else a square."""
    if width and height:
        return width, height
    across, _, up = (aspect_ratio or "1:1").partition(":")
    if not (across.isdecimal() and up.isdecimal() and int(across) and int(up)):
        return 1024, 1024
    longer = max(int(across), int(up))
    return max(1, 1024 * int(across) // longer), max(1, 1024 * int(up) // longer)
