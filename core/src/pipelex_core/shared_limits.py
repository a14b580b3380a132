"""What a plugin provides where processes share their limits: see `pipelex_core.hookspecs.pipelex_limiter`."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Any

from attrs import field, frozen

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pipelex_core.specs import Limits

CAPS = ("max_concurrency", "requests_per_minute", "tokens_per_minute")
"""The caps of `Limits`, in the order in which they are looked at."""


class Unreachable(Exception):  # noqa: N818 -- not an error for callers: they go on with the limits of their process
    """Where limits are shared cannot be reached now; raised from the error that says why."""


@frozen(kw_only=True)
class LimitedRequest:
    """A request to a provider that asks for its place within shared limits.

    Attributes:
        id: Its own, in all processes.
        backend: The backend it goes to: the same name means the same limits.
        model: The model, where that has limits of its own and so a queue of its own; else empty.
        limits: The limits it falls under: those of the `backend`, those of the `model`; only what is configured.
        tokens: Tokens to reserve.
        window: Seconds over which requests and tokens are counted.
    """

    id: str
    backend: str
    model: str = ""
    limits: Mapping[str, Limits] = field(factory=dict)
    tokens: int = 0
    window: float = 60.0


@frozen(kw_only=True)
class Entered:
    """The request may be sent.

    Attributes:
        place: Whatever the plugin needs to give the place back.
    """

    place: Any = None


@frozen(kw_only=True)
class Full:
    """The request has to wait.

    Attributes:
        wait: The least number of seconds, where that is known; else None.
        whose: What is full: a key of `LimitedRequest.limits`, or None where the request waits behind others.
        cap: Which of the caps, such as `max_concurrency`; None as above.
    """

    wait: float | None = None
    whose: str | None = None
    cap: str | None = None


class SharedLimits(ABC):
    """Limits that are counted in one place for several processes.

    One object serves all event loops and threads of a client. Core asks it for one request of a queue at a time, again and
    again until that may be sent, and keeps to the limits of its own process while the place cannot be reached. Nothing
    is opened before the first request.
    """

    @abstractmethod
    async def enter(self, request: LimitedRequest) -> Entered | Full:
        """Ask for a place; it takes a second or two at most. Core cancels it after ten, and when the caller gives up.

        Raises:
            Unreachable: The place where limits are shared cannot be reached.
        """

    @abstractmethod
    def leave(self, request: LimitedRequest, entered: Entered | None, *, sent: bool, tokens: int | None) -> None:
        """Give back, in the running loop, without waiting for it.

        Args:
            request: The request.
            entered: Its place; None where it gives up before it has one.
            sent: Whether it was sent: otherwise it does not count in `requests_per_minute`.
            tokens: The tokens it used; None where that is unknown, and the reservation counts.
        """

    async def close(self) -> None:  # noqa: B027 -- not every plugin has something to close
        """Close what was opened in the running loop."""
