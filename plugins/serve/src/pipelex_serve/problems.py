"""What a client is answered when it gets no answer: one error, which each protocol writes in its own form."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from attrs import frozen

from pipelex_core.errors import (
    AllAttemptsFailedError,
    AuthenticationError,
    BadRequestError,
    BudgetExceededError,
    CallError,
    ConfigError,
    ContentFilterError,
    ContextTooLongError,
    DeadlineExceededError,
    HandleNotFoundError,
    NotFoundError,
    OverloadedError,
    PermissionDeniedError,
    PresetNotFoundError,
    ProviderConnectionError,
    RateLimitError,
    UnsupportedInputError,
)

if TYPE_CHECKING:
    from collections.abc import Iterator


@frozen(kw_only=True)
class Problem:
    """Why a request is not answered.

    Attributes:
        status: HTTP status.
        message: What is wrong, and what to do; never a key.
        code: A word for programs, such as `model_not_found`, or None.
        param: The parameter that is wrong, or None.
        retry_after: Seconds to wait before the next try, or None.
        retries: Whether a client's SDK may try again by itself; None for what the status says.
        allowed: The methods that a path takes, where a request had another.
    """

    status: int
    message: str
    code: str | None = None
    param: str | None = None
    retry_after: float | None = None
    retries: bool | None = None
    allowed: tuple[str, ...] = ()

    def headers(self) -> Iterator[tuple[bytes, bytes]]:
        """The headers that SDKs go by: https://github.com/openai/openai-python/blob/main/src/openai/_base_client.py."""
        if self.retry_after is not None:
            yield b"retry-after", str(max(1, math.ceil(self.retry_after))).encode("ascii")
        if self.retries is not None:
            yield b"x-should-retry", b"true" if self.retries else b"false"
        if self.status == 401:
            yield b"www-authenticate", b"Bearer"
        if self.allowed:
            yield b"allow", ", ".join(self.allowed).encode("ascii")


class RefusedError(Exception):
    """A request that is not answered; `problem` says why."""

    def __init__(self, problem: Problem) -> None:
        super().__init__(problem.message)
        self.problem = problem


def refuse(status: int, message: str, *, code: str | None = None, param: str | None = None) -> RefusedError:
    """The error of a request that is wrong."""
    return RefusedError(Problem(status=status, message=message, code=code, param=param))


def problem_of(error: Exception) -> Problem:
    """What a client learns of an error of the library, or of any other.

    A provider that refuses the gateway's own key or account is the gateway's fault, not the client's: 502, and no retry.
    """
    if isinstance(error, RefusedError):
        return error.problem
    if isinstance(error, ConfigError):
        return _of_config(error)
    if isinstance(error, CallError):
        return _of_call(error)
    return Problem(
        status=500,
        message="the gateway failed inside; its log has the request id",
        code="internal_error",
        retries=False,
    )


def _of_config(error: ConfigError) -> Problem:
    if isinstance(error, (HandleNotFoundError, PresetNotFoundError)):
        return Problem(status=404, message=_first_line(error), code="model_not_found", param="model")
    return Problem(status=503, message=_first_line(error), code="model_not_available", param="model", retries=False)


def _of_call(error: CallError) -> Problem:
    if isinstance(error, AllAttemptsFailedError):
        return _of_chain(error)
    if isinstance(error, (AuthenticationError, PermissionDeniedError)):
        message = f"backend '{error.backend}' refuses the gateway's own key or account: {error.message}"
        return Problem(status=502, message=message, code="backend_refused", retries=False)
    message = str(error)
    if isinstance(error, BadRequestError):
        return _of_request(error)
    if isinstance(error, NotFoundError):
        return Problem(status=404, message=message, code="model_not_found", param="model")
    for kind, (status, code, retries) in _CALL_ERRORS.items():
        if isinstance(error, kind):
            return Problem(status=status, message=message, code=code, retry_after=error.retry_after, retries=retries)
    return Problem(status=502, message=message, code="backend_failed")


def _of_request(error: BadRequestError) -> Problem:
    message = str(error)
    if isinstance(error, ContextTooLongError):
        return Problem(status=400, message=message, code="context_length_exceeded", param="messages")
    if isinstance(error, UnsupportedInputError):
        return Problem(status=400, message=message, code="unsupported_value")
    status = error.status if error.status in {409, 413, 422} else 400
    return Problem(status=status, message=message, code="invalid_request")


_CALL_ERRORS: dict[type[CallError], tuple[int, str, bool | None]] = {
    ContentFilterError: (400, "content_filter", None),
    RateLimitError: (429, "rate_limit_exceeded", None),
    BudgetExceededError: (429, "insufficient_quota", False),
    OverloadedError: (503, "overloaded", None),
    DeadlineExceededError: (504, "timeout", None),
    ProviderConnectionError: (502, "backend_unreachable", None),
}
"""Class of an error -> status, code, and whether an SDK may try again by itself."""


def _of_chain(error: AllAttemptsFailedError) -> Problem:
    """Of a chain that failed as a whole: busy where each member was, else failed."""
    requested = [attempt for attempt in error.attempts if attempt.outcome != "skipped"]
    names = {attempt.error for attempt in requested}
    if names and names <= {"RateLimitError", "LimitReachedError"}:
        return Problem(status=429, message=str(error), code="rate_limit_exceeded", retry_after=error.retry_after or 1)
    if names and names <= {"RateLimitError", "LimitReachedError", "OverloadedError"}:
        return Problem(status=503, message=str(error), code="overloaded", retry_after=error.retry_after)
    return Problem(status=502, message=str(error), code="backend_failed")


def _first_line(error: ConfigError) -> str:
    reported = str(error.args[0])
    hint = next((problem.suggestion for problem in error.problems if problem.suggestion), None)
    return f"{reported}; {hint}" if hint and hint not in reported else reported
