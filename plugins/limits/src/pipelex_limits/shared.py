"""The limits of a backend where several processes share them: in this process first come first, then where they are shared.

Only the first of each queue of this process asks there, which lets those of all processes through in the order they came.
Where that place cannot be reached, each process keeps to the same limits by itself, and a warning says so.
"""

from __future__ import annotations

import asyncio
import logging
import math
import time
from typing import TYPE_CHECKING
from uuid import uuid4

from attrs import evolve

from pipelex_core.errors import PluginError
from pipelex_core.shared_limits import Entered, Full, LimitedRequest, SharedLimits, Unreachable
from pipelex_core.specs import Limits
from pipelex_limits.admitted import Admitted, patience, reserve, tokens_used, too_long
from pipelex_limits.caps import MINUTE
from pipelex_limits.gate import Gate

if TYPE_CHECKING:
    from collections.abc import Mapping
    from types import TracebackType

    from pipelex_core.execution.attempts import Attempting

_log = logging.getLogger("pipelex_core.execution")

DOWN = 10.0
"""Seconds for which a place that cannot be reached is left alone."""

_PATIENCE = 10.0
"""Seconds a plugin may take to say whether there is a place; its own patience is shorter."""

_ONE = Limits(max_concurrency=1)
_OTHERS = ""
_SHORTEST, _LONGEST = 0.005, 0.1
"""Seconds between two questions whether it is one's turn."""


class Sharing:
    """The place where limits are shared, and whether it can be reached; one for all backends of a client."""

    def __init__(self, limits: SharedLimits) -> None:
        self.limits = limits
        self._down_until = 0.0

    @property
    def is_down(self) -> bool:
        """Whether it was not reached a short while ago."""
        return time.monotonic() < self._down_until

    async def enter(self, request: LimitedRequest) -> Entered | Full:
        """Ask for a place.

        Raises:
            Unreachable: It cannot be reached: nobody waits for it again until it is asked anew, seconds later.
            PluginError: The plugin broke its contract.
        """
        if self.is_down:
            raise Unreachable
        try:
            async with asyncio.timeout(_PATIENCE) as clock:
                return await self.limits.enter(request)
        except Unreachable as error:
            self._went_down(type(error.__cause__ or error).__name__)
            raise
        except TimeoutError:
            if not clock.expired():
                raise
            self._went_down("TimeoutError")
            raise Unreachable from None
        except Exception as error:  # noqa: BLE001 -- whatever a plugin raises
            raise PluginError(
                f"the plugin that shares limits raised {type(error).__name__}"
            ) from None  # its text could hold the address

    def _went_down(self, why: str) -> None:
        if not self.is_down:
            _log.warning(
                "the server of limits_url cannot be used (%s): each process keeps to the limits by itself until it can",
                why,
            )
        self._down_until = time.monotonic() + DOWN


class SharedGate:
    """One backend's limits where they are shared."""

    def __init__(
        self,
        name: str,
        limits: Limits | None,
        models: Mapping[str, Limits],
        sharing: Sharing,
        *,
        length: float = MINUTE,
    ) -> None:
        self.local = Gate(name, limits, models, length=length)
        self.turns = Gate(name, None, {_OTHERS: _ONE, **dict.fromkeys(models, _ONE)})
        self.sharing = sharing
        self.full: dict[str, tuple[float, str]] = {}
        """Queue -> when a request fits again, as its first was answered, and what is full."""
        self._length = length
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

    def request(self, model: str) -> LimitedRequest:
        """A request of a model, with its own id and what it falls under."""
        limits = {} if self._limits is None else {"backend": self._limits}
        own = model if model in self._models else _OTHERS
        if own:
            limits["model"] = self._models[own]
        return LimitedRequest(id=uuid4().hex, backend=self._name, model=own, limits=limits, window=self._length)


class SharedAdmitted:
    """One attempt between its entrance and its exit."""

    def __init__(self, gate: SharedGate, attempting: Attempting) -> None:
        self._gate = gate
        self._attempting = attempting
        self._request = gate.request(attempting.spec.name)
        self._entered: Entered | None = None
        self._local: Admitted | None = None

    async def __aenter__(self) -> None:
        gate = self._gate
        if not gate.sharing.is_down:
            self._request = evolve(self._request, tokens=reserve(gate.local, self._attempting))
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
        elif self._entered is not None:
            used, sent = tokens_used(self._attempting, error), self._attempting.sent
            self._gate.sharing.limits.leave(self._request, self._entered, sent=sent, tokens=used)

    async def _enter(self) -> None:
        """Wait for the turn in this process, then for a place."""
        gate, attempting = self._gate, self._attempting
        started, most = time.monotonic(), patience(attempting)
        until = min(started + most, math.inf if attempting.ends_at is None else attempting.ends_at)
        reasons: list[str] = []
        queue = self._request.model
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
        """Ask until there is a place; the request is forgotten where that is given up."""
        gate, request = self._gate, self._request
        pause = _SHORTEST
        try:
            while isinstance(answer := await gate.sharing.enter(request), Full):
                if answer.whose:
                    name = request.backend if answer.whose == "backend" else request.model
                    reasons[:] = [f"{answer.cap} of {answer.whose} '{name}'"]
                wait = answer.wait or 0.0
                if answer.cap == "requests_per_minute":
                    gate.full[request.model] = time.monotonic() + wait, reasons[0]
                self._check(wait, until, reasons)
                await asyncio.sleep(pause)
                pause = min(2 * pause, _LONGEST)
        except Unreachable:
            raise
        except BaseException:
            gate.sharing.limits.leave(request, None, sent=False, tokens=None)
            raise
        self._entered = answer
        gate.full.pop(request.model, None)

    def _check(self, least: float, until: float, reasons: list[str]) -> None:
        remaining = until - time.monotonic()
        if least > max(remaining, 0.0):
            raise too_long(least, self._reason(reasons), remaining)

    def _reason(self, reasons: list[str]) -> str:
        return reasons[0] if reasons else f"the shared limits of backend '{self._attempting.spec.backend}'"
