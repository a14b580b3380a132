"""Members that keep failing rest, and one call at a time tries whether they answer again."""

from __future__ import annotations

import threading
from typing import Any

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from pipelex_core import CooldownPolicy, ProviderConnectionError, RateLimitError, ServerError
from pipelex_core.execution.cooldown import LONGEST_REST, Cooldowns
from tests.support.scripted import spec

SPECS = [spec("a", sdk="one"), spec("b", sdk="one"), spec("c", sdk="two")]
POLICY = CooldownPolicy(failures=3, seconds=30)


class Clock:
    """Seconds that pass when told."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


def cooldowns(clock: Clock, policy: CooldownPolicy = POLICY) -> Cooldowns:
    """Those of two backends."""
    return Cooldowns({"one": policy, "two": policy}, clock)


def test_three_failures_in_a_row_make_a_member_rest() -> None:
    """Not two, and not three with an answer between them."""
    clock = Clock()
    rests = cooldowns(clock)
    for _ in range(2):
        rests.failed(SPECS[0], ServerError())
    assert rests.rest_of(SPECS[0]) == 0
    rests.succeeded(SPECS[0])
    for _ in range(3):
        assert rests.rest_of(SPECS[0]) == 0
        rests.failed(SPECS[0], ServerError())
    assert rests.rest_of(SPECS[0]) == 30
    assert rests.reason_of(SPECS[0]) == "ServerError"
    assert rests.rest_of(SPECS[1]) == 0  # another model of the same backend
    clock.now += 10
    assert rests.rest_of(SPECS[0]) == 20


def test_no_connection_is_a_matter_of_the_whole_backend() -> None:
    """All its models rest; an answer with any status shows that it can be reached."""
    rests = cooldowns(Clock())
    for member in (SPECS[0], SPECS[1], SPECS[0]):
        rests.failed(member, ProviderConnectionError())
    assert [rests.rest_of(member) for member in SPECS] == [30, 30, 0]
    rests.failed(SPECS[1], ServerError(status=500))
    assert [rests.rest_of(member) for member in SPECS] == [0, 0, 0]


@pytest.mark.parametrize("requested, rest", [(7.0, 7.0), (0.0, 0.0), (1e6, LONGEST_REST)])
def test_a_member_rests_as_long_as_the_provider_asks(requested: float, rest: float) -> None:
    """At the first `Retry-After`, and five minutes at most."""
    rests = cooldowns(Clock())
    rests.failed(SPECS[0], RateLimitError(retry_after=requested))
    assert rests.rest_of(SPECS[0]) == rest


def test_after_its_rest_one_call_tries() -> None:
    """The others go on without it until that one has ended; its failure makes the member rest again, at once."""
    clock = Clock()
    rests = cooldowns(clock)
    for _ in range(3):
        rests.failed(SPECS[0], ServerError())
    assert not rests.enter(SPECS[0])
    clock.now += 31
    assert rests.rest_of(SPECS[0]) == 0
    assert rests.enter(SPECS[0])
    assert rests.rest_of(SPECS[0]) > 0
    assert not rests.enter(SPECS[0])
    rests.failed(SPECS[0], ServerError())
    assert rests.rest_of(SPECS[0]) == 30
    clock.now += 31
    assert rests.enter(SPECS[0])
    rests.succeeded(SPECS[0])
    assert not rests.failing


def test_a_try_that_is_given_up_lets_the_next_call_try() -> None:
    """And one whose end nobody hears of is forgotten after a while."""
    clock = Clock()
    rests = cooldowns(clock)
    rests.failed(SPECS[0], RateLimitError(retry_after=5))
    clock.now += 6
    assert rests.enter(SPECS[0])
    rests.abandon(SPECS[0])
    assert rests.enter(SPECS[0])
    clock.now += 31
    assert rests.enter(SPECS[0])


def test_one_of_sixteen_threads_tries() -> None:
    """Half-open is for one call, whoever comes first."""
    clock = Clock()
    rests = cooldowns(clock)
    rests.failed(SPECS[0], RateLimitError(retry_after=5))
    clock.now += 6
    barrier, entered = threading.Barrier(16), []

    def work() -> None:
        barrier.wait()
        entered.append(rests.enter(SPECS[0]))

    threads = [threading.Thread(target=work) for _ in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(entered) == [False] * 15 + [True]


def test_rests_can_be_switched_off() -> None:
    """With `failures=0` nothing rests, not even where the provider asks for it."""
    rests = cooldowns(Clock(), CooldownPolicy(failures=0))
    for _ in range(9):
        rests.failed(SPECS[0], RateLimitError(retry_after=99))
    assert rests.rest_of(SPECS[0]) == 0
    assert not rests.failing


class Rests(RuleBasedStateMachine):
    """Whatever happens in whatever order: as a list of what happened to each member says."""

    def __init__(self) -> None:
        super().__init__()
        self.clock = Clock()
        self.rests = cooldowns(self.clock)
        self.failures: dict[Any, int] = {}
        self.until: dict[Any, float] = {}

    def keys(self, member: Any) -> list[Any]:
        return [(member.backend, member.name), member.backend]

    def rests_now(self, member: Any) -> float:
        return max([0.0, *(self.until[key] - self.clock.now for key in self.keys(member) if key in self.until)])

    @rule(member=st.sampled_from(SPECS), requested=st.none() | st.integers(1, 400), reached=st.booleans())
    def fail(self, member: Any, requested: int | None, reached: bool) -> None:
        one, whole = self.keys(member)
        if reached:
            self.failures.pop(whole, None)
            self.until.pop(whole, None)
        key = one if reached else whole
        self.failures[key] = self.failures.get(key, 0) + 1
        rest = 30 if self.failures[key] >= 3 or key in self.until else 0
        rest = min(max(rest, requested or 0), 300)
        if rest:
            self.until[key] = self.clock.now + rest
        error = ServerError if reached else ProviderConnectionError
        self.rests.failed(member, error(retry_after=requested))

    @rule(member=st.sampled_from(SPECS))
    def succeed(self, member: Any) -> None:
        for key in self.keys(member):
            self.failures.pop(key, None)
            self.until.pop(key, None)
        self.rests.succeeded(member)

    @rule(member=st.sampled_from(SPECS))
    def enter(self, member: Any) -> None:
        free = self.rests_now(member) == 0
        assert self.rests.enter(member) == free
        if free:
            for key in self.keys(member):
                if key in self.until:
                    self.until[key] = self.clock.now + 30

    @rule(member=st.sampled_from(SPECS))
    def leave(self, member: Any) -> None:
        for key in self.keys(member):
            if key in self.until:
                self.until[key] = min(self.until[key], self.clock.now)
        self.rests.abandon(member)

    @rule(seconds=st.integers(1, 100))
    def wait(self, seconds: int) -> None:
        self.clock.now += seconds

    @invariant()
    def agree(self) -> None:
        assert [self.rests.rest_of(member) for member in SPECS] == [self.rests_now(member) for member in SPECS]
        assert bool(self.rests.failing) == bool(self.failures)
        assert len(self.rests.failing) <= len(SPECS) + 2


TestRests = Rests.TestCase
TestRests.settings = settings(max_examples=50, deadline=None)
