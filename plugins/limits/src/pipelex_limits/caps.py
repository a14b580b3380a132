"""The caps of one table of the configuration, a backend's or a model's, and what counts against them now.

A cap for each minute counts what was let through in the last sixty seconds, wherever these sixty seconds begin.
"""

from __future__ import annotations

import math
from collections import deque
from typing import TYPE_CHECKING

from attrs import define, field

if TYPE_CHECKING:
    from pipelex_core.specs import Limits


MINUTE = 60.0
SLOTS = 600
"""Parts of a window: what is let through in one of them is kept as one number, so that memory does not grow."""


@define(eq=False)
class Slot:
    """What was let through in one part of a window.

    Attributes:
        ends: When it counts no longer.
        amount: How much it was.
        open: The part of it that is only reserved, and may turn out to be less.
        counts: Whether it still counts.
    """

    ends: float
    amount: int = 0
    open: int = 0
    counts: bool = True


@define(eq=False)
class Window:
    """A sum over the last `length` seconds that stays within a cap. Not thread-safe: its gate is.

    Attributes:
        cap: The most that is let through.
        length: Seconds.
        used: What counts now; above the cap only where a request used more than it had reserved.
        open: The part of it that is only reserved.
    """

    cap: int
    length: float = MINUTE
    used: int = 0
    open: int = 0
    _slots: deque[Slot] = field(factory=deque)

    def fits(self, amount: int, now: float) -> bool:
        """Whether an amount fits now; more than the cap fits when nothing else counts."""
        if self._slots and self._slots[0].ends <= now:
            self._expire(now)
        return self.used + min(amount, self.cap) <= self.cap

    def wait(self, amount: int, now: float) -> float:
        """Seconds until an amount fits, if nothing else is let through before; 0 where it fits now.

        More than the cap fits when nothing else counts: an estimate never makes a call wait for ever.
        """
        self._expire(now)
        over = self.used + min(amount, self.cap) - self.cap
        return self._until_free(over, now) if over > 0 else 0.0

    def least_wait(self, ahead: int, amount: int, now: float) -> float:
        """The same behind others who wait for `ahead` together, and if what is reserved now turns out to be nothing.

        A lower bound, because no minute lets more through than the cap.
        """
        self._expire(now)
        full, rest = divmod(max(ahead + min(amount, self.cap), 1) - 1, self.cap)
        over = self.used - self.open + rest + 1 - self.cap
        return (self._until_free(over, now, open_too=False) if over > 0 else 0.0) + full * self.length

    def take(self, amount: int, now: float, *, reserve: bool = False) -> Slot:
        """Let an amount through that fits; to be settled with the slot that is returned where it was only reserved."""
        slots = self._slots
        if not slots or now + self.length >= slots[-1].ends:
            slots.append(Slot(now + self.length / SLOTS + self.length))
        slot = slots[-1]
        slot.amount += amount
        self.used += amount
        if reserve:
            slot.open += amount
            self.open += amount
        return slot

    def settle(self, slot: Slot, reserved: int, used: int) -> None:
        """What was reserved turned out to be so much."""
        if slot.counts:
            slot.open -= reserved
            self.open -= reserved
            self.give_back(slot, reserved - used)

    def give_back(self, slot: Slot, amount: int) -> None:
        """So much of what was let through was not used."""
        if slot.counts:
            slot.amount -= amount
            self.used -= amount

    def _until_free(self, over: int, now: float, *, open_too: bool = True) -> float:
        freed = 0
        for slot in self._slots:
            freed += slot.amount if open_too else slot.amount - slot.open
            if freed >= over:
                return slot.ends - now
        return 0.0

    def _expire(self, now: float) -> None:
        slots = self._slots
        while slots and slots[0].ends <= now:
            gone = slots.popleft()
            gone.counts = False
            self.used -= gone.amount
            self.open -= gone.open


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
        """A request has ended; `used` tokens, or None where that is unknown and the reservation is kept."""
        self.running -= 1
        if not sent and taken.requests is not None and self._requests is not None:
            self._requests.give_back(taken.requests, 1)
        if taken.tokens is not None and self._tokens is not None:
            known = taken.reserved if used is None else used
            self._tokens.settle(taken.tokens, taken.reserved, known if sent else 0)

    def forget_running(self) -> None:
        """In a forked child: the requests under way are the parent's."""
        self.running = 0
