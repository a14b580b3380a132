"""Outcomes as lines: of a row, its answer or its error, who answered, what it used and cost."""

from __future__ import annotations

import json
import os
from base64 import b64encode
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import msgspec
from attrs import fields_dict

from pipelex_core.converter import to_plain
from pipelex_core.ledger import Usage, total_cost
from pipelex_core.results import EmbeddingResult, ObjectResult, Result, TextResult

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from pipelex_batch.jobs import RowJob
    from pipelex_core.ledger import Attempt

_COUNTS = tuple(fields_dict(Usage))
_COMMON = frozenset({"type", *fields_dict(Result)})
_SUFFIXES = {
    "image/png": ".png",
    "image/jpeg": ".jpg",
    "image/webp": ".webp",
    "image/gif": ".gif",
    "audio/mpeg": ".mp3",
    "audio/wav": ".wav",
    "audio/ogg": ".ogg",
    "audio/flac": ".flac",
}
_ENCODER = msgspec.json.Encoder()


def line_of(
    job: RowJob, result: Any, files: Path, before: Decimal | None = Decimal(0), batch: str | None = None
) -> bytes:
    """The line of an answer.

    Args:
        job: The row.
        result: What was answered.
        files: The folder for what is not text, such as images.
        before: What the row has cost before, in vain; None where that is unknown.
        batch: The provider's id of the batch that it came in, or None.
    """
    answer: dict[str, Any]
    if isinstance(result, TextResult):
        answer = {"output": result.text}
    elif isinstance(result, ObjectResult):
        answer = {"output": result.value}
    elif isinstance(result, EmbeddingResult):
        vectors = [list(vector) for vector in result.vectors]
        answer = {"output": {"vectors": vectors, "normalised": result.normalised, "purpose": result.purpose}}
    else:
        answer = {"output": _further(result, files, job.number)}
    cost = None if result.cost is None or before is None else result.cost.amount + before
    line = {
        "id": job.id,
        "row": job.number,
        **answer,
        "error": None,
        "model": result.model,
        "backend": result.backend,
        "usage": _usage(result.usage),
        "cost": _cost(cost),
        "attempts": _attempts(result.attempts),
    }
    if batch is not None:
        line["batch"] = batch
    if isinstance(result, TextResult | ObjectResult):
        line["finish_reason"] = result.finish_reason
    if isinstance(result, TextResult) and result.tool_calls:
        line["tool_calls"] = [
            {"id": call.id, "name": call.name, "arguments": to_plain(call)["arguments"]} for call in result.tool_calls
        ]
    return encode(line)


def error_line(
    number: int, identity: Any, error: Exception, before: Decimal | None = Decimal(0), batch: str | None = None
) -> bytes:
    """The line of an error; its cost is that of the attempts that were paid. `before` and `batch` as of `line_of`."""
    attempts = getattr(error, "attempts", ())
    paid = total_cost(attempts)
    cost = None if paid is None or before is None else paid.amount + before
    message = getattr(error, "message", None) or str(error)
    line = {
        "id": identity,
        "row": number,
        "output": None,
        "error": {"type": type(error).__name__, "message": message},
        "model": getattr(error, "model", None),
        "backend": getattr(error, "backend", None),
        "usage": None,
        "cost": _cost(cost),
        "attempts": _attempts(attempts),
    }
    if batch is not None:
        line["batch"] = batch
    raw = getattr(error, "raw", None)
    if isinstance(raw, str) and raw:
        line["error"]["raw"] = raw  # an answer that was paid and does not fit
    return encode(line)


def encode(line: Any) -> bytes:
    """Write a line; what no UTF-8 can say is escaped."""
    try:
        return _ENCODER.encode(line) + b"\n"
    except (UnicodeEncodeError, TypeError, ValueError):
        return json.dumps(line, default=str).encode() + b"\n"


def _usage(usage: Usage) -> dict[str, Any]:
    return {name: value for name in _COUNTS if (value := getattr(usage, name)) is not None}


def _cost(amount: Decimal | None) -> dict[str, str] | None:
    return None if amount is None else {"amount": f"{amount:f}", "currency": "USD"}


def _attempts(attempts: Iterable[Attempt]) -> list[dict[str, Any]]:
    return [
        {
            "model": each.model,
            "backend": each.backend,
            "outcome": each.outcome,
            "error": each.error,
            "status": each.status,
            "wait_s": round(each.wait_s, 3),
            "seconds": round(each.seconds, 3),
        }
        for each in attempts
    ]


def _further(result: Any, files: Path, number: int) -> dict[str, Any]:
    """What a result has besides what all have; its bytes are in files."""
    plain = to_plain(result, compact=True)
    own = {name: value for name, value in plain.items() if name not in _COMMON}
    written: dict[str, Any] = _written(own, files, f"{number:08d}", [0])
    return written


def _written(value: Any, files: Path, stem: str, count: list[int]) -> Any:
    """A value with the names of files in the place of bytes."""
    if isinstance(value, dict):
        data = value.get("data")
        if isinstance(data, bytes):
            saved = _save(data, files, f"{stem}-{count[0]}{_SUFFIXES.get(value.get('content_type', ''), '.bin')}")
            count[0] += 1
            return {**saved, **{name: each for name, each in value.items() if name != "data"}}
        return {name: _written(each, files, stem, count) for name, each in value.items()}
    if isinstance(value, list | tuple):
        return [_written(each, files, stem, count) for each in value]
    if isinstance(value, bytes):
        count[0] += 1
        return _save(value, files, f"{stem}-{count[0]}.bin")
    return value


def _save(data: bytes, files: Path, name: str) -> dict[str, str]:
    """Write bytes to a file, and name it; where that cannot be written, they stand in the line: they are paid."""
    target = files / name
    try:
        files.mkdir(parents=True, exist_ok=True)
        with target.open("wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
    except OSError:
        return {"base64": b64encode(data).decode()}
    return {"path": str(target)}
