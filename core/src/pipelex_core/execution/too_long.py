"""A refused request that is longer than its model's context, where the provider has no code that says so."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pipelex_core.errors import BadRequestError, ContextTooLongError

if TYPE_CHECKING:
    from pipelex_core.errors import CallError
    from pipelex_core.execution.attempts import Attempting

_STATUSES = frozenset({400, 413, 422})


def told_by_size(error: CallError, attempting: Attempting) -> CallError:
    """The error; of a bad request that likely has as many tokens as its model's `context_window`, a `ContextTooLongError`.

    Anthropic, Google and Bedrock answer such a request as any other bad one. Their words are not searched: the status and
    the size of the request tell.
    """
    request, window = attempting.request, attempting.spec.context_window
    if (
        request is None
        or window is None
        or type(error) is not BadRequestError
        or error.status not in _STATUSES
        or error.partial_text
    ):
        return error
    tokens = attempting.capability.expect(request).input_tokens
    if tokens is None or tokens.likely < window:
        return error
    made = ContextTooLongError(
        error.message,
        status=error.status,
        request_id=error.request_id,
        retry_after=error.retry_after,
        raw=error.raw,
        unsettled=error.unsettled,
        usage=error.usage,
    )
    made.__cause__ = error.__cause__
    return made
