"""JSON as it goes over the wire: msgspec, and the standard library for what models and clients send besides."""

from __future__ import annotations

import json
from typing import Any

import msgspec

_encoder = msgspec.json.Encoder(decimal_format="number")
_decoder = msgspec.json.Decoder()


def encode(value: Any) -> bytes:
    """A value as JSON; a lone surrogate in a text, which some models write, goes out as its escape."""
    try:
        return _encoder.encode(value)
    except UnicodeEncodeError:
        return json.dumps(value, default=_plain).encode("ascii")


def decode(data: bytes) -> Any:
    """The value of a JSON document, which may begin with a byte order mark.

    Raises:
        ValueError: It is not valid JSON; the message says where.
        RecursionError: It is nested too deep.
    """
    try:
        return _decoder.decode(data.removeprefix(b"\xef\xbb\xbf"))
    except (msgspec.DecodeError, UnicodeDecodeError):
        return json.loads(data.decode("utf-8-sig"), parse_constant=_refuse_constant)


def _refuse_constant(constant: str) -> Any:
    msg = f"{constant} is not a JSON number"
    raise ValueError(msg)


def _plain(value: Any) -> Any:
    if isinstance(value, bytes):
        from base64 import b64encode

        return b64encode(value).decode("ascii")
    return float(value)
