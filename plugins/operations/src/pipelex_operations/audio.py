"""Recordings as callers give them (path, bytes, URL, data URL), made into a `Recording`; a file stays on its disk.

What sound it is, its first bytes say, and its header how long it is.
"""

from __future__ import annotations

import os
import re
from hashlib import sha256
from io import BytesIO
from pathlib import Path
from stat import S_ISREG
from typing import TYPE_CHECKING

from attrs import evolve

from pipelex_core.errors import ProviderConnectionError, UnsupportedInputError
from pipelex_core.media import bytes_of_data_url, from_url
from pipelex_core.parts import Media
from pipelex_core.sound import Recording
from pipelex_operations.audio_length import seconds_of

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from pipelex_core.media import MediaSource

_OTHER_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]+://")

_SUFFIXES = {
    "audio/mpeg": ".mp3",
    "audio/wav": ".wav",
    "audio/flac": ".flac",
    "audio/ogg": ".ogg",
    "audio/mp4": ".m4a",
    "audio/webm": ".webm",
    "audio/aac": ".aac",
    "audio/aiff": ".aiff",
    "audio/amr": ".amr",
}
_BY_SUFFIX = {suffix: kind for kind, suffix in _SUFFIXES.items()} | {
    ".oga": "audio/ogg",
    ".opus": "audio/ogg",
    ".mp4": "audio/mp4",
    ".mpga": "audio/mpeg",
    ".mpeg": "audio/mpeg",
}
NAMES = "MP3, WAV, FLAC, OGG (Opus, Vorbis), M4A/MP4, WebM, AAC, AIFF, AMR"
"""The kinds of sound there are, for a message."""

_HEAD = 64 * 1024
_PICTURES = frozenset({b"avi", b"hei", b"mif"})
"""Brands of pictures in the container of MP4."""

_MARKS = (
    (8, b"WAVE", "audio/wav"),
    (8, b"AIF", "audio/aiff"),
    (0, b"fLaC", "audio/flac"),
    (0, b"OggS", "audio/ogg"),
    (0, b"\x1aE\xdf\xa3", "audio/webm"),
    (0, b"#!AMR", "audio/amr"),
    (0, b"ID3", "audio/mpeg"),
)
"""Where a mark is in the first bytes, and what has it."""


def sniff_audio(head: bytes) -> str | None:
    """The MIME type of sound by its first bytes, or None where it is not sound that is known."""
    if head[4:8] == b"ftyp":
        return None if head[8:11] in _PICTURES else "audio/mp4"
    for place, mark, kind in _MARKS:
        if head.startswith(mark, place) and (kind != "audio/wav" or head[:4] == b"RIFF"):
            return kind
    return _frame(head)


def _frame(head: bytes) -> str | None:
    """The type of sound that begins with a frame of MP3 or AAC, without a header of its own."""
    if len(head) < 4 or head[0] != 0xFF or head[1] & 0xE0 != 0xE0:
        return None
    if head[1] & 0x06 == 0:  # the layer that MPEG audio does not have
        return "audio/aac" if head[1] & 0xF0 == 0xF0 else None
    is_real = head[1] & 0x18 != 0x08 and head[2] & 0xF0 != 0xF0 and head[2] & 0x0C != 0x0C
    return "audio/mpeg" if is_real else None


def read_recording(source: MediaSource | Recording) -> Recording:
    """A recording; a file is looked at and not read into memory, and a URL is left to the provider.

    Raises:
        UnsupportedInputError: It is missing, empty, or not sound.
    """
    if isinstance(source, Recording):
        return source
    if isinstance(source, Media):
        return _of_media(source)
    if isinstance(source, (bytes, bytearray, memoryview)):
        return _of_bytes(bytes(source), "this recording", None)
    if isinstance(source, str) and source[:8].lower().startswith(("http://", "https://", "gs://")):
        return _of_media(from_url(source, "recording"))
    if isinstance(source, str) and source[:5].lower() == "data:":
        return _of_bytes(bytes_of_data_url(source, "recording"), "this recording", None)
    if isinstance(source, str) and (not source or _OTHER_SCHEME.match(source)):
        msg = f"a recording is a path, bytes, an http(s) or gs URL or a data URL, not {source!r:.80}"
        raise UnsupportedInputError(msg)
    if isinstance(source, (str, os.PathLike)):
        return _of_file(Path(source))
    hint = ": pass its path, or what its read() gives" if hasattr(source, "read") else ""
    msg = f"a recording is a path, bytes, a URL or a data URL, not {type(source).__name__}{hint}"
    raise UnsupportedInputError(msg)


def read_audio(source: MediaSource | Recording) -> Media:
    """Sound for a prompt, whole: providers take it as part of the request.

    Raises:
        UnsupportedInputError: As in `read_recording`.
    """
    recording = read_recording(source)
    if recording.url is not None:
        return Media(url=recording.url, media_type=recording.media_type, name=recording.name)
    with recording.open() as file:
        return Media(data=file.read(), media_type=recording.media_type, name=recording.name)


def length_of(media: Media) -> float | None:
    """The length in seconds of sound that is here; None where its header does not say it."""
    if media.data is None:
        return None
    with BytesIO(media.data) as file:
        return seconds_of(file, media.media_type, len(media.data))


async def with_bytes(recording: Recording, download: Callable[[str], Awaitable[tuple[bytes, str]]]) -> Recording:
    """A recording with the bytes behind its URL; one that is here is given back as it is.

    Raises:
        UnsupportedInputError: There is no sound behind the URL.
    """
    if recording.url is None:
        return recording
    try:
        data, _ = await download(recording.url)
    except ProviderConnectionError as error:
        raise UnsupportedInputError(error.message, status=error.status) from None
    return _of_bytes(data, f"what is at '{recording.url.partition('?')[0]:.200}'", recording.name)


def _of_media(media: Media) -> Recording:
    if media.data is not None:
        return _of_bytes(media.data, "this recording", media.name)
    name = media.name or "recording"
    kind = _BY_SUFFIX.get(Path(name).suffix.lower(), "audio/mpeg")
    return Recording(url=media.url, media_type=kind, name=_named(name, kind))


def _of_bytes(data: bytes, label: str, name: str | None) -> Recording:
    kind = _kind(data[:_HEAD], label)
    recording = Recording(data=data, media_type=kind, name=_named(name, kind), size=len(data))
    return evolve(recording, seconds=_seconds(recording, kind))


def _of_file(path: Path) -> Recording:
    label = f"'{path!s:.200}'"
    try:
        found = path.stat()
        if not S_ISREG(found.st_mode) and not path.is_dir():
            msg = f"{label} is not a regular file: read it yourself, and pass its bytes"  # a pipe may never end
            raise UnsupportedInputError(msg)
        digest = sha256()
        with path.open("rb") as file:
            kind = _kind(file.read(_HEAD), label)
            file.seek(0)
            while piece := file.read(1024 * 1024):
                digest.update(piece)
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        msg = f"{label} cannot be read: {reason}"
        raise UnsupportedInputError(msg) from error
    recording = Recording(
        path=str(path.absolute()),
        media_type=kind,
        name=_named(path.name, kind),
        size=found.st_size,
        sha256=digest.hexdigest(),
    )
    return evolve(recording, seconds=_seconds(recording, kind))


def _kind(head: bytes, label: str) -> str:
    if not head:
        msg = f"{label} is empty"
        raise UnsupportedInputError(msg)
    kind = sniff_audio(head)
    if kind is None:
        msg = f"{label} is not sound that is known ({NAMES}): it begins with {head[:8]!r}"
        raise UnsupportedInputError(msg)
    return kind


def _named(name: str | None, kind: str) -> str:
    """A name whose suffix fits the type: providers go by it, and refuse bytes without one."""
    if name and _BY_SUFFIX.get(Path(name).suffix.lower()) == kind:
        return name
    return f"{Path(name).stem if name else 'recording'}{_SUFFIXES[kind]}"


def _seconds(recording: Recording, kind: str) -> float | None:
    with BytesIO(recording.data) if recording.data is not None else recording.open() as file:
        return seconds_of(file, kind, recording.size or 0)
