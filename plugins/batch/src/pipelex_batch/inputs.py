"""Rows: the lines of JSONL files, the records of CSV and Parquet files, or files themselves; read one after the other."""

from __future__ import annotations

import os
from hashlib import blake2b
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec
from attrs import frozen

from pipelex_batch.settings import BatchError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

TABLES = frozenset({".jsonl", ".ndjson", ".csv", ".tsv", ".parquet"})
_BOM = b"\xef\xbb\xbf"


@frozen
class Row:
    """One row of an input.

    Attributes:
        number: Its number in the input, from 1: of a JSONL file, that of its line; else that of its record or file.
        digest: Of what it holds, to see whether it changed.
        fields: Column -> value; empty where there is a fault.
        fault: Why it cannot be read, or None.
    """

    number: int
    digest: int
    fields: Mapping[str, Any]
    fault: str | None = None


def read_rows(inputs: Sequence[str]) -> Iterator[Row]:
    """Read every row, in order.

    Raises:
        BatchError: There is no such file, or it is not a table of rows.
    """
    files = list_inputs(inputs)
    if not are_tables(files):
        yield from (_of_file(number, file) for number, file in enumerate(files, 1))
        return
    number = 0
    for file in files:
        for row in _READERS[file.suffix.lower()](file, number):
            number = row.number
            yield row


def list_inputs(inputs: Sequence[str]) -> list[Path]:
    """The files of the inputs; those of a folder in the order of their names, hidden ones left out.

    Raises:
        BatchError: One does not exist, there is none, or they are of both kinds.
    """
    files = list(chain.from_iterable(_files(Path(each)) for each in inputs))
    if not files:
        msg = f"there is no input in {', '.join(map(repr, inputs)) or 'no arguments'}"
        raise BatchError(msg)
    are_tables(files)
    return files


def are_tables(files: Sequence[Path]) -> bool:
    """Whether the files hold rows, and are not rows themselves.

    Raises:
        BatchError: Some do and some do not.
    """
    tables = [file for file in files if file.suffix.lower() in TABLES]
    if tables and len(tables) < len(files):
        other = next(file for file in files if file not in tables)
        msg = f"'{tables[0]}' is a table of rows, and '{other}' is not: give the one or the other"
        raise BatchError(msg)
    return bool(tables)


def _files(path: Path) -> Iterable[Path]:
    if path.is_dir():
        return sorted(
            file
            for file in path.rglob("*")
            if file.is_file() and not any(part.startswith(".") for part in file.relative_to(path).parts)
        )
    if not path.exists():
        msg = f"there is no file '{path}'"
        raise BatchError(msg)
    return (path,)


def _of_file(number: int, file: Path) -> Row:
    stat = file.stat()
    digest = digest_of(f"{file}\0{stat.st_size}\0{stat.st_mtime_ns}".encode(errors="surrogateescape"))
    fault = None if stat.st_size else f"the file '{file}' is empty"
    return Row(number, digest, {"id": str(file), "file": str(file), "name": file.name}, fault)


def digest_of(data: bytes) -> int:
    """Sixty-four bits of a digest."""
    return int.from_bytes(blake2b(data, digest_size=8).digest())


# ── JSONL ─────────────────────────────────────────────────────────────────────────────────────────────────────────


def _read_jsonl(file: Path, before: int) -> Iterator[Row]:
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
        return _of_value(number, digest, json.loads(text, parse_constant=refuse))
    except UnicodeDecodeError as fault:
        return Row(number, digest, {}, f"it is not valid UTF-8: byte {fault.start + 1} of the line")
    except (ValueError, RecursionError):
        return Row(number, digest, {}, f"it is not JSON: {error}")


# ── CSV ───────────────────────────────────────────────────────────────────────────────────────────────────────────


def _read_csv(file: Path, before: int) -> Iterator[Row]:
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
            _check_header(file, names)
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


def _check_header(file: Path, names: Sequence[str]) -> None:
    double = next((name for name in names if names.count(name) > 1), None)
    if not names or double is not None:
        msg = f"'{file}' has no header" if not names else f"'{file}' has two columns named '{double}'"
        raise BatchError(msg)


def _of_record(number: int, names: Sequence[str], values: Sequence[str]) -> Row:
    digest = digest_of(msgspec.json.encode(values))
    if len(values) != len(names):
        return Row(number, digest, {}, f"it has {len(values)} values, and the header has {len(names)} columns")
    return Row(number, digest, dict(zip(names, values, strict=True)))


# ── Parquet ───────────────────────────────────────────────────────────────────────────────────────────────────────


def _read_parquet(file: Path, before: int) -> Iterator[Row]:
    try:
        import pyarrow as pa
        from pyarrow import parquet
    except ImportError:
        msg = f"to read '{file}', run: pip install 'pipelex-batch[parquet]'"
        raise BatchError(msg) from None
    number = before
    try:
        with parquet.ParquetFile(file) as table:
            for batch in table.iter_batches(batch_size=512):
                for fields in batch.to_pylist():
                    number += 1
                    yield _of_fields(number, fields)
    except (pa.ArrowException, OSError) as error:
        msg = f"'{file}' cannot be read as Parquet, after row {number}: {error}"
        raise BatchError(msg) from error


def _of_fields(number: int, fields: Mapping[str, Any]) -> Row:
    """A record, its dates, decimals and the like as JSON has them; bytes stay bytes."""
    try:
        plain = {
            name: value if isinstance(value, str | bytes) else msgspec.to_builtins(value)
            for name, value in fields.items()
        }
        digest = digest_of(msgspec.json.encode(plain))
    except (TypeError, ValueError) as error:
        return Row(
            number, digest_of(repr(fields).encode(errors="replace")), {}, f"it has a value of an odd type: {error}"
        )
    return Row(number, digest, plain)


_READERS = {
    ".jsonl": _read_jsonl,
    ".ndjson": _read_jsonl,
    ".csv": _read_csv,
    ".tsv": _read_csv,
    ".parquet": _read_parquet,
}


def spool(stream: Any, target: Path) -> None:
    """Keep what comes from stdin beside the output, so that the run can go on later.

    Raises:
        BatchError: It cannot be written.
    """
    import shutil

    part = target.with_name(f"{target.name}.part")
    try:
        with part.open("wb") as file:
            shutil.copyfileobj(stream, file)
            file.flush()
            os.fsync(file.fileno())
        part.replace(target)
    except OSError as error:
        msg = f"the rows from stdin cannot be kept in '{target}': {error}"
        raise BatchError(msg) from error
