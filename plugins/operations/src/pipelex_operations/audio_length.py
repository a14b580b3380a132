"""How long sound is, as its header says; prices are for minutes, and not every provider tells what it counted."""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import BinaryIO

_TAIL = 128 * 1024
_KBITS = (
    (0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320),
    (0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160),
)
"""Layer III, by the index in a frame's header: MPEG 1; MPEG 2 and 2.5 (ISO 11172-3, 13818-3)."""

_RATES = {3: (44_100, 48_000, 32_000), 2: (22_050, 24_000, 16_000), 0: (11_025, 12_000, 8_000)}
"""Samples a second by the version's bits in a frame's header."""


def seconds_of(file: BinaryIO, media_type: str, size: int) -> float | None:
    """The length in seconds; None where the header does not say it, or is damaged.

    Args:
        file: The sound, which is read in places.
        media_type: What it is, such as `audio/wav`.
        size: Its bytes.
    """
    read = _READERS.get(media_type)
    if read is None:
        return None
    try:
        found = read(file, size)
    except (struct.error, ValueError, IndexError, ZeroDivisionError, OSError):
        return None
    return found if found is not None and 0 < found < 10**7 else None


def _wav(file: BinaryIO, size: int) -> float | None:
    rate, place = 0, 12
    while place + 8 <= size:
        file.seek(place)
        name, length = struct.unpack("<4sI", file.read(8))
        if name == b"fmt ":
            (rate,) = struct.unpack_from("<I", file.read(12), 8)
        elif name == b"data":
            return (
                float(min(length or size, size - place - 8)) / rate
            )  # what is written as it is recorded has no length
        place += 8 + length + length % 2
    return None


def _flac(file: BinaryIO, _size: int) -> float | None:
    file.seek(18)
    packed = int.from_bytes(file.read(8))
    return (packed & (1 << 36) - 1) / (packed >> 44)


def _ogg(file: BinaryIO, size: int) -> float | None:
    file.seek(0)
    head = file.read(256)
    if (place := head.find(b"OpusHead")) >= 0:
        (skip,) = struct.unpack_from("<H", head, place + 10)
        rate = 48_000
    else:
        skip, place = 0, head.index(b"\x01vorbis")
        (rate,) = struct.unpack_from("<I", head, place + 12)
    file.seek(max(0, size - _TAIL))
    tail = file.read()
    (last,) = struct.unpack_from("<q", tail, tail.rindex(b"OggS") + 6)
    return float(last - skip) / rate


def _mp4(file: BinaryIO, size: int) -> float | None:
    place, end = 0, size
    while place + 8 <= end:
        file.seek(place)
        length, name = struct.unpack(">I4s", file.read(8))
        head = 8
        if length == 1:
            (length,), head = struct.unpack(">Q", file.read(8)), 16
        if name == b"moov":
            place, end = place + head, place + length
            continue
        if name == b"mvhd":
            body = file.read(32)
            scale, units = struct.unpack_from(">IQ" if body[0] else ">II", body, 20 if body[0] else 12)
            return float(units / scale)
        place += length or end
    return None


def _mp3(file: BinaryIO, size: int) -> float | None:
    file.seek(0)
    head = file.read(10)
    start = 0
    if head[:3] == b"ID3":
        start = 10 + sum((byte & 0x7F) << 7 * (3 - at) for at, byte in enumerate(head[6:10]))
    file.seek(start)
    frame = file.read(256)
    version, layer = frame[1] >> 3 & 3, frame[1] >> 1 & 3
    if frame[0] != 0xFF or layer != 1:
        return None
    rate = _RATES[version][frame[2] >> 2 & 3] if version in _RATES else 0
    samples = 1152 if version == 3 else 576
    for mark in (b"Xing", b"Info"):
        if (place := frame.find(mark)) > 0 and frame[place + 7] & 1:
            return int.from_bytes(frame[place + 8 : place + 12]) * samples / rate
    return (size - start) * 8 / (_KBITS[version != 3][frame[2] >> 4] * 1000)


_READERS: dict[str, Callable[[BinaryIO, int], float | None]] = {
    "audio/wav": _wav,
    "audio/flac": _flac,
    "audio/ogg": _ogg,
    "audio/mp4": _mp4,
    "audio/mpeg": _mp3,
}
