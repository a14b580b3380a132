"""Rows of JSONL: objects, or strings, a line each."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from pipelex_batch.rows import Row, digest_of

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_BOM = b"\xef\xbb\xbf"


def read_jsonl(file: Path, before: int) -> Iterator[Row]:
    """The objects of the lines, split at line feeds alone; a blank line is not a row, but counts."""
    with file.open("rb") as lines:
        for number, line in enumerate(lines, before + 1):
            text = line.removeprefix(_BOM).strip() if number == before + 1 else line.strip()
            if text:
                yield _of_line(number, text)


def _of_line(number: int, text: bytes) -> Row:
    digest = digest_of(text)
    try:
        value = msgspec.json.decode(text)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        return _of_odd_line(number, digest, text, error)
    return _of_value(number, digest, value)


def _of_value(number: int, digest: int, value: Any) -> Row:
    if isinstance(value, str):
        return Row(number, digest, {"prompt": value})
    if not isinstance(value, dict):
        kind = "list" if isinstance(value, list) else "null" if value is None else type(value).__name__
        return Row(number, digest, {}, f"it is a JSON {kind}, and not an object")
    return Row(number, digest, value)


def _of_odd_line(number: int, digest: int, text: bytes, error: Exception) -> Row:
    """What another parser makes of a line: half of a surrogate pair is JSON, and is found later, at its place."""
    import json

    def refuse(constant: str) -> Any:
        msg = f"{constant} is not JSON"
        raise ValueError(msg)

    try:
        return _of_value(number, digest, json.loads(text.decode(), parse_constant=refuse))
    except UnicodeDecodeError as fault:
        return Row(number, digest, {}, f"it is not valid UTF-8: byte {fault.start + 1} of the line")
    except (ValueError, RecursionError):
        return Row(number, digest, {}, f"it is not JSON: {error}")
