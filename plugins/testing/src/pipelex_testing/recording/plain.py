"""Requests, answers and errors as plain data, the same for every provider, and back."""

from __future__ import annotations

from base64 import b64decode, b64encode
from collections.abc import Mapping
from hashlib import sha256
from typing import TYPE_CHECKING, Any

import attrs

from pipelex_core import errors
from pipelex_core.parts import ProviderPart, ToolCall
from pipelex_core.results import DocumentAnswer, Image, ImageAnswer, Page, TextAnswer, Usage

if TYPE_CHECKING:
    from collections.abc import Callable

    from pipelex_core.requests import Request

_NOT_COMPARED = frozenset({"spec", "timeout"})
_NOT_KEPT = frozenset({"raw", "cache"})
_OF_ERROR = ("status", "request_id", "retry_after", "partial_text")


def request_data(operation: str, request: Request, redact: Callable[[str], str]) -> dict[str, Any]:
    """A request; images and documents by their hash."""
    asked = {name: value for name, value in _fields(request).items() if name not in _NOT_COMPARED}
    spec = request.spec
    head = {"operation": operation, "backend": spec.backend, "model": spec.name, "model_id": spec.model_id}
    told: dict[str, Any] = _plain({**head, **_without_defaults(request, asked)}, redact, _hashed)
    return told


def answer_data(answer: Any, redact: Callable[[str], str]) -> dict[str, Any]:
    """An answer, its images in base64."""
    kept = {name: value for name, value in _fields(answer).items() if name not in _NOT_KEPT}
    told: dict[str, Any] = _plain({"kind": type(answer).__name__, **_without_defaults(answer, kept)}, redact, _whole)
    return told


def error_data(error: errors.CallError, redact: Callable[[str], str]) -> dict[str, Any]:
    """An error of a provider."""
    told = {name: getattr(error, name, None) for name in _OF_ERROR}
    known = {name: value for name, value in told.items() if value is not None}
    data: dict[str, Any] = _plain({"kind": type(error).__name__, "message": error.message, **known}, redact, _whole)
    return data


def answer_of(data: Mapping[str, Any]) -> Any:
    """The answer that was recorded."""
    told: dict[str, Any] = {name: _bytes_again(value) for name, value in data.items() if name != "kind"}
    told["usage"] = Usage(**told.get("usage", {}))
    if data["kind"] == "TextAnswer":
        told["tool_calls"] = tuple(ToolCall(**call) for call in told.get("tool_calls", ()))
        told["provider_parts"] = tuple(ProviderPart(**part) for part in told.get("provider_parts", ()))
        return TextAnswer(**told)
    if data["kind"] == "ImageAnswer":
        return ImageAnswer(**{**told, "images": tuple(Image(**image) for image in told["images"])})
    pages = (
        Page(**{**page, "images": tuple(Image(**image) for image in page.get("images", ()))}) for page in told["pages"]
    )
    return DocumentAnswer(**{**told, "pages": tuple(pages)})


def error_of(data: Mapping[str, Any]) -> errors.CallError:
    """The error that was recorded."""
    kind = getattr(errors, data["kind"], errors.CallError)
    error: errors.CallError = kind(data["message"])
    for name in _OF_ERROR:
        if name in data:
            setattr(error, name, data[name])
    return error


def _fields(value: Any) -> dict[str, Any]:
    return {field.name: getattr(value, field.name) for field in attrs.fields(type(value))}


def _without_defaults(value: Any, told: Mapping[str, Any]) -> dict[str, Any]:
    """What differs from its default: short, and the same when a release adds a field."""
    defaults = {field.name: field.default for field in attrs.fields(type(value))}
    return {name: item for name, item in told.items() if defaults[name] is attrs.NOTHING or item != defaults[name]}


def _plain(value: Any, redact: Callable[[str], str], media: Callable[[bytes], Any]) -> Any:
    if value is None or isinstance(value, (bool, int, float)):
        return value
    if isinstance(value, (bytes, bytearray)):
        return media(bytes(value))
    if isinstance(value, Mapping):
        return {redact(str(key)): _plain(item, redact, media) for key, item in value.items()}
    if isinstance(value, (list, tuple, set, frozenset)):
        return [_plain(item, redact, media) for item in value]
    if attrs.has(type(value)):
        part = {"part": type(value).__name__} if type(value).__name__ in _PARTS and media is _hashed else {}
        return {**part, **_plain(_without_defaults(value, _fields(value)), redact, media)}
    return redact(str(value))  # text, and what says itself in text


_PARTS = frozenset({"TextPart", "ImagePart", "DocumentPart", "ToolCall", "ToolResult", "ProviderPart"})


def _hashed(data: bytes) -> dict[str, Any]:
    return {"sha256": sha256(data).hexdigest(), "bytes": len(data)}


def _whole(data: bytes) -> dict[str, str]:
    return {"base64": b64encode(data).decode("ascii")}


def _bytes_again(value: Any) -> Any:
    if isinstance(value, dict):
        if value.keys() == {"base64"}:
            return b64decode(value["base64"])
        return {name: _bytes_again(item) for name, item in value.items()}
    return [_bytes_again(item) for item in value] if isinstance(value, list) else value
