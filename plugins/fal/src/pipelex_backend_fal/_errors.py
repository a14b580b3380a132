"""One table from what goes wrong at fal to our errors: https://fal.ai/docs/documentation/model-apis/errors."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import httpx

from pipelex_core.errors import (
    CallError,
    ContentFilterError,
    InvalidAnswerError,
    OverloadedError,
    ProviderConnectionError,
    ServerError,
    error_class_for_status,
)
from pipelex_core.headers import retry_after

if TYPE_CHECKING:
    from collections.abc import Mapping

BY_TYPE: Mapping[str, type[CallError]] = {
    "content_policy_violation": ContentFilterError,
    "downstream_service_error": ServerError,
    "downstream_service_unavailable": OverloadedError,
    "generation_timeout": ServerError,
    "client_cancelled": InvalidAnswerError,
    "client_disconnected": InvalidAnswerError,
    "runner_scheduling_failure": OverloadedError,
}
"""Error types that say more than their status: `detail[].type` of a model, `error_type` of the queue."""

NOT_SENT = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout, httpx.UnsupportedProtocol, httpx.ProxyError)
"""Transport errors from before the request left."""


def of_transport(error: httpx.HTTPError | httpx.InvalidURL) -> CallError:
    """A connection that failed. The text of the error is left out: it may show a header."""
    sent = not isinstance(error, (*NOT_SENT, httpx.InvalidURL))
    what = "gave no answer in time" if isinstance(error, httpx.TimeoutException) else "cannot be reached"
    if sent and not isinstance(error, httpx.TimeoutException):
        what = "broke the connection"
    msg = f"fal {what} ({type(error).__name__})"
    return ProviderConnectionError(msg, unsettled=sent)


_LONGEST_MESSAGE = 600


def of_status(status: int, headers: Mapping[str, str], text: str, body: Any) -> CallError:
    """An answer with an error status.

    Args:
        status: The HTTP status.
        headers: The answer's headers.
        text: The answer, with the key taken out.
        body: The same as JSON; None where it is not JSON.
    """
    detail = body.get("detail") if isinstance(body, dict) else None
    types = [body.get("error_type")] if isinstance(body, dict) else []
    types.append(headers.get("x-fal-error-type"))
    if isinstance(detail, list):
        types += [item.get("type") for item in detail if isinstance(item, dict)]
    kinds = [BY_TYPE[name] for name in types if isinstance(name, str) and name in BY_TYPE]
    kind = kinds[0] if kinds else error_class_for_status(status)
    return kind(
        f"fal answered {status}: {_message(detail, text)}",
        status=status,
        request_id=headers.get("x-fal-request-id"),
        retry_after=retry_after(headers),
        unsettled=status >= 500 and status != 503,
    )


def _message(detail: Any, text: str) -> str:
    """What fal says is wrong, with the place of each fault in the arguments."""
    if isinstance(detail, str):
        message = detail
    elif isinstance(detail, list):
        message = "; ".join(map(_fault, detail))
    else:
        message = text
    message = " ".join(message.split())
    return (message if len(message) <= _LONGEST_MESSAGE else f"{message[:_LONGEST_MESSAGE]}…") or "nothing more"


def _fault(item: Any) -> str:
    if not isinstance(item, dict):
        return str(item)
    loc = item.get("loc")
    place = ".".join(str(part) for part in loc if part != "body") if isinstance(loc, list) else ""
    message = str(item.get("msg") or item.get("type") or item)
    return f"{place}: {message}" if place else message
