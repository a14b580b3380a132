"""The one table of errors: what the SDK, its transport and its credentials raise, as ours.

By HTTP status, google.rpc status and structured details (https://google.aip.dev/193), never by the words of a message.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import httpx2
from google.auth import exceptions as auth
from google.genai import errors as genai

from pipelex_core.errors import (
    AuthenticationError,
    CallError,
    InvalidAnswerError,
    ProviderConnectionError,
    ServerError,
    error_class_for_status,
)
from pipelex_core.headers import retry_after
from pipelex_core.hiding import hide

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from pipelex_core.specs import Secret

_LONGEST = 500
_REQUEST_ID_HEADERS = ("x-goog-request-id", "x-request-id")
_HTTP_STATUS: dict[str, int] = {
    "ABORTED": 409,
    "ALREADY_EXISTS": 409,
    "DATA_LOSS": 500,
    "DEADLINE_EXCEEDED": 504,
    "FAILED_PRECONDITION": 400,
    "INTERNAL": 500,
    "INVALID_ARGUMENT": 400,
    "NOT_FOUND": 404,
    "OUT_OF_RANGE": 400,
    "PERMISSION_DENIED": 403,
    "RESOURCE_EXHAUSTED": 429,
    "UNAUTHENTICATED": 401,
    "UNAVAILABLE": 503,
    "UNIMPLEMENTED": 501,
    "UNKNOWN": 500,
}
"""What a google.rpc status stands for, where an error inside a stream has no code."""
_BY_RPC_STATUS: dict[str, type[CallError]] = {"CANCELLED": ProviderConnectionError}
"""Where the google.rpc status says more than the HTTP status, here 499."""
_BY_REASON: dict[str, type[CallError]] = {"API_KEY_INVALID": AuthenticationError}
"""Where the reason in an ErrorInfo does: a wrong key is answered with 400 INVALID_ARGUMENT."""


def call_error(error: Exception, key: Secret | None, *, partial_text: str | None = None) -> CallError:
    """What to raise for an error, with neither a link to it (it holds the request and its key) nor the key's text."""
    if isinstance(error, CallError):
        failure = error
    elif isinstance(error, genai.APIError):
        failure = _of_api(error)
    elif isinstance(error, auth.GoogleAuthError):
        failure = _of_credentials(error)
    elif isinstance(error, (httpx2.HTTPError, httpx2.StreamError, OSError)):
        failure = ProviderConnectionError(f"the connection to Google failed: {type(error).__name__}")
    else:  # invalid JSON, answers of other shapes: ValueError, TypeError, AttributeError …
        failure = InvalidAnswerError(f"Google's answer could not be read ({type(error).__name__})")
    failure.message = redacted(failure.message, key)
    failure.args = (failure.message,)
    failure.request_id = redacted(failure.request_id, key) if failure.request_id else None
    failure.raw = redacted(failure.raw, key) if isinstance(failure.raw, str) else failure.raw
    if partial_text is not None:
        failure.partial_text = partial_text
    return failure


def reported(error: Any, response: Any) -> genai.APIError:
    """The error that an answer with a good status, or an event of a stream, tells of."""
    fault: dict[str, Any] = error if isinstance(error, dict) else {"message": str(error)}
    return genai.APIError(fault.get("code") or 0, {"error": fault}, response)


def redacted(text: str, key: Secret | None) -> str:
    """The text without the key, in whichever form: Google quotes it back where it is suspended."""
    return text if key is None else hide(text, key.reveal())


def request_id(headers: Mapping[str, str] | None) -> str | None:
    """The id of a request, where a header tells one."""
    return next((headers[name] for name in _REQUEST_ID_HEADERS if headers and headers.get(name)), None)


def _of_api(error: genai.APIError) -> CallError:
    details = list(_details(error.details))
    rpc_status = error.status if isinstance(error.status, str) else ""
    code: Any = error.code  # as the answer has it, whatever the SDK declares
    status = code if isinstance(code, int) and code else _HTTP_STATUS.get(rpc_status)
    made = next((_BY_REASON[reason] for reason in _values(details, "reason") if reason in _BY_REASON), None)
    made = made or _BY_RPC_STATUS.get(rpc_status) or (error_class_for_status(status) if status else ServerError)
    message = " ".join(str(error.message or "no reason was given").split())
    headers = getattr(error.response, "headers", None)
    return made(
        f"Google answered {rpc_status or 'with an error'}: {message[:_LONGEST]}",
        status=status,
        request_id=next(_values(details, "requestId"), None) or request_id(headers),
        retry_after=_seconds(next(_values(details, "retryDelay"), None)) or retry_after(headers or {}),
    )


def _details(body: Any) -> Iterator[dict[str, Any]]:
    """The structured details of an error's body."""
    inner = body.get("error") if isinstance(body, dict) else None
    details = inner.get("details") if isinstance(inner, dict) else None
    if isinstance(details, list):
        yield from (detail for detail in details if isinstance(detail, dict))


def _values(details: list[dict[str, Any]], name: str) -> Iterator[str]:
    yield from (detail[name] for detail in details if isinstance(detail.get(name), str))


def _seconds(delay: str | None) -> float | None:
    """Seconds of a protobuf duration (`48.9s`)."""
    try:
        return float(delay.removesuffix("s")) if delay else None
    except ValueError:
        return None


def _of_credentials(error: auth.GoogleAuthError) -> CallError:
    """Errors of fetching a token; their text may quote what was sent, so only OAuth's error code goes on."""
    if isinstance(error, auth.TransportError) or error.retryable:
        return ProviderConnectionError(f"no access token: the token server failed ({type(error).__name__})")
    answer = error.args[1] if len(error.args) > 1 else None
    code = answer.get("error") if isinstance(answer, dict) else None
    reason = code if isinstance(code, str) and code.replace("_", "").isalpha() else type(error).__name__
    return AuthenticationError(f"no access token for these credentials: {reason}")
