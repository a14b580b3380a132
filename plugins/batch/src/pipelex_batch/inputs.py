"""Rows: the lines of JSONL files, the records of CSV and Parquet files, or files themselves; read one after the other."""

from __future__ import annotations

import os
import shutil
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pipelex_batch.csv_rows import read_csv
from pipelex_batch.jsonl_rows import read_jsonl
from pipelex_batch.parquet_rows import read_parquet
from pipelex_batch.rows import Row, digest_of
from pipelex_batch.settings import BatchError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

_READERS = {
    ".jsonl": read_jsonl,
    ".ndjson": read_jsonl,
    ".csv": read_csv,
    ".tsv": read_csv,
    ".parquet": read_parquet,
}


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
        try:
            for row in _READERS[file.suffix.lower()](file, number):
                number = row.number
                yield row
        except OSError as error:
            msg = f"'{file}' cannot be read: {error.strerror}"
            raise BatchError(msg) from error


def list_inputs(inputs: Sequence[str]) -> list[Path]:
    """The files of the inputs; those of a folder in the order of their names, hidden ones left out.

    Raises:
        BatchError: One does not exist, there is none, or they are of both kinds.
    """
    files = list(chain.from_iterable(_files(Path(each)) for each in inputs))
    if not files:
        msg = (
            f"there is no file in {', '.join(map(repr, inputs))}"
            if inputs
            else "name a file of rows, a folder, or - for stdin"
        )
        raise BatchError(msg)
    are_tables(files)
    return files


def are_tables(files: Sequence[Path]) -> bool:
    """Whether the files hold rows, and are not rows themselves.

    Raises:
        BatchError: Some do and some do not.
    """
    tables = [file for file in files if file.suffix.lower() in _READERS]
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
    fields = {"id": str(file), "file": str(file), "name": file.name}
    try:
        stat = file.stat()
    except OSError as error:
        return Row(number, digest_of(b""), {}, f"the file '{file}' cannot be read: {error.strerror}")
    digest = digest_of(f"{file}\0{stat.st_size}\0{stat.st_mtime_ns}".encode(errors="surrogateescape"))
    fault = None if stat.st_size else f"the file '{file}' is empty"
    return Row(number, digest, fields, fault)


def spool(stream: Any, target: Path) -> None:
    """Keep what comes from stdin beside the output, so that the run can go on later.

    Raises:
        BatchError: It cannot be written.
    """
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
