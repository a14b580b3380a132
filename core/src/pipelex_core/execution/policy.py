"""What an error means for the rest of a call: ask the same member again, move on to the next, or end."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from pipelex_core.errors import (
    AuthenticationError,
    CallError,
    ContextTooLongError,
    DeadlineExceededError,
    InvalidAnswerError,
    NotFoundError,
    OverloadedError,
    PermissionDeniedError,
    PluginError,
    ProviderConnectionError,
    RateLimitError,
    ServerError,
    UnsupportedInputError,
)

if TYPE_CHECKING:
    from pipelex_core.policies import FallbackOn

Verdict = Literal["again", "move_on", "end"]

_CANNOT_NOW = (RateLimitError, OverloadedError, ServerError, ProviderConnectionError)
_ITS_OWN = (
    AuthenticationError,
    PermissionDeniedError,
    NotFoundError,
    ContextTooLongError,
    InvalidAnswerError,
    PluginError,
)


def cannot_now(error: Exception) -> bool:
    """Whether an error may pass on its own: it says "this provider cannot now"."""
    return isinstance(error, _CANNOT_NOW)


def verdict(error: CallError | PluginError, fallback_on: FallbackOn) -> Verdict:
    """What an error of one member means.

    `again` also lets the chain move on meanwhile. A request whose outcome is open (`unsettled`) is never sent again to
    the same member, and to the next one only where the policy reaches beyond `unavailable`: it could be paid twice.
    """
    if isinstance(error, UnsupportedInputError):
        return "move_on"  # nothing was sent, or it is a limit of this model
    if isinstance(error, DeadlineExceededError):
        return "end"
    if cannot_now(error):
        if not getattr(error, "unsettled", False):
            return "again"
        return "end" if fallback_on == "unavailable" else "move_on"
    if fallback_on == "any" or (fallback_on == "provider" and isinstance(error, _ITS_OWN)):
        return "move_on"
    return "end"
