"""The output of a run, made of its outcomes: JSONL in the order of the rows, CSV and Parquet with a column a field."""

from __future__ import annotations

import os
import shutil
from array import array
from decimal import Decimal
from itertools import chain, count, islice
from typing import TYPE_CHECKING, Any

import msgspec

from pipelex_batch.journal import rows_of
from pipelex_batch.settings import FOLDER, BatchError
from pipelex_batch.standing import Seen

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from pipelex_batch.settings import BatchSettings

_SEEN = msgspec.json.Decoder(Seen)
_COLUMNS = ("error_type", "error_message", "model", "backend", "input_tokens", "output_tokens", "cost")
_NUMBERS = {"integer": "int64", "number": "float64", "boolean": "bool_"}
_MONEY = (38, 18)
"""Digits in all, and behind the point, of a cost in Parquet."""
_PER_GROUP = 5_000
_PER_FILE = 100_000
"""Rows of a file in a folder."""


def write_output(settings: BatchSettings, target: Path, form: str) -> None:
    """Write the output of a run, whole or not at all.

    Raises:
        BatchError: There is no room for it, or what the form needs is not installed.
    """
    rows = rows_of(settings.path)
    beside = target.with_name(f"{target.name}.part")
    try:
        if form == ".jsonl":
            _write_lines(rows, beside)
        elif form == ".csv":
            _write_csv(settings, rows, beside)
        elif form == FOLDER:
            _write_folder(settings, rows, beside)
            shutil.rmtree(target, ignore_errors=True)
        else:
            _write_parquet(settings, in_order(rows), beside)
        beside.replace(target)
    except OSError as error:
        _remove(beside)
        msg = f"'{target}' cannot be written: {error.strerror}; every outcome is in '{rows}'"
        raise BatchError(msg) from error
    except BaseException:
        _remove(beside)
        raise


def _remove(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def _places(rows: Path) -> Iterator[tuple[int, int, int]]:
    """Where each line begins, its length, and the number of its row."""
    start = 0
    with rows.open("rb") as lines:
        for line in lines:
            yield start, len(line), _SEEN.decode(line).row
            start += len(line)


def in_order(rows: Path) -> Iterator[bytes]:
    """The last line of each row, in the order of the rows."""
    starts = array("q", [-1])
    for start, _, number in _places(rows):
        if number >= len(starts):
            starts.extend(array("q", [-1]) * max(number + 1 - len(starts), len(starts) // 8))
        starts[number] = start
    with rows.open("rb") as lines:
        for start in starts:
            if start >= 0:
                lines.seek(start)
                yield lines.readline()


def _write_lines(rows: Path, target: Path) -> None:
    with target.open("wb") as file:
        for line in in_order(rows):
            file.write(line)
        file.flush()
        os.fsync(file.fileno())


def _write_csv(settings: BatchSettings, rows: Path, target: Path) -> None:
    import csv

    names, is_object = columns_of(settings), bool(_properties(settings))
    with target.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, [*names], extrasaction="ignore", lineterminator="\n")
        writer.writeheader()
        for line in in_order(rows):
            writer.writerow({name: _cell(value) for name, value in _record(line, names, is_object=is_object).items()})
        file.flush()
        os.fsync(file.fileno())


def _write_folder(settings: BatchSettings, rows: Path, target: Path) -> None:
    """Parquet files of so many rows each, with one schema: `part-00000.parquet` and so on."""
    _remove(target)
    target.mkdir()
    lines = in_order(rows)
    for number in count():
        first = next(lines, None)
        if first is None:
            return
        part = target / f"part-{number:05}.parquet"
        _write_parquet(settings, chain((first,), islice(lines, _PER_FILE - 1)), part)


def _write_parquet(settings: BatchSettings, lines: Iterator[bytes], target: Path) -> None:
    try:
        import pyarrow as pa
        from pyarrow import parquet
    except ImportError:
        msg = f"to write '{settings.output}', run: pip install 'pipelex-batch[parquet]'; every outcome is in '{rows_of(settings.path)}'"
        raise BatchError(msg) from None
    names, is_object = columns_of(settings), bool(_properties(settings))
    kinds = {name: pa.decimal128(*_MONEY) if kind == "money" else getattr(pa, kind)() for name, kind in names.items()}
    schema = pa.schema([*kinds.items()])
    records = (_record(line, names, is_object=is_object) for line in lines)
    typed = ({name: _typed(record.get(name), kind) for name, kind in names.items()} for record in records)
    try:
        with parquet.ParquetWriter(target, schema) as writer:
            while group := list(islice(typed, _PER_GROUP)):
                writer.write_table(pa.Table.from_pylist(group, schema=schema))
    except (pa.ArrowException, OverflowError) as error:
        msg = f"'{target.stem}' cannot be written as Parquet: {error}; every outcome is in '{rows_of(settings.path)}'"
        raise BatchError(msg) from error
    # what a writer closed is still in the system's memory
    with target.open("rb") as file:
        os.fsync(file.fileno())


# ── Columns ───────────────────────────────────────────────────────────────────────────────────────────────────────


def columns_of(settings: BatchSettings) -> dict[str, str]:
    """The columns of a table, and their Arrow types: the row's id, a column for each property of the schema, and the rest.

    A column of the run whose name is also that of a property has `call_` before it.
    """
    fields: dict[str, str] = {}
    for name, schema in _properties(settings).items():
        fields[name] = _kind(schema)
    if not fields:
        fields["output"] = "string"
    columns = {_own("id", fields): "string", **fields}
    for name in _COLUMNS:
        columns[_own(name, fields)] = "money" if name == "cost" else "int64" if name.endswith("tokens") else "string"
    return columns


def _properties(settings: BatchSettings) -> Mapping[str, Any]:
    found = (settings.schema or {}).get("properties")
    return found if isinstance(found, dict) else {}


def _kind(schema: Any) -> str:
    kind = schema.get("type") if isinstance(schema, dict) else None
    if isinstance(kind, list):
        others = [each for each in kind if each != "null"]
        kind = others[0] if len(others) == 1 else None
    return _NUMBERS.get(kind, "string") if isinstance(kind, str) else "string"


def _own(name: str, fields: Mapping[str, Any]) -> str:
    return f"call_{name}" if name in fields else name


def _record(line: bytes, names: Mapping[str, str], *, is_object: bool) -> dict[str, Any]:
    row = msgspec.json.decode(line)
    output, error, usage = row["output"], row["error"] or {}, row["usage"] or {}
    fields: dict[str, Any] = {"output": output} if not is_object else output if isinstance(output, dict) else {}
    own = {
        "id": row["id"],
        "error_type": error.get("type"),
        "error_message": error.get("message"),
        "model": row["model"],
        "backend": row["backend"],
        "input_tokens": usage.get("input_tokens"),
        "output_tokens": usage.get("output_tokens"),
        "cost": row["cost"] and row["cost"]["amount"],
    }
    prefixed = {f"call_{name}" if f"call_{name}" in names else name: value for name, value in own.items()}
    return {**prefixed, **{name: value for name, value in fields.items() if name in names}}


def _cell(value: Any) -> Any:
    """A value in CSV: lists, objects, true and false as JSON has them."""
    return msgspec.json.encode(value).decode() if isinstance(value, dict | list | bool) else value


def _typed(value: Any, kind: str) -> Any:
    """A value as its column has it: JSON where that is text and the value is not."""
    if value is None or (kind == "string" and isinstance(value, str)):
        return value
    if kind == "money":
        return round(Decimal(value), _MONEY[1])
    if kind == "string":
        return msgspec.json.encode(value).decode() if isinstance(value, dict | list | bool) else str(value)
    if kind == "float64" and isinstance(value, int | float) and not isinstance(value, bool):
        return float(value)
    if kind == "int64":
        return (
            int(value)
            if isinstance(value, int | float) and not isinstance(value, bool) and value == int(value)
            else None
        )
    return value if kind == "bool_" and isinstance(value, bool) else None
