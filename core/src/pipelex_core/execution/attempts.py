"""One attempt: one member of a chain, one request to its plugin, one line in the ledger."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any, Literal

from attrs import define, evolve, field

from pipelex_core.costs import cost_of
from pipelex_core.results import Attempt

if TYPE_CHECKING:
    from pipelex_core.errors import CallError, PluginError
    from pipelex_core.results import Usage
    from pipelex_core.specs import ModelSpec


@define
class Ledger:
    """Every attempt of one call, in order."""

    attempts: list[Attempt] = field(factory=list)
    started: float = field(factory=time.monotonic)

    @property
    def seconds(self) -> float:
        """How long the call has taken so far."""
        return time.monotonic() - self.started

    def write(
        self,
        spec: ModelSpec,
        outcome: Literal["ok", "error", "cancelled"],
        started: float,
        *,
        error: CallError | PluginError | None = None,
        usage: Usage | None = None,
        request_id: str | None = None,
    ) -> None:
        """Add one attempt that began at `started` (monotonic) and has just ended."""
        self.attempts.append(
            Attempt(
                model=spec.name,
                backend=spec.backend,
                model_id=spec.model_id,
                outcome=outcome,
                error=None if error is None else type(error).__name__,
                status=getattr(error, "status", None),
                request_id=request_id if error is None else getattr(error, "request_id", None),
                seconds=time.monotonic() - started,
                usage=usage,
                cost=None if usage is None else cost_of(spec.costs, usage),
            )
        )

    def ran_out_of_time(self) -> None:
        """The attempt under way was cancelled by the call's deadline, not by the caller."""
        if self.attempts and self.attempts[-1].outcome == "cancelled":
            self.attempts[-1] = evolve(self.attempts[-1], outcome="error", error="DeadlineExceededError")

    def close(self, error: CallError, spec: ModelSpec | None = None) -> CallError:
        """The error, with the ledger and the model it belongs to."""
        if spec is not None:
            error.backend = error.backend or spec.backend
            error.model = error.model or spec.name
        error.attempts = tuple(self.attempts)
        return error


def answer_usage(answer: Any) -> tuple[Usage | None, str | None]:
    """The usage and request id of an answer of any kind."""
    return getattr(answer, "usage", None), getattr(answer, "request_id", None)
