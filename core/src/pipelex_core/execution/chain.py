"""Whom a call asks next, and when: the state of one walk along a chain.

Every member is asked once, first to last, without waiting between them. Then those whose error may pass on its own are
asked again, each when its own wait is over, until one answers or the policy of each is used up. A member that rests is
passed over as long as another one may answer; one that is a last resort has its turn when the policies of all others are used up.
"""

from __future__ import annotations

import time
from random import random
from typing import TYPE_CHECKING

from attrs import define, evolve, field

from pipelex_core.errors import AllAttemptsFailedError, DeadlineExceededError, InvalidAnswerError, UnsupportedInputError
from pipelex_core.execution.call_log import log_passed_over
from pipelex_core.execution.policy import cannot, cannot_now, verdict, wait_before
from pipelex_core.execution.terms import NO_TERMS, Terms

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from pipelex_core.deck import ChainMember
    from pipelex_core.errors import CallError, PluginError
    from pipelex_core.execution.attempts import Ledger
    from pipelex_core.execution.cooldown import Cooldowns
    from pipelex_core.policies import RetryPolicy
    from pipelex_core.specs import BackendConfig, ModelSpec


@define(eq=False)
class _State:
    """One member's part in the walk.

    Attributes:
        member: The member.
        spec: Its spec.
        place: Its place in the chain, from 0.
        tries: How often it was asked.
        due: When it may be asked again (of the clock).
        why: Why it has to wait until then.
        error: Its last error.
        out: Whether it is not asked again.
        reported: Whether the ledger says that it was passed over.
    """

    member: ChainMember
    spec: ModelSpec
    place: int
    tries: int = 0
    due: float = 0.0
    why: str | None = None
    error: CallError | PluginError | None = None
    out: bool = False
    reported: bool = False


@define(eq=False)
class Turn:
    """Who is asked next.

    Attributes:
        state: The member's.
        wait: Seconds to wait before.
        why: Why, or None.
        has_others: Whether another member has not been asked yet.
        skipped: Members before it that rest and are passed over, reported here once.
    """

    state: _State
    wait: float = 0.0
    why: str | None = None
    has_others: bool = False
    skipped: tuple[ModelSpec, ...] = ()


@define(eq=False)
class Chain:
    """One walk.

    Attributes:
        cooldowns: Who rests.
        configs: The backends' tables, by name.
        terms: How long the call may take, and how hard to try.
        clock: Seconds that only grow.
        chance: A random number from 0 to 1.
    """

    _members: Sequence[ChainMember]
    cooldowns: Cooldowns
    configs: Mapping[str, BackendConfig]
    terms: Terms = NO_TERMS
    clock: Callable[[], float] = time.monotonic
    chance: Callable[[], float] = random
    _states: list[_State] = field(init=False)

    def __attrs_post_init__(self) -> None:
        members = self._members
        if len(members) > 1 and any(member.last_resort for member in members):
            members = sorted(members, key=lambda member: member.last_resort)
        self._states = [
            _State(member, spec, place)
            for place, member in enumerate(members)
            if (spec := member.entry.spec) is not None
        ]

    def next(self) -> Turn | None:
        """Who is asked next; None where nobody is left."""
        first = self._states[0]
        if not first.tries and not self.cooldowns.failing:
            states = self._states
            return Turn(first, has_others=len(states) > 1 and first.member.last_resort == states[1].member.last_resort)
        while True:
            waiting = [state for state in self._states if not state.out]
            if not waiting:
                return None
            if not waiting[0].member.last_resort:
                waiting = [state for state in waiting if not state.member.last_resort]
            rests = {state.place: self.cooldowns.rest_of(state.spec) for state in waiting}
            chosen = min(
                waiting, key=lambda state: (rests[state.place] > 0, state.due, rests[state.place], state.place)
            )
            if rests[chosen.place] > 0 or self.cooldowns.enter(chosen.spec):
                break
        wait = max(0.0, chosen.due - self.clock()) if chosen.due else 0.0
        skipped = [
            state
            for state in waiting
            if state.place < chosen.place and rests[state.place] > 0 and not (state.reported or state.tries)
        ]
        for state in skipped:
            state.reported = True
        has_others = any(not state.tries and state is not chosen for state in waiting)
        return Turn(chosen, wait, chosen.why if wait else None, has_others, tuple(state.spec for state in skipped))

    def answered(self, turn: Turn) -> None:
        """The member answered."""
        if self.cooldowns.failing:
            self.cooldowns.succeeded(turn.state.spec)

    def failed(
        self, turn: Turn, error: CallError | PluginError, *, sent: bool = True, broken_off: bool = False
    ) -> bool:
        """The member could not answer; whether the call goes on with somebody else, or later.

        Args:
            turn: Whose turn it was.
            error: Its error.
            sent: Whether it was asked at all.
            broken_off: Whether it was a stream that had begun; no proper end of it may pass on its own.
        """
        state, policy = turn.state, self._policy(turn.state.spec)
        state.tries += 1
        state.error = error
        outcome = verdict(error, policy.fallback_on)
        if broken_off and isinstance(error, InvalidAnswerError):
            outcome = "again"
        hangs = isinstance(error, DeadlineExceededError)
        if sent and (
            cannot_now(error) or hangs or (outcome == "move_on" and not isinstance(error, UnsupportedInputError))
        ):
            self.cooldowns.failed(state.spec, error)
        else:
            self.cooldowns.abandon(state.spec)
        state.out = True
        if outcome == "again":
            wait = wait_before(state.tries, policy, getattr(error, "retry_after", None), self.chance)
            if wait is not None:
                due = self.clock() + wait[0]
                if self.terms.ends_at is None or due < self.terms.ends_at:
                    state.out, state.due, state.why = False, due, wait[1]
        elif outcome == "move_on" and cannot(error) and not all(other.out for other in self._states):
            log_passed_over(state.spec, error)
        return outcome != "end"

    def abandon(self, turn: Turn, *, ran_out_of_time: bool = False) -> None:
        """The call ended during the turn: the caller gave up, or the time was over, which counts against the member."""
        if ran_out_of_time:
            self.cooldowns.failed(turn.state.spec, TimeoutError())
        else:
            self.cooldowns.abandon(turn.state.spec)

    def _policy(self, spec: ModelSpec) -> RetryPolicy:
        """How often a member is asked again: as the caller says, else as its backend does."""
        policy, terms = self.configs[spec.backend].retry, self.terms
        if terms.retries is not None:
            policy = evolve(policy, retries=terms.retries)
        return policy if terms.fallback_on is None else evolve(policy, fallback_on=terms.fallback_on)

    def errors(self) -> list[tuple[ModelSpec, CallError | PluginError]]:
        """The last error of every member that was asked, first to last."""
        return [(state.spec, state.error) for state in self._states if state.error is not None]

    def failure(self, ledger: Ledger) -> CallError | PluginError:
        """No member is left: the error of the only one, or one that tells of all."""
        errors = self.errors()
        if len(errors) == 1:
            return ledger.close(errors[0][1])
        failures = "; ".join(
            f"'{spec.name}': {type(error).__name__}: {getattr(error, 'message', error)}" for spec, error in errors
        )
        waits = [wait for _, error in errors if (wait := getattr(error, "retry_after", None)) is not None]
        partial_texts = [text for _, error in errors if (text := getattr(error, "partial_text", None))]
        failure = AllAttemptsFailedError(
            f"every model of the chain failed: {failures}",
            retry_after=min(waits, default=None),
            partial_text=partial_texts[-1] if partial_texts else None,
        )
        return ledger.close(failure)
