"""One table: what the provider, the SDK and its transport raise, as our errors.

Distinguished by status and structured code (https://docs.mistral.ai/resources/error-glossary), never by a message. Errors
of the SDK hold the request and its key: they are not chained to ours.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, TypeAlias

import httpx2
from mistralai.client.errors import MistralError

from pipelex_core import errors
from pipelex_core.headers import first_id, retry_after
from pipelex_core.hiding import hide

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    Doubt: TypeAlias = Callable[[], bool]
    """Asked only when an answer leaves it open."""

REQUEST_ID_HEADERS = ("mistral-correlation-id", "x-request-id")

_BY_CODE: dict[str, type[errors.CallError]] = {
    "1500": errors.NotFoundError,  # invalid_model, which comes with status 400
    "3040": errors.NotFoundError,  # model_not_found
    "invalid_model": errors.NotFoundError,
    "model_not_found": errors.NotFoundError,
    "unknown_model": errors.NotFoundError,
    "context_length_exceeded": errors.ContextTooLongError,
}
"""A 4xx answer's `code` or `type` that says more than its status."""

_BY_TYPE_IN_STREAM: dict[str, type[errors.CallError]] = {
    "authentication_error": errors.AuthenticationError,
    "invalid_request_error": errors.BadRequestError,
    "rate_limit_error": errors.RateLimitError,
    "rate_limited": errors.RateLimitError,
    "service_tier_capacity_exceeded": errors.OverloadedError,
    "unreachable_backend": errors.OverloadedError,
}
"""The `type` of an error inside a stream, where it has no status."""

_BY_EXCEPTION: tuple[tuple[type[Exception], type[errors.CallError], str], ...] = (
    (httpx2.UnsupportedProtocol, errors.NotFoundError, "the endpoint is not an http address"),
    (httpx2.InvalidURL, errors.NotFoundError, "the endpoint is not an http address"),
    (httpx2.DecodingError, errors.InvalidAnswerError, "Mistral's answer cannot be read"),
    (httpx2.HTTPError, errors.ProviderConnectionError, "no answer from Mistral"),
    (httpx2.StreamError, errors.ProviderConnectionError, "no answer from Mistral"),
    (OSError, errors.ProviderConnectionError, "no answer from Mistral"),
    (ValueError, errors.InvalidAnswerError, "Mistral's answer cannot be read"),  # JSON, UTF-8, pydantic
    (RecursionError, errors.InvalidAnswerError, "Mistral's answer is nested too deeply"),
)
"""What comes from below the SDK's own errors; the first that fits counts."""

"""A shorter key is a placeholder: taking it out of texts would only garble them."""

MOST_RAW = 20_000
"""Characters of an answer that an error keeps."""

INVALID_ARGUMENTS = "3051"
"""The code of a prompt that is too long, and of other wrong arguments: the size of the request tells them apart."""


def never() -> bool:
    """No doubt."""
    return False


def request_id_of(headers: Mapping[str, str]) -> str | None:
    """The provider's id of a request, from the headers of its answer."""
    return first_id(headers, *REQUEST_ID_HEADERS)


def error_of_answer(
    status: int, headers: Mapping[str, str], body: str, *, secret: str | None, too_long: Doubt = never
) -> errors.CallError:
    """The error of an unusable answer: a status other than 200, or something that is not JSON.

    Args:
        status: Its HTTP status.
        headers: Its headers.
        body: Its text.
        secret: The key, which is taken out of the texts.
        too_long: Whether the request may exceed the model's context, to judge an ambiguous code by.
    """
    body = _redacted(body, secret)[:MOST_RAW]
    fault = _fault(body)
    content_type = headers.get("content-type", "no content type")
    if status < 400:
        what_came = f"answered with status {status} and {content_type}, where JSON is expected: check the endpoint"
    elif fault is None:
        what_came = f"answered with {content_type} instead of an error of its own"
    else:
        what_came = f"says: {_message(fault)}"
    return _class_of(status, fault or {}, too_long=too_long)(
        f"Mistral {what_came}",
        status=status,
        request_id=request_id_of(headers),
        retry_after=retry_after(headers),
        raw=body,
    )


def error_of_event(event: Any, headers: Mapping[str, str], *, secret: str | None) -> errors.CallError:
    """The error that a provider sends as an event, in the middle of a stream."""
    body = _redacted(json.dumps(event, ensure_ascii=False), secret)
    fault = _fault(body) or {"message": body}
    status = fault.get("raw_status_code")
    if isinstance(status, int) and status >= 400:
        made = _class_of(status, fault)
    else:
        status = None
        made = _BY_TYPE_IN_STREAM.get(str(fault.get("type")), errors.ServerError)
    return made(
        f"Mistral broke the stream off and says: {_message(fault)}",
        status=status,
        request_id=request_id_of(headers),
        raw=body,
    )


def error_of_exception(error: Exception, *, secret: str | None) -> errors.CallError:
    """The error for whatever the SDK or its transport raised."""
    if isinstance(error, MistralError):
        return error_of_answer(error.status_code, error.headers, error.body, secret=secret)
    what_came = _redacted(str(error) or type(error).__name__, secret)
    for kind, made, what in _BY_EXCEPTION:
        if isinstance(error, kind):
            return made(f"{what}: {what_came}")
    return errors.CallError(f"Mistral's SDK failed: {type(error).__name__}: {what_came}")


def _class_of(status: int, fault: Mapping[str, Any], *, too_long: Doubt = never) -> type[errors.CallError]:
    if 400 <= status < 500:
        for word in (fault.get("code"), fault.get("type")):
            if str(word) in _BY_CODE:
                return _BY_CODE[str(word)]
        if status == 400 and str(fault.get("code")) == INVALID_ARGUMENTS and too_long():
            return errors.ContextTooLongError
    return errors.error_class_for_status(status)


def _fault(body: str) -> dict[str, Any] | None:
    """The error object of a body, with or without an `error` around it; None where there is none."""
    try:
        parsed = json.loads(body)
    except (ValueError, RecursionError):
        return None
    if isinstance(parsed, list) and parsed:  # Google's own errors, in front of a model on Vertex AI
        parsed = parsed[0]
    if not isinstance(parsed, dict):
        return None
    inner = parsed.get("error")
    return inner if isinstance(inner, dict) else parsed


def _message(fault: Mapping[str, Any]) -> str:
    """What it says: a text, or a list of wrong fields, each with its place."""
    message: Any = fault.get("message") or fault.get("detail") or fault.get("error")
    if isinstance(message, dict):
        message = message.get("detail") or message
    if isinstance(message, list):
        return "; ".join(_field_fault(entry) for entry in message[:5])
    return str(message) if message else json.dumps(fault)[:500]


def _field_fault(entry: Any) -> str:
    if not isinstance(entry, dict):
        return str(entry)
    place = ".".join(str(step) for step in entry.get("loc") or ())
    return f"{place}: {entry.get('msg')}" if place else str(entry.get("msg"))


def _redacted(text: str, secret: str | None) -> str:
    return hide(text, secret) if secret else text
