"""How each provider words a refusal: status, headers and body.

The forms are those of recorded traffic and of the providers' error references; words differ, types and codes do not.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Protocol

from attrs import frozen

if TYPE_CHECKING:
    from collections.abc import Mapping

_INDEX = re.compile(r"\[(\d+)\]")


@frozen(kw_only=True)
class Refusal:
    """An answer that refuses a request.

    Attributes:
        status: The HTTP status.
        headers: Headers that tell the error's type.
        body: The JSON body.
    """

    status: int
    headers: Mapping[str, str]
    body: Mapping[str, Any]


class Form(Protocol):
    """A provider's form of a refusal."""

    def __call__(
        self, kind: str, of: str, place: str, words: str, *, status: int | None, type: str | None, code: Any
    ) -> Refusal:
        """Word a refusal; `kind` and `of` are those of a fault, and empty for other rules."""


_OPENAI_CODES = {
    "missing": "missing_required_parameter",
    "unknown": "unknown_parameter",
    "type": "invalid_type",
    "choice": "invalid_value",
    "pattern": "invalid_value",
    "short": "string_below_min_length",
    "long": "string_above_max_length",
    "few": "empty_array",
    "many": "array_above_max_length",
    "deep": "invalid_value",
}
_BOUNDS = {"low": "below_min_value", "high": "above_max_value"}


def openai(kind: str, of: str, place: str, words: str, *, status: int | None, type: str | None, code: Any) -> Refusal:
    """Word a refusal as OpenAI and Groq do: https://platform.openai.com/docs/guides/error-codes."""
    if code is None and kind in _BOUNDS:
        code = f"{'integer' if of == 'integer' else 'decimal'}_{_BOUNDS[kind]}"
    code = code or _OPENAI_CODES.get(kind)
    param = place or None
    message = f"Invalid '{place}': {words}." if place else f"Invalid request: {words}."
    error = {"message": message, "type": type or "invalid_request_error", "param": param, "code": code}
    return Refusal(status=status or 400, headers={}, body={"error": error})


def anthropic(
    kind: str, of: str, place: str, words: str, *, status: int | None, type: str | None, code: Any
) -> Refusal:
    """Word a refusal as Anthropic does: https://platform.claude.com/docs/en/api/errors."""
    dotted = _INDEX.sub(r".\1", place)
    error = {"type": type or "invalid_request_error", "message": f"{dotted}: {words}" if dotted else words}
    return Refusal(
        status=status or 400, headers={}, body={"type": "error", "error": error, "request_id": "req_refused"}
    )


_PYDANTIC = {
    "missing": "missing",
    "unknown": "extra_forbidden",
    "choice": "literal_error",
    "low": "greater_than_equal",
    "high": "less_than_equal",
    "short": "string_too_short",
    "long": "string_too_long",
    "few": "too_short",
    "many": "too_long",
    "pattern": "string_pattern_mismatch",
}


def _locations(place: str) -> list[str | int]:
    return [
        int(part) if part.isdecimal() else part
        for part in _INDEX.sub(r".\1", f"body.{place}" if place else "body").split(".")
    ]


def mistral(kind: str, of: str, place: str, words: str, *, status: int | None, type: str | None, code: Any) -> Refusal:
    """Word a refusal as Mistral does: 422 where the form is wrong, 400 where the sense is."""
    if kind and status is None:
        detail = {"type": _PYDANTIC.get(kind, "value_error"), "loc": _locations(place), "msg": words, "input": None}
        message: Any = {"detail": [detail]}
        error = {
            "object": "error",
            "message": message,
            "type": type or "invalid_request_error",
            "param": None,
            "code": None,
        }
        return Refusal(status=422, headers={}, body={**error, "raw_status_code": 422})
    number = status or 400
    message = f"{place}: {words}" if place else words
    error = {
        "object": "error",
        "message": message,
        "type": type or "invalid_request_error",
        "param": None,
        "code": code,
    }
    return Refusal(status=number, headers={}, body={**error, "raw_status_code": number})


def google(kind: str, of: str, place: str, words: str, *, status: int | None, type: str | None, code: Any) -> Refusal:
    """Word a refusal as Google does: https://cloud.google.com/apis/design/errors."""
    number = status or 400
    message = f"Invalid value at '{place}': {words}" if place else words
    error = {"code": number, "message": message, "status": type or "INVALID_ARGUMENT"}
    return Refusal(status=number, headers={}, body={"error": error})


def bedrock(kind: str, of: str, place: str, words: str, *, status: int | None, type: str | None, code: Any) -> Refusal:
    """Word a refusal as Bedrock does: the type is in a header, the message in the body."""
    headers = {
        "x-amzn-errortype": f"{type or 'ValidationException'}:http://internal.amazon.com/coral/com.amazon.bedrock/"
    }
    return Refusal(status=status or 400, headers=headers, body={"message": f"{place}: {words}" if place else words})


def xai(kind: str, of: str, place: str, words: str, *, status: int | None, type: str | None, code: Any) -> Refusal:
    """Word a refusal as xAI does: the error is a text."""
    body = {"code": code or "invalid-argument", "error": f"{place}: {words}" if place else words}
    return Refusal(status=status or 400, headers={}, body=body)


def deepseek(kind: str, of: str, place: str, words: str, *, status: int | None, type: str | None, code: Any) -> Refusal:
    """Word a refusal as DeepSeek does."""
    message = f"{place}: {words}" if place else words
    error = {
        "message": message,
        "type": type or "invalid_request_error",
        "param": None,
        "code": code or "invalid_request_error",
    }
    return Refusal(status=status or 400, headers={}, body={"error": error})


def openrouter(
    kind: str, of: str, place: str, words: str, *, status: int | None, type: str | None, code: Any
) -> Refusal:
    """Word a refusal as OpenRouter does: the code is the status."""
    number = status or 400
    return Refusal(
        status=number, headers={}, body={"error": {"message": f"{place}: {words}" if place else words, "code": number}}
    )


def ollama(kind: str, of: str, place: str, words: str, *, status: int | None, type: str | None, code: Any) -> Refusal:
    """Word a refusal as Ollama's OpenAI-compatible API does."""
    error = {
        "message": f"{place}: {words}" if place else words,
        "type": type or "invalid_request_error",
        "param": None,
        "code": code,
    }
    return Refusal(status=status or 400, headers={}, body={"error": error})


def vllm(kind: str, of: str, place: str, words: str, *, status: int | None, type: str | None, code: Any) -> Refusal:
    """Word a refusal as vLLM does."""
    number = status or 400
    error = {"message": words, "type": type or "BadRequestError", "param": place or None, "code": number}
    return Refusal(status=number, headers={}, body={"error": error})


def llamacpp(kind: str, of: str, place: str, words: str, *, status: int | None, type: str | None, code: Any) -> Refusal:
    """Word a refusal as the server of llama.cpp does."""
    number = status or 400
    error = {
        "code": number,
        "message": f"{place}: {words}" if place else words,
        "type": type or "invalid_request_error",
    }
    return Refusal(status=number, headers={}, body={"error": error})


def fal(kind: str, of: str, place: str, words: str, *, status: int | None, type: str | None, code: Any) -> Refusal:
    """Word a refusal as fal's models do: https://fal.ai/docs/model-apis/errors."""
    detail = {"loc": _locations(place), "msg": words, "type": type or _PYDANTIC.get(kind, "value_error")}
    return Refusal(status=status or 422, headers={"x-fal-retryable": "false"}, body={"detail": [detail]})
