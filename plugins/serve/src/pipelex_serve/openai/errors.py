"""Errors in OpenAI's form: https://platform.openai.com/docs/guides/error-codes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pipelex_serve.problems import Problem

_TYPES = {401: "authentication_error", 403: "permission_error", 404: "invalid_request_error", 429: "rate_limit_error"}


def error_body(problem: Problem) -> dict[str, Any]:
    """The body of an answer, and of an event in a stream."""
    kind = _TYPES.get(problem.status, "invalid_request_error" if problem.status < 500 else "server_error")
    if problem.code == "insufficient_quota":
        kind = "insufficient_quota"
    return {"error": {"message": problem.message, "type": kind, "param": problem.param, "code": problem.code}}
