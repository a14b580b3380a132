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
_CANNOT = (AuthenticationError, PermissionDeniedError, NotFoundError, InvalidAnswerError)
_BEYOND_UNAVAILABLE = (ContextTooLongError, PluginError)


def cannot_now(error: Exception) -> bool:
    """Whether an error may pass on its own: it says "this provider cannot now"."""
    return isinstance(error, _CANNOT_NOW)


def cannot(error: Exception) -> bool:
    """Whether an error says "this provider cannot": key, permission, unknown model, or a page instead of an answer.

    It will not pass on its own, and says nothing of the request: the next member of a chain may well answer.
    """
    return isinstance(error, _CANNOT) and not getattr(error, "unsettled", False)


def verdict(error: CallError | PluginError, fallback_on: FallbackOn) -> Verdict:
    """What an error of one member means.

    `again` also lets the chain move on meanwhile. A request whose outcome is open (`unsettled`) is never sent again to
    the same member, and to the next one only where the policy reaches beyond `unavailable`: it could be paid twice.
    """
    if isinstance(error, DeadlineExceededError):
        return "end"
    if cannot_now(error) and not getattr(error, "unsettled", False):
        return "again"
    return "move_on" if _is_for_the_next(error, fallback_on) else "end"


def _is_for_the_next(error: CallError | PluginError, fallback_on: FallbackOn) -> bool:
    """Whether the next member is asked after an error that nobody waits for."""
    if isinstance(error, UnsupportedInputError) or cannot(error):
        return True  # nothing was sent, or it is a limit of this model or provider
    if cannot_now(error):  # its outcome is open
        return fallback_on != "unavailable"
    return fallback_on == "any" or (fallback_on == "provider" and isinstance(error, (*_CANNOT, *_BEYOND_UNAVAILABLE)))
