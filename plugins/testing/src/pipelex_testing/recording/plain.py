"""Requests, answers and errors as the lines of a cassette have them, the same for every provider, and back.

A request is compared, so it is compact: defaults are left out, and a picture is its hash. An answer is its plain form, whole.
"""

from __future__ import annotations

from hashlib import sha256
from typing import TYPE_CHECKING, Any

from pipelex_core.converter import from_plain, to_plain
from pipelex_core.error_data import error_from_dict, error_to_dict

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from pipelex_core.errors import CallError, PipelexError
    from pipelex_core.requests import Request

_NOT_COMPARED = frozenset({"type", "spec", "timeout"})
_NOT_KEPT = frozenset({"cache"})


def request_data(operation: str, request: Request, redact: Callable[[str], str]) -> dict[str, Any]:
    """Write a request; images and documents by their hash."""
    spec = request.spec
    head = {"operation": operation, "backend": spec.backend, "model": spec.name, "model_id": spec.model_id}
    written = to_plain(request, compact=True)
    compared = {name: value for name, value in written.items() if name not in _NOT_COMPARED}
    data: dict[str, Any] = _clean({**head, **compared}, redact)
    return data


def answer_data(answer: Any, redact: Callable[[str], str]) -> dict[str, Any]:
    """Write an answer, its images in base64."""
    kept = {name: value for name, value in to_plain(answer).items() if name not in _NOT_KEPT}
    data: dict[str, Any] = _clean(kept, redact)
    return data


def error_data(error: CallError, redact: Callable[[str], str]) -> dict[str, Any]:
    """Write an error of a provider."""
    data: dict[str, Any] = _clean(error_to_dict(error), redact)
    return data


def answer_of(data: Mapping[str, Any], kind: type) -> Any:
    """Read the answer that was recorded, of this class."""
    return from_plain(kind, data)


def error_of(data: Mapping[str, Any]) -> PipelexError:
    """Read the error that was recorded."""
    return error_from_dict(data)


def _clean(value: Any, redact: Callable[[str], str]) -> Any:
    """Take secrets out of every text of plain data, and write bytes as their hash."""
    if isinstance(value, str):
        return redact(value)
    if isinstance(value, dict):
        return {redact(key): _clean(item, redact) for key, item in value.items()}
    if isinstance(value, list):
        return [_clean(item, redact) for item in value]
    return {"sha256": sha256(value).hexdigest(), "bytes": len(value)} if isinstance(value, bytes) else value
