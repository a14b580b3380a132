"""Whether a request may have been taken, and so be paid for, although no answer to it came; and how large one may be.

What tells is how far it got, which the shared connection pool writes down here, and who answered: the provider itself, or
something on the way to it. An image that may have been taken is not asked for again: it would be made and paid for twice.
"""

from __future__ import annotations

from contextvars import ContextVar
from typing import TYPE_CHECKING, Protocol

from attrs import define

from pipelex_core.errors import CallError, InvalidAnswerError, ProviderConnectionError
from pipelex_core.specs import MOST_ANSWER_BYTES

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

_FROM_BETWEEN = frozenset({499, 502, 504, 520, 522, 524})
"""Statuses with which a gateway says that it passed a request on, and knows no more; the last three are Cloudflare's."""


@define(eq=False)
class Sending:
    """How far the requests of one attempt got.

    Attributes:
        requests: How many the pool was asked to send.
        never_sent: How many of them found no connection.
        most: How many bytes an answer may have, decoded; of a stream, each of its events.
        most_key: The key of backends.toml that says so.
        fault: What the pool found wrong with an answer, whatever an SDK makes of it; or None.
    """

    requests: int = 0
    never_sent: int = 0
    most: int = MOST_ANSWER_BYTES
    most_key: str = "max_answer_bytes"
    fault: CallError | None = None

    @property
    def was_sent(self) -> bool:
        """Whether the pool sent a request, at least in part."""
        return self.requests > self.never_sent

    def too_large(self) -> str:
        """What is wrong with an answer that has more bytes, and what to do."""
        what = f"the answer has more than {self.most:,} bytes, decoded"
        return f"{what}: raise {self.most_key} of the backend in backends.toml, or ask for less"

    def may_be_taken(self, error: CallError) -> bool:
        """Whether the provider may have done the work all the same; so too where the pool knows nothing of the request."""
        if error.never_sent:
            return False
        if error.unsettled or error.status in _FROM_BETWEEN:
            return True
        if error.status is not None and error.status >= 400:
            return False  # it says no
        if not isinstance(error, (ProviderConnectionError, InvalidAnswerError)):
            return False
        return self.never_sent < max(self.requests, 1)


sending: ContextVar[Sending | None] = ContextVar("sending", default=None)
"""Where the pool writes that down; None where nobody asks."""


class SilenceClock(Protocol):
    """What hears every sign of life of a provider."""

    def sent(self) -> None:
        """A request begins."""

    def heard(self) -> None:
        """The provider gave a sign of life."""

    def answered(self) -> None:
        """A request has ended, well or not."""


silence: ContextVar[SilenceClock | None] = ContextVar("silence", default=None)
"""The clock that hears every sign of life of the provider that is being asked; the connection pool calls it."""


answers: ContextVar[Callable[[str, Mapping[str, str]], object]] = ContextVar(
    "answers", default=lambda _host, _headers: None
)
"""What hears the host and the headers of every answer, such as what they say of limits; the connection pool calls it."""
