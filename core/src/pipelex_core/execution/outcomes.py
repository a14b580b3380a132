"""What an attempt that ended without an answer has used: nothing, where the provider turned it away."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from pipelex_core.errors import CallError, IdleTimeoutError, ProviderConnectionError, UnsupportedInputError

if TYPE_CHECKING:
    from pipelex_core.results import Cost, Usage


class Sent(Protocol):
    """What is known of an attempt's request and of what came of it: `execution.attempts.Attempting`."""

    sent: bool
    text: list[str]
    usage: Usage | None

    @property
    def may_be_taken(self) -> bool:
        """Whether the provider may have taken the request."""

    @property
    def cost(self) -> Cost | None:
        """What the provider reported costs; None where that is unknown."""


def was_turned_away(attempting: Sent, error: BaseException | None) -> bool:
    """Whether an attempt is sure to have used nothing: not sent, not taken, or answered with an error's status.

    Not sure is what was cancelled, what broke off, what may have been taken all the same (`unsettled`), and an answer that
    is none: the work may have been done.
    """
    if not attempting.sent:
        return True
    if not isinstance(error, CallError) or error.unsettled or attempting.text or attempting.usage is not None:
        return False
    if isinstance(error, IdleTimeoutError):
        return False  # it may be at work
    if isinstance(error, ProviderConnectionError) and error.status is None:
        return not attempting.may_be_taken
    if isinstance(error, (ProviderConnectionError, UnsupportedInputError)):
        return True
    return error.status is not None and error.status >= 400
