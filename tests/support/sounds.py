"""Sound of each kind, small, with a header that says how long it is."""

from __future__ import annotations

import struct


def wav(seconds: float = 0.5, rate: int = 16_000) -> bytes:
    """Silence in 16-bit samples of one channel."""
    samples = bytes(2 * int(seconds * rate))
    head = struct.pack("<4sI4s4sIHHIIHH", b"RIFF", 36 + len(samples), b"WAVE", b"fmt ", 16, 1, 1, rate, 2 * rate, 2, 16)
    return head + struct.pack("<4sI", b"data", len(samples)) + samples


def mp3(frames: int = 100, *, xing: bool = False) -> bytes:
    """Frames of MPEG 1 layer III at 128 kbit/s and 44.1 kHz, behind an ID3 tag; with a Xing header that counts them."""
    frame = b"\xff\xfb\x90\xc4" + bytes(413)
    first = frame
    if xing:
        first = (frame[:36] + b"Xing" + struct.pack(">II", 1, frames)).ljust(len(frame), b"\0")
    return b"ID3\x04\0\0\0\0\x01\x7f" + bytes(255) + first + frame * (frames - 1 if not xing else 3)


def flac(seconds: int = 7, rate: int = 44_100) -> bytes:
    """The head of a FLAC file."""
    packed = rate << 44 | 15 << 36 | seconds * rate
    return b"fLaC\x80\0\0\x22" + bytes(10) + packed.to_bytes(8) + bytes(16)


def opus(seconds: int = 7) -> bytes:
    """The first and the last page of an Ogg file with Opus."""
    head = b"OpusHead\x01\x01" + struct.pack("<HI", 312, 48_000) + b"\0\0\0"
    last = struct.pack("<4sBBq", b"OggS", 0, 4, seconds * 48_000 + 312)
    return struct.pack("<4sBBq", b"OggS", 0, 2, 0) + bytes(14) + head + bytes(500) + last + bytes(14)


def m4a(seconds: int = 7) -> bytes:
    """An MP4 container whose `moov` follows its data."""
    mvhd = struct.pack(">I4sIIIII", 108, b"mvhd", 0, 0, 0, 1000, seconds * 1000) + bytes(80)
    moov = struct.pack(">I4s", 8 + len(mvhd), b"moov") + mvhd
    return struct.pack(">I4s4sI", 16, b"ftyp", b"M4A ", 0) + struct.pack(">I4s", 108, b"mdat") + bytes(100) + moov
