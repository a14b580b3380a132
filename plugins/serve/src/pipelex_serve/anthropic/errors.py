"""Errors in Anthropic's form: https://platform.claude.com/docs/en/api/errors."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pipelex_serve.problems import Problem

_TYPES = {
    401: "authentication_error",
    403: "permission_error",
    404: "not_found_error",
    413: "request_too_large",
    429: "rate_limit_error",
    503: "overloaded_error",
    504: "timeout_error",
}

OVERLOADED = 529
"""Anthropic's status for what everybody else answers with 503."""


def error_body(problem: Problem, request_id: str) -> dict[str, Any]:
    """The body of an answer, and of an `error` event in a stream."""
    kind = _TYPES.get(problem.status, "invalid_request_error" if problem.status < 500 else "api_error")
    return {"type": "error", "error": {"type": kind, "message": problem.message}, "request_id": request_id}


def status_of(problem: Problem) -> int:
    """The status as Anthropic's clients know it."""
    return OVERLOADED if problem.code == "overloaded" else problem.status
