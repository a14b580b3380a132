"""Documents by their bytes: which kind they are, how many pages a PDF has, and those of text as text.

Which of them a model takes, its plugin says, before anything is sent.
"""

from __future__ import annotations

import re
import zlib
from pathlib import PurePath
from typing import TYPE_CHECKING

from pipelex_core.errors import UnsupportedInputError

if TYPE_CHECKING:
    from pipelex_core.parts import Media

_OFFICE = "application/vnd.openxmlformats-officedocument"
_BY_SUFFIX = {
    ".pdf": "application/pdf",
    ".txt": "text/plain",
    ".md": "text/markdown",
    ".csv": "text/csv",
    ".html": "text/html",
    ".htm": "text/html",
    ".docx": f"{_OFFICE}.wordprocessingml.document",
    ".xlsx": f"{_OFFICE}.spreadsheetml.sheet",
    ".pptx": f"{_OFFICE}.presentationml.presentation",
    ".doc": "application/msword",
    ".xls": "application/vnd.ms-excel",
}
_BEGINNINGS = {
    **dict.fromkeys((_BY_SUFFIX[suffix] for suffix in (".docx", ".xlsx", ".pptx")), b"PK\x03\x04"),
    **dict.fromkeys((_BY_SUFFIX[suffix] for suffix in (".doc", ".xls")), b"\xd0\xcf\x11\xe0"),
}
NAMES = "PDF, TXT, MD, CSV, HTML, DOCX, XLSX, PPTX, DOC, XLS"
"""The documents there are, for a message."""


def type_by_name(name: str | None) -> str | None:
    """The MIME type of a document with this file name; None where its ending says none."""
    return _BY_SUFFIX.get(PurePath(name or "").suffix.lower())


def is_text(media: Media) -> bool:
    """Whether a document is text that can be read as it is."""
    return bare(media.media_type).startswith("text/")


def is_document(media_type: str) -> bool:
    """Whether a MIME type is a document's."""
    return bare(media_type) in _BY_SUFFIX.values()


def bare(media_type: str) -> str:
    """A MIME type without its parameters."""
    return media_type.partition(";")[0].strip().lower()


def file_name(media: Media) -> str:
    """Its name, or one whose ending fits its type, for providers that go by it."""
    wanted = bare(media.media_type)
    suffix = next((suffix for suffix, kind in _BY_SUFFIX.items() if kind == wanted), "")
    return media.name or f"document{suffix}"


def check_bytes(data: bytes, media_type: str, label: str) -> None:
    """Refuse bytes that are not what their name says.

    Raises:
        UnsupportedInputError: No text that can be decoded, or another beginning than a file of that type has.
    """
    beginning = _BEGINNINGS.get(bare(media_type))
    if beginning is not None:
        if not data.startswith(beginning):
            raise UnsupportedInputError(f"{label} is not a document of type {media_type}: it begins with {data[:8]!r}")
    elif bare(media_type).startswith("text/"):
        _decoded(data, label)


def as_text(media: Media) -> str:
    """A document of text as a part of a prompt, for providers that take no files of text: its name, then what it says.

    Raises:
        UnsupportedInputError: It is not valid UTF-8, or only its URL is known.
    """
    label = f"the document '{file_name(media)}'"
    if media.data is None:
        raise UnsupportedInputError(f"{label} is text at a URL, which this provider does not fetch: pass its bytes")
    return f"{file_name(media)}:\n\n{_decoded(media.data, label)}"


def _decoded(data: bytes, label: str) -> str:
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise UnsupportedInputError(f"{label} is not valid UTF-8: byte {error.start}") from None
    if "\0" in text:
        raise UnsupportedInputError(f"{label} is not text: it has a zero byte")
    return text


_PAGE = re.compile(rb"/Type\s*/Page(?![A-Za-z])")
_OBJECTS = re.compile(rb"/Type\s*/ObjStm[^>]{0,300}>>\s*stream\r?\n")
_COUNT = re.compile(rb"/Type\s*/Pages\b[^>]{0,2000}?/Count\s+(\d+)|/Count\s+(\d+)[^>]{0,2000}?/Type\s*/Pages\b")
_MOST_UNPACKED = 2_000_000


def count_pages(data: bytes) -> int | None:
    """The pages of a PDF: those that are written in it, plain or packed; None where none is found (or it is encrypted)."""
    texts = [data, *_unpacked(data)]
    pages = sum(len(_PAGE.findall(text)) for text in texts)
    counts = [int(first or second) for text in texts for first, second in _COUNT.findall(text)]
    return max([pages, *counts]) or None


def _unpacked(data: bytes) -> list[bytes]:
    """The texts of its object streams, where newer PDFs keep what describes their pages."""
    texts = []
    for found in _OBJECTS.finditer(data):
        try:
            texts.append(zlib.decompressobj().decompress(data[found.end() :], _MOST_UNPACKED))
        except zlib.error:  # another way of packing: its pages stay uncounted
            continue
    return texts
