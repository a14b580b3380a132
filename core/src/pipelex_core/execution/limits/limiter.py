"""The limits of one client: an admission that lets a request through its backend's gate, or says at once that it will not do.

Who waits, and who does not:
- A request waits as long as its deadline allows. Where the wait is known to be longer, it fails at once with
  `LimitReachedError`, whose `retry_after` is the least it would have waited.
- In a chain, a request waits a second at most while there is another member to ask: then the chain moves on.
"""

from __future__ import annotations

import asyncio
import math
import os
import time
import weakref
from typing import TYPE_CHECKING

from pipelex_core.errors import LimitReachedError
from pipelex_core.execution.limits.gate import Gate
from pipelex_core.execution.outcomes import was_turned_away
from pipelex_core.expectations import expect

if TYPE_CHECKING:
    from types import TracebackType

    from pipelex_core.deck import ModelDeck
    from pipelex_core.execution.attempts import Attempting
    from pipelex_core.execution.limits.gate import Passage
    from pipelex_core.specs import Limits

PATIENCE = 1.0
"""Seconds to wait for a member of a chain that has another one after it."""

_SHORTEST = 0.001
"""Seconds; a shorter wait is not worth a word in the ledger."""

_LIMITERS: weakref.WeakSet[Limiter] = weakref.WeakSet()
"""Those that a fork has to be told of."""


class Limiter:
    """The gates of a client's backends, shared by all its event loops and threads."""

    def __init__(self, gates: dict[str, Gate]) -> None:
        self._gates = gates
        _LIMITERS.add(self)

    def __call__(self, attempting: Attempting) -> Admitted | None:
        """What lets this attempt in, as `async with` wants it; None where nothing limits its backend."""
        gate = self._gates.get(attempting.spec.backend)
        return None if gate is None else Admitted(gate, attempting)

    def forked(self) -> None:
        """In a forked child."""
        for gate in self._gates.values():
            gate.forked()


def limiter_of(deck: ModelDeck) -> Limiter:
    """The limits of a deck's backends and models."""
    models: dict[str, dict[str, Limits]] = {}
    for entry in deck.models.values():
        if entry.spec is not None and entry.spec.limits is not None:
            models.setdefault(entry.spec.backend, {})[entry.spec.name] = entry.spec.limits
    limited = {name: config.limits for name, config in deck.backends.items() if config.limits or name in models}
    return Limiter({name: Gate(name, limits, models.get(name, {})) for name, limits in limited.items()})


class Admitted:
    """One attempt between its gate's entrance and its exit."""

    def __init__(self, gate: Gate, attempting: Attempting) -> None:
        self._gate = gate
        self._attempting = attempting
        self._passage: Passage | None = None

    async def __aenter__(self) -> None:
        attempting, gate = self._attempting, self._gate
        model = attempting.spec.name
        tokens = 0
        if gate.counts_tokens(model) and attempting.request is not None:
            tokens = expect(attempting.request).tokens
        self._passage = gate.enter_now(model, tokens)
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
        if least > min(longest, self._patience):
            raise _too_long(least, reason, longest)
        started = time.monotonic()
        try:
            if self._patience == math.inf:
                return await self._gate.enter(model, tokens)
            async with asyncio.timeout(self._patience) as clock:
                return await self._gate.enter(model, tokens)
        except TimeoutError:
            if not clock.expired():
                raise
            least, reason = self._gate.least_wait(model, tokens)
            raise _too_long(least, reason, longest) from None
        finally:
            seconds = time.monotonic() - started
            if seconds >= _SHORTEST:
                attempting.waited(seconds, reason)

    @property
    def _patience(self) -> float:
        return PATIENCE if self._attempting.others_left else math.inf


def tokens_used(attempting: Attempting, error: BaseException | None) -> int | None:
    """The tokens an attempt used; none where the provider refused it, None where nobody knows."""
    usage = attempting.usage
    if usage is not None and usage.input_tokens is not None and usage.output_tokens is not None:
        return usage.input_tokens + usage.output_tokens
    return 0 if was_turned_away(attempting, error) else None


def _too_long(least: float, reason: str, longest: float) -> LimitReachedError:
    what = f"{reason} is full"
    if least > longest:
        what += f" for {least:.3g} s at least, longer than the {max(longest, 0):.3g} s this call has left"
    return LimitReachedError(f"{what}; nothing was sent", retry_after=round(least, 3) or None)


def _forked() -> None:
    for limiter in list(_LIMITERS):
        limiter.forked()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forked)
