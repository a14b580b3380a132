"""Rows of Parquet: records, their values as JSON has them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from pipelex_batch.rows import Row, check_header, digest_of
from pipelex_batch.settings import BatchError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path


def read_parquet(file: Path, before: int) -> Iterator[Row]:
    """The records of a file, from the number after `before`.

    Raises:
        BatchError: pyarrow is not installed, or the file is not Parquet.
    """
    try:
        import pyarrow as pa
        from pyarrow import parquet
    except ImportError:
        msg = f"to read '{file}', run: pip install 'pipelex-batch[parquet]'"
        raise BatchError(msg) from None
    number = before
    try:
        with parquet.ParquetFile(file) as table:
            check_header(file, table.schema_arrow.names)
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
