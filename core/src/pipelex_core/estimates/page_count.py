"""How many pages a PDF has, without a library that reads PDFs: for an estimate."""

from __future__ import annotations

import re
import zlib

_PAGE = re.compile(rb"/Type\s*/Page(?![A-Za-z])")
_OBJECTS = re.compile(rb"/Type\s*/ObjStm[^>]{0,300}>>\s*stream\r?\n")
_COUNT = re.compile(rb"/Type\s*/Pages\b[^>]{0,2000}?/Count\s+(\d+)|/Count\s+(\d+)[^>]{0,2000}?/Type\s*/Pages\b")
_MOST_UNPACKED = 2_000_000


def count_pages(data: bytes) -> int | None:
    """The pages of a PDF: those that are written in it, plain or packed; None where none is found (or it is encrypted)."""
    texts = [data, *_unpacked(data)]
    pages = sum(len(_PAGE.findall(text)) for text in texts)
    told = [int(first or second) for text in texts for first, second in _COUNT.findall(text)]
    return max([pages, *told]) or None


def _unpacked(data: bytes) -> list[bytes]:
    """The texts of its object streams, where newer PDFs keep what describes their pages."""
    texts = []
    for found in _OBJECTS.finditer(data):
        try:
            texts.append(zlib.decompressobj().decompress(data[found.end() :], _MOST_UNPACKED))
        except zlib.error:  # another way of packing: its pages stay uncounted
            continue
    return texts
