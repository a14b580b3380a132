"""The body of a request: read within a limit of bytes and of time, decompressed within the same limit, and parsed."""

from __future__ import annotations

import asyncio
import zlib
from typing import TYPE_CHECKING, Any, NoReturn

from pipelex_serve.jsons import decode
from pipelex_serve.problems import Problem, RefusedError, refuse

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Mapping

    from starlette.types import Receive

    from pipelex_serve.settings import Limits

_WINDOWS = {b"gzip": 31, b"x-gzip": 31, b"deflate": 15}
"""Content coding -> the window that zlib reads it with."""

_NO_CODING = frozenset({b"identity", b""})


async def read_body(receive: Receive, headers: Mapping[bytes, bytes], limits: Limits) -> bytes:
    """The body, decompressed.

    Raises:
        RefusedError: 413 where it is too large, 408 where it comes too slowly, 415 for a coding that is not supported,
            400 where it is not in the coding that it claims.
    """
    _check_declared(headers, limits)
    message = await _received(receive, limits)
    body: bytes = message.get("body", b"")
    if message.get("more_body"):
        pieces, size = [body], len(body)
        try:
            async with asyncio.timeout(limits.body_seconds):
                while message.get("more_body"):
                    message = await receive()
                    _check_present(message)
                    pieces.append(message.get("body", b""))
                    size += len(pieces[-1])
                    if size > limits.body_bytes:
                        _too_large(limits)
        except TimeoutError:
            raise _too_slow(limits) from None
        body = b"".join(pieces)
    coding = _coding(headers)
    return body if coding in _NO_CODING else _decompressed(body, coding, limits)


async def body_pieces(receive: Receive, headers: Mapping[bytes, bytes], limits: Limits) -> AsyncGenerator[bytes, None]:
    """The body piece by piece, so that nobody has to hold all of it; errors as of `read_body`.

    One with a content coding comes in one piece: it is decompressed within the limit first.
    """
    if _coding(headers) not in _NO_CODING:
        yield await read_body(receive, headers, limits)
        return
    _check_declared(headers, limits)
    size, has_more = 0, True
    ends_at = asyncio.get_running_loop().time() + limits.body_seconds
    while has_more:
        try:
            async with asyncio.timeout_at(ends_at):
                message: Any = await receive()
        except TimeoutError:
            raise _too_slow(limits) from None
        _check_present(message)
        piece = message.get("body", b"")
        size += len(piece)
        if size > limits.body_bytes:
            _too_large(limits)
        has_more = message.get("more_body", False)
        if piece:
            yield piece


def _coding(headers: Mapping[bytes, bytes]) -> bytes:
    return headers.get(b"content-encoding", b"identity").strip().lower()


def _check_declared(headers: Mapping[bytes, bytes], limits: Limits) -> None:
    declared = headers.get(b"content-length", b"0")
    if declared.isdigit() and int(declared) > limits.body_bytes:
        _too_large(limits)


async def _received(receive: Receive, limits: Limits) -> Any:
    """The first message, which nearly always is the whole body; a clock runs only where it is not there yet."""
    waiting: Any = receive()
    try:
        async with asyncio.timeout(limits.body_seconds):
            message = await waiting
    except TimeoutError:
        raise _too_slow(limits) from None
    _check_present(message)
    return message


def read_json(body: bytes) -> dict[str, Any]:
    """The JSON object of a body.

    Raises:
        RefusedError: 400, which says what is wrong with it.
    """
    if not body.strip():
        msg = "the request has no body: send a JSON object"
        raise refuse(400, msg, code="invalid_json")
    try:
        value = decode(body)
    except UnicodeDecodeError as error:
        msg = f"the body is not valid UTF-8: byte {error.start} is wrong"
        raise refuse(400, msg, code="invalid_json") from None
    except ValueError as error:
        msg = f"the body is not valid JSON: {error}"
        raise refuse(400, msg, code="invalid_json") from None
    except RecursionError:
        msg = "the body's JSON is nested too deep"
        raise refuse(400, msg, code="invalid_json") from None
    if not isinstance(value, dict):
        msg = f"the body must be a JSON object, not {_kind(value)}"
        raise refuse(400, msg, code="invalid_json")
    return value


def _kind(value: object) -> str:
    kinds = {list: "a list", str: "a string", bool: "true or false", type(None): "null"}
    return kinds.get(type(value), "a number")


def _decompressed(body: bytes, coding: bytes, limits: Limits) -> bytes:
    if coding not in _WINDOWS:
        msg = f"content-encoding {coding.decode('latin-1')[:40]!r} is not supported: send gzip, deflate, or none"
        raise refuse(415, msg, code="unsupported_encoding")
    inflating = zlib.decompressobj(wbits=_WINDOWS[coding])
    try:
        plain = inflating.decompress(body, limits.body_bytes + 1)
    except zlib.error as error:
        msg = f"the body is not valid {coding.decode('ascii')}: {error}"
        raise refuse(400, msg, code="invalid_encoding") from None
    if len(plain) > limits.body_bytes:
        _too_large(limits)
    if not inflating.eof:
        msg = f"the body's {coding.decode('ascii')} data ends too early"
        raise refuse(400, msg, code="invalid_encoding")
    return plain


def _check_present(message: Any) -> None:
    if message["type"] == "http.disconnect":
        raise asyncio.CancelledError


def _too_large(limits: Limits) -> NoReturn:
    msg = f"the body is larger than the {limits.body_bytes} bytes that this gateway takes"
    raise refuse(413, msg, code="request_too_large")


def _too_slow(limits: Limits) -> RefusedError:
    msg = f"the body did not arrive within {limits.body_seconds:g} seconds"
    return RefusedError(Problem(status=408, message=msg, code="request_timeout"))
