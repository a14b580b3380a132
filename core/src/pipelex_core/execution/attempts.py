"""One attempt: one member of a chain, one request to its plugin, one line in the ledger."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any, Literal, TypeVar

from attrs import define, evolve, field

from pipelex_core.costs import FREE, cost_of
from pipelex_core.errors import CallError, IdleTimeoutError, PluginError, ProviderConnectionError, UnsupportedInputError
from pipelex_core.ledger import NO_USAGE
from pipelex_core.results import Attempt, CacheUse, Cost, Usage
from pipelex_core.sending import Sending

if TYPE_CHECKING:
    from pipelex_core.budgets import Budget
    from pipelex_core.capabilities import Capability
    from pipelex_core.errors import DeadlineExceededError
    from pipelex_core.execution.plan import Plan
    from pipelex_core.requests import Request
    from pipelex_core.specs import BackendConfig, ModelSpec

Outcome = Literal["ok", "error", "cancelled"]
E = TypeVar("E", bound=CallError | PluginError)


@define(eq=False)
class Attempting:
    """An attempt under way.

    Attributes:
        spec: The model that is asked.
        capability: What is called.
        ends_at: When the caller's time is over (monotonic seconds), or None.
        idle_timeout: Seconds that the provider may be silent, or None.
        has_others: Whether another member of the chain has not been asked yet.
        budgets: What it counts in.
        started: When the attempt began (monotonic seconds); waiting does not count.
        request: What is about to be sent, as the middlewares left it; None until they let it through.
        sent: Whether the plugin has been asked.
        sending: How far its requests got, as the shared connection pool tells.
        used_unknown: Whether a plugin says that the provider may have used something, and not what.
        wait_s: Seconds waited before the request was sent.
        wait_reason: Why, or None.
        usage: What the provider reported, or None.
        request_id: The provider's id of the request, or None.
        text: What a stream has given so far.
        cache: Whether a cache gave the answer, or was asked in vain; None without one.
    """

    spec: ModelSpec
    capability: Capability
    ends_at: float | None = None
    idle_timeout: float | None = None
    has_others: bool = False
    budgets: tuple[Budget, ...] = ()
    started: float = field(factory=time.monotonic)
    request: Request | None = None
    sent: bool = False
    sending: Sending = field(factory=Sending)
    used_unknown: bool = False
    wait_s: float = 0.0
    wait_reason: str | None = None
    usage: Usage | None = None
    request_id: str | None = None
    text: list[str] = field(factory=list)
    cache: CacheUse | None = None

    @property
    def cost(self) -> Cost | None:
        """What it cost; None where a price or a count is unknown."""
        if self.cache == "hit":
            return FREE
        return None if self.usage is None else cost_of(self.spec.costs, self.usage)

    def waited(self, seconds: float, reason: str) -> None:
        """The attempt was held back since it began; the time does not count as the provider's."""
        self.wait_s += seconds
        self.wait_reason = reason if self.wait_reason in {None, reason} else f"{self.wait_reason}, {reason}"
        self.started += seconds

    def answered(self, answer: Any) -> None:
        """What an answer of any kind reports."""
        self.usage = getattr(answer, "usage", None)
        self.request_id = getattr(answer, "request_id", None)
        self.cache = getattr(answer, "cache", None)

    def failed(self, error: CallError) -> None:
        """What an error reports; what the provider reported before is kept, where a middleware raised it."""
        if error.usage == NO_USAGE:
            self.used_unknown = True
        elif error.usage is not None:
            self.usage = error.usage
        self.request_id = error.request_id or self.request_id

    @property
    def may_be_taken(self) -> bool:
        """Whether the provider may have begun to work, where no answer tells."""
        return self.used_unknown or self.sending.was_sent

    def was_turned_away(self, error: BaseException | None) -> bool:
        """Tell whether it is sure to have used nothing: not sent, not taken, or answered with an error's status.

        Not sure is what was cancelled, what broke off, what may have been taken all the same (`unsettled`), and an invalid
        answer: the work may have been done.
        """
        if not self.sent:
            return True
        if not isinstance(error, CallError) or error.unsettled or self.text or self.usage is not None:
            return False
        if isinstance(error, IdleTimeoutError):
            return False  # it may be at work
        if isinstance(error, ProviderConnectionError) and error.status is None:
            return not self.may_be_taken
        if isinstance(error, (ProviderConnectionError, UnsupportedInputError)):
            return True
        return error.status is not None and error.status >= 400

    @property
    def partial_text(self) -> str | None:
        """What a stream has given so far, or None."""
        return "".join(self.text) or None


@define(eq=False)
class Ledger:
    """Every attempt of one call, in order.

    Attributes:
        attempts: Those that have ended.
        current: The one under way, or None.
        last: The one under way, else the last that ended; None before the turn of a member has come to it.
        wait_s: Seconds waited before the next attempt.
        wait_reason: Why, or None.
        has_others: Whether a member has not been asked yet, besides the one whose turn it is.
        budgets: What the call counts in.
        is_abandoned: Whether whoever reads a stream has closed it before its end.
        started: When the call began (monotonic seconds).
    """

    attempts: list[Attempt] = field(factory=list)
    current: Attempting | None = None
    last: Attempting | None = None
    wait_s: float = 0.0
    wait_reason: str | None = None
    has_others: bool = False
    budgets: tuple[Budget, ...] = ()
    is_abandoned: bool = False
    started: float = field(factory=time.monotonic)

    def part(self) -> Ledger:
        """A ledger for one of several requests of the same call, made at the same time as others."""
        return Ledger(budgets=self.budgets, started=self.started)

    def turn(self, wait_s: float = 0.0, wait_reason: str | None = None, *, has_others: bool = False) -> None:
        """Another member's turn has come, or the same one's again, after a wait."""
        self.last = None
        self.wait_s, self.wait_reason, self.has_others = wait_s, wait_reason, has_others

    def begin(self, spec: ModelSpec, plan: Plan, config: BackendConfig) -> Attempting:
        """An attempt begins."""
        terms = plan.terms
        idle_timeout = config.idle_timeout if terms.idle_timeout is None else terms.idle_timeout
        is_text = plan.capability.name == "llm"
        sending = Sending(
            most=config.max_answer_bytes if is_text else config.max_media_bytes,
            most_key="max_answer_bytes" if is_text else "max_media_bytes",
        )
        self.current = self.last = Attempting(
            spec, plan.capability, terms.ends_at, idle_timeout, self.has_others, self.budgets, sending=sending
        )
        self.current.wait_s, self.current.wait_reason = self.wait_s, self.wait_reason
        return self.current

    def skip(self, spec: ModelSpec, error: str | None) -> None:
        """A member that rests is passed over; `error` names what it rests for."""
        self.attempts.append(
            Attempt(
                model=spec.name,
                backend=spec.backend,
                model_id=spec.model_id,
                outcome="skipped",
                error=error,
                cost=FREE,
            )
        )

    def write(self, attempting: Attempting, outcome: Outcome, error: Exception | None = None) -> None:
        """The attempt under way has ended; one that was given up for ended is not written again."""
        if self.current is not attempting:
            return
        self.current = None
        spec = attempting.spec
        self.attempts.append(
            Attempt(
                model=spec.name,
                backend=spec.backend,
                model_id=spec.model_id,
                outcome=outcome,
                error=None if error is None else type(error).__name__,
                status=getattr(error, "status", None),
                request_id=attempting.request_id,
                wait_s=attempting.wait_s,
                wait_reason=attempting.wait_reason,
                seconds=time.monotonic() - attempting.started,
                usage=attempting.usage,
                cost=FREE if outcome != "ok" and attempting.was_turned_away(error) else attempting.cost,
                cache=attempting.cache,
            )
        )

    @property
    def has_sent(self) -> bool:
        """Whether the member whose turn it is was asked."""
        return self.last is not None and self.last.sent

    @property
    def partial_text(self) -> str | None:
        """What the stream of the member whose turn it is has given so far."""
        return None if self.last is None else self.last.partial_text

    def ran_out_of_time(self, error: DeadlineExceededError, spec: ModelSpec | None) -> None:
        """The attempt under way ended with the call's deadline, and not with the caller's will."""
        if self.current is not None:
            self.write(self.current, "error", error)
        elif self.attempts and self.attempts[-1].outcome == "cancelled":
            self.attempts[-1] = evolve(self.attempts[-1], outcome="error", error=type(error).__name__)
        error.partial_text = self.partial_text
        error.unsettled = self.has_sent and self.last is not None and self.last.capability.once
        self.close(error, spec if self.last is None else self.last.spec)

    def close(self, error: E, spec: ModelSpec | None = None) -> E:
        """The error, with the ledger and the model it belongs to."""
        if spec is not None and not isinstance(error, PluginError):
            error.backend = error.backend or spec.backend
            error.model = error.model or spec.name
        error.attempts = tuple(self.attempts)
        return error
