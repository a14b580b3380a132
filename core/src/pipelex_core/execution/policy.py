"""What an error means for the rest of a call: ask the same member again, and when; move on to the next; or end."""

from __future__ import annotations

from random import random
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
    from collections.abc import Callable

    from pipelex_core.policies import FallbackOn, RetryPolicy

Verdict = Literal["again", "move_on", "end"]

_SPREAD = 0.1
"""How much later than the provider asks for, at most, as a share: so that callers do not all come back at once."""

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


def wait_before(
    retry: int, policy: RetryPolicy, retry_after: float | None, chance: Callable[[], float] = random
) -> tuple[float, str] | None:
    """Seconds to wait before a retry, counted from 1, and why; None where the member is not asked again.

    The back-off is exponential with full jitter: anything from nothing to twice the one before.

    Args:
        retry: Which retry it would be.
        policy: The member's.
        retry_after: Seconds that the provider asks for, or None.
        chance: A random number from 0 to 1.
    """
    if retry > policy.retries:
        return None
    if retry_after is not None:
        if retry_after > policy.longest_retry_after:
            return None
        return retry_after * (1 + _SPREAD * chance()), "retry-after"
    longest = min(policy.longest_wait, policy.initial_wait * 2.0 ** min(retry - 1, 60))
    return longest * chance(), "back-off"
