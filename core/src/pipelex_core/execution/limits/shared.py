"""The limits of a backend where several processes share them: in this process first come first, then on the server.

Only the first of each queue of this process asks the server, which lets those of all processes through in the order they
came to it. Where the server cannot be reached, each process keeps to the same limits by itself, and a warning says so.
"""

from __future__ import annotations

import asyncio
import math
import time
from typing import TYPE_CHECKING
from uuid import uuid4

from pipelex_core.execution.limits.admitted import Admitted, patience, reserve, tokens_used, too_long
from pipelex_core.execution.limits.gate import Gate
from pipelex_core.execution.limits.server import LEASE, STALE, Unreachable
from pipelex_core.execution.limits.window import MINUTE
from pipelex_core.specs import Limits

if TYPE_CHECKING:
    from collections.abc import Mapping
    from types import TracebackType

    from pipelex_core.execution.attempts import Attempting
    from pipelex_core.execution.limits.server import LimitsServer

_ONE = Limits(max_concurrency=1)
_OTHERS = ""
_CAPS = ("max_concurrency", "requests_per_minute", "tokens_per_minute")
_REQUESTS = 1 + _CAPS.index("requests_per_minute")
_SHORTEST, _LONGEST = 0.005, 0.1
"""Seconds between two questions whether it is one's turn."""


class SharedGate:
    """One backend's limits on a server."""

    def __init__(
        self,
        name: str,
        limits: Limits | None,
        models: Mapping[str, Limits],
        server: LimitsServer,
        *,
        length: float = MINUTE,
    ) -> None:
        self.local = Gate(name, limits, models, length=length)
        self.turns = Gate(name, None, {_OTHERS: _ONE, **dict.fromkeys(models, _ONE)})
        self.server = server
        self.full: dict[str, tuple[float, str]] = {}
        """Queue -> when a request fits again, as the server told its first, and what is full."""
        self.window = int(length * 1000)
        self._name = name
        self._limits = limits
        self._models = models

    def admit(self, attempting: Attempting) -> SharedAdmitted:
        """What lets an attempt in."""
        return SharedAdmitted(self, attempting)

    def forked(self) -> None:
        """In a forked child."""
        self.local.forked()
        self.turns.forked()

    def queue(self, model: str) -> str:
        """The queue of a model: its own where it has limits."""
        return model if model in self._models else _OTHERS

    def tables(self, model: str) -> list[tuple[str, Limits]]:
        """Whose limits a request of a model falls under, and what they are."""
        found = [] if self._limits is None else [(f"backend '{self._name}'", self._limits)]
        return found + ([(f"model '{model}'", self._models[model])] if model in self._models else [])

    def keys(self, model: str) -> list[str]:
        """The keys on the server, as `scripts.py` wants them; one hash tag, so that a cluster has them in one place."""
        prefix, queue = f"pipelex:limits:{{{self._name}}}", self.queue(model)
        owners = ([] if self._limits is None else ["backend"]) + ([f"model:{model}"] if queue else [])
        kinds = ("running", "requests", "tokens")
        queues = [f"{prefix}:{kind}:{queue}" for kind in ("waiting", "beats")]
        return queues + [f"{prefix}:{owner}:{kind}" for owner in owners for kind in kinds]


class SharedAdmitted:
    """One attempt between its entrance and its exit."""

    def __init__(self, gate: SharedGate, attempting: Attempting) -> None:
        self._gate = gate
        self._attempting = attempting
        self._id = uuid4().hex
        self._model = attempting.spec.name
        self._keys = gate.keys(self._model)
        self._tokens = 0
        self._second: int | None = None
        self._local: Admitted | None = None

    async def __aenter__(self) -> None:
        gate = self._gate
        if not gate.server.is_down:
            self._tokens = reserve(gate.local, self._attempting)
            try:
                await self._enter()
            except Unreachable:
                pass
            else:
                return
        self._local = Admitted(gate.local, self._attempting)
        await self._local.__aenter__()

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if self._local is not None:
            await self._local.__aexit__(kind, error, traceback)
        elif self._second is not None:
            used, sent = tokens_used(self._attempting, error), self._attempting.sent
            kept = 0 if not sent else self._tokens if used is None else used
            self._leave(0 if sent else -1, kept - self._tokens)

    async def _enter(self) -> None:
        """Wait for the turn in this process, then for the server's leave."""
        gate, attempting = self._gate, self._attempting
        started, most = time.monotonic(), patience(attempting)
        until = min(started + most, math.inf if attempting.ends_at is None else attempting.ends_at)
        reasons: list[str] = []
        queue = gate.queue(self._model)
        try:
            async with asyncio.timeout(None if most == math.inf else most) as clock:
                turn = gate.turns.enter_now(queue, 0)
                if turn is None:
                    full_until, reason = gate.full.get(queue, (0.0, ""))
                    self._check(full_until - time.monotonic(), until, [reason])
                    turn = await gate.turns.enter(queue, 0)
                try:
                    await self._ask(until, reasons)
                finally:
                    gate.turns.leave(turn, 0)
        except TimeoutError:
            if not clock.expired():
                raise
            raise too_long(0.0, self._reason(reasons), most) from None
        finally:
            seconds = time.monotonic() - started
            if reasons or seconds > _SHORTEST:
                attempting.waited(seconds, self._reason(reasons))

    async def _ask(self, until: float, reasons: list[str]) -> None:
        """Ask the server until it gives leave; what it was asked for is forgotten where that is given up."""
        gate, queue = self._gate, self._gate.queue(self._model)
        tables = gate.tables(self._model)
        caps = [-1 if (cap := getattr(limits, name)) is None else cap for _, limits in tables for name in _CAPS]
        arguments = [self._id, self._tokens, gate.window, int(LEASE * 1000), int(STALE * 1000), *caps]
        pause = _SHORTEST
        try:
            while True:
                passed, wait, at, found = await gate.server.enter(self._keys, arguments)
                if passed:
                    self._second = found
                    gate.full.pop(queue, None)
                    break
                if at:
                    reasons[:] = [f"{_CAPS[found - 1]} of {tables[at - 1][0]}"]
                if found == _REQUESTS:
                    gate.full[queue] = time.monotonic() + max(wait, 0) / 1000, reasons[0]
                self._check(max(wait, 0) / 1000, until, reasons)
                await asyncio.sleep(pause)
                pause = min(2 * pause, _LONGEST)
            capped = [limits.max_concurrency is not None for _, limits in tables]
            if any(capped):
                await gate.server.hold(
                    self._id, [key for key, held in zip(self._keys[2::3], capped, strict=True) if held]
                )
        except Unreachable:
            raise
        except BaseException:
            self._leave(-1, -self._tokens)
            raise

    def _check(self, least: float, until: float, reasons: list[str]) -> None:
        left = until - time.monotonic()
        if least > max(left, 0.0):
            raise too_long(least, self._reason(reasons), left)

    def _leave(self, requests: int, tokens: int) -> None:
        second = -1 if self._second is None else self._second
        self._gate.server.leave(self._id, self._keys, [self._id, second, requests, tokens, self._tokens])

    def _reason(self, reasons: list[str]) -> str:
        return reasons[0] if reasons else f"the shared limits of backend '{self._attempting.spec.backend}'"
