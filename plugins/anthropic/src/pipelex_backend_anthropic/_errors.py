"""The SDK's errors, and the API's, as ours: one table, by error code, type and status, never by a message's words.

https://platform.claude.com/docs/en/api/errors
"""

from __future__ import annotations

import re
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import anthropic
import httpx2

from pipelex_core import errors
from pipelex_core.errors import CallError, error_class_for_status
from pipelex_core.headers import first_id, retry_after
from pipelex_core.hiding import hide

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from pipelex_core.specs import Secret

_BY_CODE: dict[str, type[CallError]] = {
    "contract_spend_limit_reached": errors.PermissionDeniedError,
    "enforced_spend_limit_reached": errors.PermissionDeniedError,
    "image_dimensions_too_large": errors.UnsupportedInputError,
    "organization_on_hold": errors.PermissionDeniedError,
}
"""`error.details.error_code`, where it says more than type and status: waiting does not lift a spend limit."""

_BY_TYPE: dict[str, type[CallError]] = {
    "authentication_error": errors.AuthenticationError,
    "billing_error": errors.PermissionDeniedError,
    "not_found_error": errors.NotFoundError,
    "overloaded_error": errors.OverloadedError,
    "permission_error": errors.PermissionDeniedError,
    "rate_limit_error": errors.RateLimitError,
    "request_too_large": errors.BadRequestError,
    "timeout_error": errors.ServerError,
}
"""`error.type`, where it is specific; it decides alone in a stream, whose status is 200 whatever happens."""

_BY_VAGUE_TYPE: dict[str, type[CallError]] = {
    "api_error": errors.ServerError,
    "conflict_error": errors.BadRequestError,
    "invalid_request_error": errors.BadRequestError,
}
"""`error.type`s that go with several statuses: the status is asked first."""

_NO_CREDIT = re.compile(
    r"Your credit balance is too low to access the \S+ API\. Please go to Plans & Billing to upgrade or purchase credits\."
)
"""The whole message for an account without credit, with status 400 and the type of any bad argument; compared, not searched:
https://github.com/anthropics/claude-quickstarts/issues/229."""

_BY_EXCEPTION: tuple[tuple[type[Exception], type[CallError], str], ...] = (
    (httpx2.InvalidURL, errors.BadRequestError, "the endpoint is not an address"),
    (httpx2.UnsupportedProtocol, errors.BadRequestError, "the endpoint is not an address"),
    (httpx2.ConnectError, errors.ProviderConnectionError, "no connection to the provider"),
    (httpx2.ConnectTimeout, errors.ProviderConnectionError, "no connection to the provider"),
    (httpx2.TimeoutException, errors.ProviderConnectionError, "the provider did not answer in time"),
    (httpx2.TransportError, errors.ProviderConnectionError, "the connection to the provider broke"),
    (httpx2.StreamError, errors.ProviderConnectionError, "the connection to the provider broke"),
    (UnicodeEncodeError, errors.BadRequestError, "the request holds text that is not Unicode"),
    (ValueError, errors.InvalidAnswerError, "the provider's answer cannot be read"),
    (RecursionError, errors.InvalidAnswerError, "the provider's answer is nested too deeply"),
    (Exception, errors.ProviderConnectionError, "the call failed in the SDK"),
)
"""Errors without an answer of the API, the first that fits; the last line is for what no release is known to raise."""


@contextmanager
def translated_errors(key: Secret | None) -> Iterator[None]:
    """Whatever the SDK raises inside leaves as ours; its own error, which holds the key, is not kept as a context."""
    failure: CallError | None = None
    try:
        yield
    except CallError:
        raise
    except anthropic.APIStatusError as error:
        failure = error_of_answer(error.body, status=error.status_code, headers=error.response.headers, key=key)
    except Exception as error:  # noqa: BLE001 -- the border to the SDK: nothing foreign passes it
        failure = _error_of_exception(error)
    if failure is not None:
        try:
            raise failure
        finally:
            failure.__context__ = None


def without(key: Secret | None, value: Any) -> Any:
    """A decoded answer with the key replaced, wherever a server repeats it; nothing of one that is too deep to look through."""
    if key is None or not key.reveal():
        return value
    try:
        return _replaced(value, key.reveal())
    except RecursionError:
        return None


def _replaced(value: Any, key: str) -> Any:
    if isinstance(value, str):
        return hide(value, key)
    if isinstance(value, dict):
        return {name: _replaced(inner, key) for name, inner in value.items()}
    return [_replaced(inner, key) for inner in value] if isinstance(value, list) else value


def _error_of_exception(error: Exception) -> CallError:
    """By what the SDK's connection errors come from, and with the name of what that came from in the end."""
    if isinstance(error, anthropic.APIConnectionError) and isinstance(error.__cause__, Exception):
        error = error.__cause__
    kind, message = next((kind, message) for known, kind, message in _BY_EXCEPTION if isinstance(error, known))
    root: BaseException = error
    while root.__cause__ is not None:
        root = root.__cause__
    return kind(f"{message}: {type(root).__name__}")


def error_of_answer(body: Any, *, status: int, headers: Mapping[str, str], key: Secret | None) -> CallError:
    """The error that an answer of the API tells of.

    Args:
        body: The decoded JSON, or whatever else came.
        status: Of HTTP; 200 in a stream.
        headers: Of the answer.
        key: What must not stand in the error.
    """
    first = body[0] if isinstance(body, list) and body else body  # Google puts its own errors into a list
    outer = first if isinstance(first, dict) else {}
    inner = outer.get("error")
    fault = inner if isinstance(inner, dict) else {}
    details = fault.get("details")
    code = _word(details.get("error_code")) if isinstance(details, dict) else ""
    kind = _word(fault.get("type"))
    error_class = (
        _BY_CODE.get(code)
        or _BY_TYPE.get(kind)
        or (error_class_for_status(status) if status >= 300 else None)
        or _BY_VAGUE_TYPE.get(kind, errors.ServerError)
    )
    # A gateway in between has forms of its own.
    words = (fault.get("message"), inner, outer.get("message"), outer.get("detail"))
    message = next(filter(None, map(_word, words)), f"the provider answered with status {status} and no message")
    if error_class is errors.BadRequestError and _NO_CREDIT.fullmatch(message.strip()):
        error_class = errors.PermissionDeniedError
    request_id = headers.get("request-id") or _word(outer.get("request_id")) or first_id(headers)
    return error_class(
        without(key, message),
        status=status,
        request_id=request_id,
        retry_after=retry_after(headers),
        raw=without(key, body),
    )


def _word(value: Any) -> str:
    """A text, empty for anything else."""
    return value if isinstance(value, str) else ""
