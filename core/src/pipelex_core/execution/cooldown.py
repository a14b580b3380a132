"""Members that keep failing rest for a while: shared by all calls of a client, over its threads and event loops.

What is known of a member is kept only while it fails, so that a healthy call looks at an empty mapping, and nothing
grows with the number of calls. No connection is a matter of the whole backend, any other failure of one model.
"""

from __future__ import annotations

import time
from threading import Lock
from typing import TYPE_CHECKING

from attrs import define

from pipelex_core.errors import ProviderConnectionError
from pipelex_core.policies import COOLDOWN, CooldownPolicy
from pipelex_core.runtime.forks import after_fork

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from pipelex_core.specs import ModelSpec

LONGEST_REST = 300.0
"""Most seconds of one rest, whatever the provider asks for; after it one call tries."""

_Key = tuple[str, str | None]


@define
class _Failing:
    """What is known of a member, or of a whole backend, that fails.

    Attributes:
        error: Name of the last error's class.
        count: Failures in a row.
        until: When its rest is over (of the clock), or None where it does not rest yet. A call that tries whether it
            answers again puts this off, so that the others go on without it.
    """

    error: str
    count: int = 0
    until: float | None = None


class Cooldowns:
    """The rests of one client's members.

    Attributes:
        failing: What is known of those that fail; empty where all is well.
    """

    def __init__(
        self, policies: Mapping[str, CooldownPolicy] | None = None, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._policies = policies or {}
        self._clock = clock
        self.failing: dict[_Key, _Failing] = {}
        self._lock = Lock()
        after_fork(self)

    def rest_of(self, spec: ModelSpec) -> float:
        """Seconds a member still rests; 0 where it may be asked."""
        if not self.failing:
            return 0.0
        with self._lock:
            now = self._clock()
            return max((_rest(failing, now) for _, failing in self._about(spec)), default=0.0)

    def reason_of(self, spec: ModelSpec) -> str | None:
        """The class of the error that a member rests for."""
        with self._lock:
            resting = [failing for _, failing in self._about(spec) if failing.until is not None]
            return resting[0].error if resting else None

    def enter(self, spec: ModelSpec) -> bool:
        """A call is about to ask a member that does not rest; False where another call tries first whether it answers."""
        if not self.failing:
            return True
        with self._lock:
            rested = [failing for _, failing in self._about(spec) if failing.until is not None]
            now = self._clock()
            if any(_rest(failing, now) > 0 for failing in rested):
                return False
            for failing in rested:
                failing.until = now + self._policy(spec).seconds
            return True

    def succeeded(self, spec: ModelSpec) -> None:
        """A member answered."""
        if self.failing:
            with self._lock:
                for key, _ in list(self._about(spec)):
                    del self.failing[key]

    def failed(self, spec: ModelSpec, error: Exception) -> None:
        """A member could not answer."""
        policy = self._policy(spec)
        if policy.failures <= 0:
            return
        whole: _Key = (spec.backend, None)
        key = whole if isinstance(error, ProviderConnectionError) else (spec.backend, spec.name)
        wanted = getattr(error, "retry_after", None)
        with self._lock:
            now = self._clock()
            if key != whole:
                self.failing.pop(whole, None)  # it was reached
            failing = self.failing.setdefault(key, _Failing(type(error).__name__))
            failing.error = type(error).__name__
            failing.count += 1
            rest = policy.seconds if failing.count >= policy.failures or failing.until is not None else 0.0
            rest = min(max(rest, wanted or 0.0), LONGEST_REST)
            if rest > 0:
                failing.until = now + rest

    def abandon(self, spec: ModelSpec) -> None:
        """A call that asked a member ended without a word on whether it can answer."""
        if self.failing:
            with self._lock:
                for _, failing in self._about(spec):
                    if failing.until is not None:
                        failing.until = min(failing.until, self._clock())

    def forked(self) -> None:
        """In a forked child: the lock may have been held by a thread that is not here."""
        self._lock = Lock()

    def _policy(self, spec: ModelSpec) -> CooldownPolicy:
        return self._policies.get(spec.backend, COOLDOWN)

    def _about(self, spec: ModelSpec) -> Iterator[tuple[_Key, _Failing]]:
        for key in ((spec.backend, spec.name), (spec.backend, None)):
            failing = self.failing.get(key)
            if failing is not None:
                yield key, failing


def _rest(failing: _Failing, now: float) -> float:
    """Seconds it still rests."""
    return 0.0 if failing.until is None else max(0.0, failing.until - now)
