"""Decoding the body of an answer in small steps: a few bytes can stand for gigabytes.

Whoever takes the steps counts what comes, and leaves the event loop free between two of them.
"""

from __future__ import annotations

import zlib
from typing import TYPE_CHECKING

import httpx2

if TYPE_CHECKING:
    from collections.abc import Iterator

CODINGS = "gzip, deflate"
"""What is asked for: what the standard library decodes step by step."""

_STEP = 64 * 1024
_GZIP = zlib.MAX_WBITS | 16
_MEMBER = b"\x1f\x8b"
"""What a member of a gzip body begins with."""


def steps_of(coding: str) -> Inflater | None:
    """What decodes a `Content-Encoding`; None where nothing is encoded.

    Raises:
        httpx2.DecodingError: It is one that was not asked for, or several.
    """
    coding = coding.strip().lower()
    if coding in {"", "identity"}:
        return None
    if coding not in {"gzip", "x-gzip", "deflate"}:
        raise httpx2.DecodingError(f"the answer is encoded as '{coding:.40}', and one of {CODINGS} was asked for")
    return Inflater(is_gzip=coding != "deflate")


class Inflater:
    """Decodes gzip and deflate, at most 64 KB a step."""

    def __init__(self, *, is_gzip: bool) -> None:
        self._is_gzip = is_gzip
        self._zip = zlib.decompressobj(_GZIP if is_gzip else zlib.MAX_WBITS)
        self._begun = self._ended = False

    def feed(self, data: bytes) -> Iterator[bytes]:
        """What the next piece decodes to.

        Raises:
            httpx2.DecodingError: It is not encoded as its header says.
        """
        while data and not self._ended:
            piece = self._step(data)
            data = self._zip.unconsumed_tail
            if self._zip.eof:
                data = self._zip.unused_data
                self._ended = not (self._is_gzip and data.startswith(_MEMBER))
                self._zip = zlib.decompressobj(_GZIP)
            if piece:
                yield piece

    def rest(self) -> bytes:
        """What was held back, at the end."""
        return b"" if self._ended else self._zip.flush()

    def _step(self, data: bytes) -> bytes:
        begun, self._begun = self._begun, True
        try:
            return self._zip.decompress(data, _STEP)
        except zlib.error as error:
            if begun or self._is_gzip:
                raise httpx2.DecodingError(
                    f"the answer is not valid {'gzip' if self._is_gzip else 'deflate'}"
                ) from error
            self._zip = zlib.decompressobj(-zlib.MAX_WBITS)  # deflate as some servers understand it: without a header
            return self._step(data)
