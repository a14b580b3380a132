"""Images and documents as callers give them (path, bytes, URL, data URL), made into `Media`."""

from __future__ import annotations

import os
import re
import stat
from pathlib import Path
from typing import TypeAlias
from urllib.parse import urlsplit

from pipelex_core.errors import UnsupportedInputError
from pipelex_core.parts import Media

MediaSource: TypeAlias = "str | os.PathLike[str] | bytes | Media"

_IMAGE_SIGNATURES: tuple[tuple[bytes, str], ...] = (
    (b"\x89PNG\r\n\x1a\n", "image/png"),
    (b"\xff\xd8\xff", "image/jpeg"),
    (b"GIF87a", "image/gif"),
    (b"GIF89a", "image/gif"),
    (b"II*\0", "image/tiff"),
    (b"MM\0*", "image/tiff"),
    (b"BM", "image/bmp"),
    (b"\0\0\0\x1cftypavif", "image/avif"),
    (b"\0\0\0 ftypavif", "image/avif"),
)
SCANS = frozenset({"image/tiff", "image/bmp", "image/avif"})
"""Pictures whose text is read; no model is shown one."""
_TYPES_BY_SUFFIX = {
    ".png": "image/png",
    ".jpg": "image/jpeg",
    ".jpeg": "image/jpeg",
    ".gif": "image/gif",
    ".webp": "image/webp",
    ".tif": "image/tiff",
    ".tiff": "image/tiff",
    ".bmp": "image/bmp",
    ".avif": "image/avif",
    ".pdf": "application/pdf",
}
PDF = "application/pdf"
_URLS = ("http://", "https://", "gs://")
"""What a provider fetches itself; `gs://` is Google's storage, for Vertex AI alone."""
_OTHER_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]+://")


def sniff(data: bytes) -> str | None:
    """The MIME type of an image or PDF by its first bytes, or None where it is neither."""
    for signature, media_type in _IMAGE_SIGNATURES:
        if data.startswith(signature):
            return media_type
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        return "image/webp"
    # A PDF may have up to 1,024 bytes before its header (ISO 32000-1, annex H.3.4.1).
    return PDF if b"%PDF-" in data[:1024] else None


def shown_url(url: str) -> str:
    """A URL without what may be a secret in it: credentials, and the query, which signs some."""
    try:
        split = urlsplit(url)
    except ValueError as error:
        raise UnsupportedInputError(f"an address is not a URL: {error}") from None
    return f"{split.scheme}://{split.netloc.rpartition('@')[2]}{split.path}"[:200]


def read_image(source: MediaSource) -> Media:
    """An image.

    Raises:
        UnsupportedInputError: It is missing, or no PNG, JPEG, GIF or WebP.
    """
    media = read_media(source, "image")
    is_scan = media.media_type in SCANS and not isinstance(source, Media)
    if is_scan or not media.media_type.startswith("image/"):
        what = "an image that models are shown (PNG, JPEG, GIF, WebP)" if is_scan else "an image"
        raise UnsupportedInputError(f"{_named(source)} is not {what}, but {media.media_type}")
    return media


def read_document(source: MediaSource) -> Media:
    """A PDF; or another document, which its name, its data URL or its `Media` says to be one (see `documents.py`).

    Raises:
        UnsupportedInputError: It is missing, or no document.
    """
    media = _read(source, "document", declared=_declared(source))
    if media.media_type != PDF:
        from pipelex_core.documents import is_document

        if not is_document(media.media_type):
            raise UnsupportedInputError(f"{_named(source)} is not a document, but {media.media_type}")
    return media


def read_media(source: MediaSource, what: str = "document") -> Media:
    """An image, which may be a scan (TIFF, BMP, AVIF), or a PDF; reads the file of a path, and leaves a URL to the provider.

    Raises:
        UnsupportedInputError: It is missing, empty, or neither an image nor a PDF.
    """
    return _read(source, what)


def _read(source: MediaSource, what: str, declared: str | None = None) -> Media:
    """As `read_media`; bytes that are neither an image nor a PDF are a document of the type declared, if they can be."""
    if isinstance(source, Media):
        return _checked(source, what)
    if isinstance(source, (bytes, bytearray, memoryview)):
        return _from_bytes(bytes(source), f"this {what}", None)
    if isinstance(source, str) and _is_web(source):
        return from_url(source, what)
    if isinstance(source, str) and source[:5].lower() == "data:":
        return _from_bytes(bytes_of_data_url(source, what), f"this {what}", None, declared)
    if isinstance(source, str) and (not source or _OTHER_SCHEME.match(source)):
        msg = f"{what}: a path, bytes, an http(s) URL or a data URL is expected, not {source!r:.80}"
        raise UnsupportedInputError(msg)
    if isinstance(source, (str, os.PathLike)):
        return _from_path(Path(source), what, declared)
    raise UnsupportedInputError(f"{what}: a path, bytes, URL or data URL is expected, not {type(source).__name__}")


def _declared(source: object) -> str | None:
    """The type that a path, or a data URL, says a document to be of."""
    from pipelex_core.documents import bare, is_document, type_by_name

    if isinstance(source, str) and source[:5].lower() == "data:":
        named = bare(source[5:].partition(",")[0])
        return named if is_document(named) else None
    return type_by_name(os.fspath(source)) if isinstance(source, (str, os.PathLike)) else None


def _from_bytes(data: bytes, label: str, name: str | None, declared: str | None = None) -> Media:
    if not data:
        raise UnsupportedInputError(f"{label} is empty")
    media_type = sniff(data)
    is_unclear = media_type is None or (media_type == PDF and not data.startswith(b"%PDF-"))  # a text may speak of PDFs
    if is_unclear and declared is not None and declared != PDF:
        from pipelex_core.documents import check_bytes

        check_bytes(data, declared, label)
        media_type = declared
    if media_type is None:
        msg = f"{label} is neither an image (PNG, JPEG, GIF, WebP) nor a PDF; it begins with {data[:8]!r}"
        raise UnsupportedInputError(msg)
    return Media(data=data, media_type=media_type, name=name)


def _from_path(path: Path, what: str, declared: str | None) -> Media:
    label = f"{what} '{path!s:.200}'"
    try:
        if not stat.S_ISREG(path.stat().st_mode) and not path.is_dir():
            msg = f"{label} is not a regular file: read it yourself, and pass its bytes"  # a pipe may never end
            raise UnsupportedInputError(msg)
        data = path.read_bytes()
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise UnsupportedInputError(f"{label} cannot be read: {reason}") from error
    return _from_bytes(data, label, path.name, declared)


def from_url(url: str, what: str) -> Media:
    """What is at an http(s) or `gs://` address, which the provider fetches; its type is guessed from its name.

    Raises:
        UnsupportedInputError: It is not a URL.
    """
    from urllib.parse import unquote, urlsplit

    try:
        url.encode("utf-8")
        split = urlsplit(url)
        host = split.hostname
    except ValueError as error:
        raise UnsupportedInputError(f"{what}: {url!r:.200} is not a URL: {error}") from error
    if not host:
        raise UnsupportedInputError(f"{what}: {url!r:.200} is not a URL: it has no host")
    name = unquote(split.path).rsplit("/", 1)[-1]
    suffix = Path(name).suffix.lower()
    media_type = _TYPES_BY_SUFFIX.get(suffix)
    if media_type is None and what == "document":
        from pipelex_core.documents import type_by_name

        media_type = type_by_name(name) or PDF
    return Media(url=url, media_type=media_type or "image/jpeg", name=name or None)


def bytes_of_data_url(url: str, what: str) -> bytes:
    """The bytes in a data URL.

    Raises:
        UnsupportedInputError: It has no comma, or is not valid base64.
    """
    from base64 import b64decode
    from binascii import Error as Base64Error
    from urllib.parse import unquote_to_bytes

    head, comma, body = url.partition(",")
    if not comma:
        raise UnsupportedInputError(f"this {what}'s data URL has no comma")
    try:
        is_base64 = head.lower().endswith(";base64")
        return b64decode(unquote_to_bytes(body), validate=True) if is_base64 else unquote_to_bytes(body)
    except (Base64Error, ValueError) as error:
        raise UnsupportedInputError(f"this {what}'s data URL is not valid base64: {error}") from error


def _checked(media: Media, what: str) -> Media:
    """A medium made by hand: bytes or an http(s) URL, and a type that is one."""
    data: object = media.data
    url: object = media.url
    is_right = isinstance(data, bytes) and data if url is None else data is None and _is_web(url)
    if is_right and isinstance(media.media_type, str):
        return media
    raise UnsupportedInputError(f"{what}: a Media has bytes or an http(s) URL, and a media_type")


def _is_web(url: object) -> bool:
    return isinstance(url, str) and url[:8].lower().startswith(_URLS)


def _named(source: MediaSource) -> str:
    return (
        f"'{source!s:.200}'" if isinstance(source, (str, os.PathLike)) and str(source)[:5] != "data:" else "this input"
    )
