"""The two protocols, as far as every request needs them: the form of an error."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from attrs import frozen

from pipelex_serve.anthropic import errors as anthropic_errors
from pipelex_serve.openai import errors as openai_errors

if TYPE_CHECKING:
    from collections.abc import Callable

    from pipelex_serve.problems import Problem


@frozen(kw_only=True)
class Surface:
    """One protocol.

    Attributes:
        name: For the log and the metrics.
        error_body: The body of an error, of the request with this id.
        status_of: The status of an error.
    """

    name: str
    error_body: Callable[[Problem, str], dict[str, Any]]
    status_of: Callable[[Problem], int]


OPENAI = Surface(
    name="openai",
    error_body=lambda problem, _request_id: openai_errors.error_body(problem),
    status_of=lambda problem: problem.status,
)
ANTHROPIC = Surface(name="anthropic", error_body=anthropic_errors.error_body, status_of=anthropic_errors.status_of)
