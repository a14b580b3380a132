"""Rows of CSV: the records below a header."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from pipelex_batch.rows import Row, check_header, digest_of
from pipelex_batch.settings import BatchError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path


def read_csv(file: Path, before: int) -> Iterator[Row]:
    """The records below the header; their values are strings."""
    import csv
    import sys

    csv.field_size_limit(min(sys.maxsize, 2**31 - 1))
    try:
        with file.open(encoding="utf-8-sig", newline="") as text:
            first = text.readline()
            text.seek(0)
            records = csv.reader(text, delimiter=_delimiter(file, first), strict=True)
            names = next(records, [])
            check_header(file, names)
            for number, values in enumerate((record for record in records if record), before + 1):
                yield _of_record(number, names, values)
    except UnicodeDecodeError as error:
        msg = f"'{file}' is not valid UTF-8: {error.reason}, near byte {error.start + 1} of a block; save it as UTF-8"
        raise BatchError(msg) from None
    except csv.Error as error:
        msg = f"'{file}' is not CSV: {error}"
        raise BatchError(msg) from None


def _delimiter(file: Path, header: str) -> str:
    if file.suffix.lower() == ".tsv":
        return "\t"
    return ";" if ";" in header and "," not in header else ","


def _of_record(number: int, names: Sequence[str], values: Sequence[str]) -> Row:
    digest = digest_of(msgspec.json.encode(values))
    if len(values) != len(names):
        return Row(number, digest, {}, f"it has {len(values)} values, and the header has {len(names)} columns")
    return Row(number, digest, dict(zip(names, values, strict=True)))
