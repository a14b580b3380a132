"""The caps of one table of the configuration, a backend's or a model's, and what counts against them now."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from attrs import define, field

from pipelex_core.execution.limits.window import MINUTE, Window

if TYPE_CHECKING:
    from pipelex_core.execution.limits.window import Slot
    from pipelex_core.specs import Limits


@define(eq=False)
class Taken:
    """What one request holds of the caps of one table."""

    caps: Caps
    requests: Slot | None
    tokens: Slot | None
    reserved: int


@define(eq=False)
class Caps:
    """Three caps, each of which may be missing. Not thread-safe: its gate is.

    Attributes:
        whose: Whom they belong to, such as `backend 'openai'`.
        limits: What was configured.
        length: Seconds of the window.
        running: How many requests are under way.
    """

    whose: str
    limits: Limits
    length: float = MINUTE
    running: int = 0
    _requests: Window | None = field(init=False)
    _tokens: Window | None = field(init=False)

    @_requests.default
    def _make_requests(self) -> Window | None:
        cap = self.limits.requests_per_minute
        return None if cap is None else Window(cap, self.length)

    @_tokens.default
    def _make_tokens(self) -> Window | None:
        cap = self.limits.tokens_per_minute
        return None if cap is None else Window(cap, self.length)

    def fits(self, tokens: int, now: float) -> bool:
        """Whether a request fits now."""
        cap = self.limits.max_concurrency
        return (
            (cap is None or self.running < cap)
            and (self._requests is None or self._requests.fits(1, now))
            and (self._tokens is None or self._tokens.fits(tokens, now))
        )

    def wait(self, tokens: int, now: float) -> tuple[float, str]:
        """Seconds until a request fits and the cap it waits for; infinite where it waits for another one's end."""
        found, reason = 0.0, ""
        if self._requests is not None and (seconds := self._requests.wait(1, now)) > found:
            found, reason = seconds, "requests_per_minute"
        if self._tokens is not None and (seconds := self._tokens.wait(tokens, now)) > found:
            found, reason = seconds, "tokens_per_minute"
        cap = self.limits.max_concurrency
        if cap is not None and self.running >= cap:
            found, reason = math.inf, "max_concurrency"
        return found, reason and f"{reason} of {self.whose}"

    def least_wait(self, ahead: int, tokens: int, now: float) -> tuple[float, str]:
        """The least a request waits behind so many others, and for which cap; 0 where it only waits for others to end.

        Their tokens are reserved at most, so that they may turn out to be none.
        """
        found, reason = 0.0, ""
        if self._requests is not None and (seconds := self._requests.least_wait(ahead, 1, now)) > found:
            found, reason = seconds, "requests_per_minute"
        if self._tokens is not None and (seconds := self._tokens.least_wait(0, tokens, now)) > found:
            found, reason = seconds, "tokens_per_minute"
        return found, f"{reason} of {self.whose}" if reason else self.wait(tokens, now)[1]

    def take(self, tokens: int, now: float) -> Taken:
        """Let a request through."""
        self.running += 1
        requests = None if self._requests is None else self._requests.take(1, now)
        slot = None if self._tokens is None else self._tokens.take(tokens, now, reserve=True)
        return Taken(self, requests, slot, tokens)

    def give_back(self, taken: Taken, used: int | None, *, sent: bool) -> None:
        """A request has ended; `used` tokens, or None where that is unknown and the reservation stands."""
        self.running -= 1
        if not sent and taken.requests is not None and self._requests is not None:
            self._requests.give_back(taken.requests, 1)
        if taken.tokens is not None and self._tokens is not None:
            known = taken.reserved if used is None else used
            self._tokens.settle(taken.tokens, taken.reserved, known if sent else 0)

    def forget_running(self) -> None:
        """In a forked child: the requests under way are the parent's."""
        self.running = 0
