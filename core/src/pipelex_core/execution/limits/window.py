"""A cap for each minute: what was let through in the last sixty seconds, wherever these sixty seconds begin."""

from __future__ import annotations

from collections import deque

from attrs import define, field

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

        More than the cap fits when nothing else counts: an estimate is no reason to wait for ever.
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
