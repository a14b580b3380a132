"""Which errors let a chain move on to its next member."""

from __future__ import annotations

from pipelex_core.errors import (
    CallError,
    OverloadedError,
    ProviderConnectionError,
    RateLimitError,
    ServerError,
    UnsupportedInputError,
)

_CANNOT_NOW: tuple[type[CallError], ...] = (RateLimitError, OverloadedError, ServerError, ProviderConnectionError)


def moves_on(error: CallError) -> bool:
    """Whether the next member is tried: this provider cannot now, or this model does not take the input."""
    return isinstance(error, (*_CANNOT_NOW, UnsupportedInputError))
