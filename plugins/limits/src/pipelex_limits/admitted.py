"""One attempt between a gate's entrance and its exit; and how long it is worth to wait there.

Who waits, and who does not:
- A request waits as long as its deadline allows. Where the wait is known to be longer, it fails at once with
  `LimitReachedError`, whose `retry_after` is the least it would have waited.
- In a chain, a request waits a second at most while there is another member to ask: then the chain moves on.
"""

from __future__ import annotations

import asyncio
import math
import time
from typing import TYPE_CHECKING

from pipelex_core.errors import LimitReachedError

if TYPE_CHECKING:
    from types import TracebackType

    from pipelex_core.execution.attempts import Attempting
    from pipelex_limits.gate import Gate, Passage

PATIENCE = 1.0
"""Seconds to wait for a member of a chain that has another one after it."""

_SHORTEST = 0.001
"""Seconds; a shorter wait is not worth a word in the ledger."""


class Admitted:
    """One attempt at a gate of this process."""

    def __init__(self, gate: Gate, attempting: Attempting) -> None:
        self._gate = gate
        self._attempting = attempting
        self._passage: Passage | None = None

    async def __aenter__(self) -> None:
        model, tokens = self._attempting.spec.name, reserve(self._gate, self._attempting)
        self._passage = self._gate.enter_now(model, tokens)
        if self._passage is None:
            self._passage = await self._wait(model, tokens)

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if self._passage is not None:
            attempting = self._attempting
            self._gate.leave(self._passage, tokens_used(attempting, error), sent=attempting.sent)

    async def _wait(self, model: str, tokens: int) -> Passage:
        attempting = self._attempting
        least, reason = self._gate.least_wait(model, tokens)
        longest = math.inf if attempting.ends_at is None else attempting.ends_at - time.monotonic()
        most = patience(attempting)
        if least > min(longest, most):
            raise too_long(least, reason, longest)
        started = time.monotonic()
        try:
            if most == math.inf:
                return await self._gate.enter(model, tokens)
            async with asyncio.timeout(most) as clock:
                return await self._gate.enter(model, tokens)
        except TimeoutError:
            if not clock.expired():
                raise
            least, reason = self._gate.least_wait(model, tokens)
            raise too_long(least, reason, longest) from None
        finally:
            seconds = time.monotonic() - started
            if seconds >= _SHORTEST:
                attempting.waited(seconds, reason)


def patience(attempting: Attempting) -> float:
    """Seconds that an attempt waits at a gate, at most."""
    return PATIENCE if attempting.has_others else math.inf


def reserve(gate: Gate, attempting: Attempting) -> int:
    """The tokens to reserve for an attempt; 0 where nobody counts them."""
    if attempting.request is None or not gate.counts_tokens(attempting.spec.name):
        return 0
    return attempting.capability.expect(attempting.request).tokens


def tokens_used(attempting: Attempting, error: BaseException | None) -> int | None:
    """The tokens an attempt used; none where the provider refused it, None where nobody knows."""
    usage = attempting.usage
    if usage is not None and usage.input_tokens is not None and usage.output_tokens is not None:
        return usage.input_tokens + usage.output_tokens
    return 0 if attempting.was_turned_away(error) else None


def too_long(least: float, reason: str, longest: float) -> LimitReachedError:
    """The error of a request that is not worth waiting for."""
    what = f"{reason} is full"
    if least > longest:
        what += f" for {least:.3g} s at least, longer than the {max(longest, 0):.3g} s this call has left"
    return LimitReachedError(f"{what}; nothing was sent", retry_after=round(least, 3) or None)
