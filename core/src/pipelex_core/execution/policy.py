"""Which errors let a chain move on to its next member."""

from __future__ import annotations

from pipelex_core.errors import CallError, OverloadedError, ProviderConnectionError, RateLimitError, ServerError

_CANNOT_NOW: tuple[type[CallError], ...] = (RateLimitError, OverloadedError, ServerError, ProviderConnectionError)


def moves_on(error: CallError) -> bool:
    """Whether an error says "this provider cannot now", rather than "this request is wrong"."""
    return isinstance(error, _CANNOT_NOW)
