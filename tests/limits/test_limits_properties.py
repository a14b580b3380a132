"""The gate against whatever happens: never above a cap, in order, and no place lost."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, Literal

from attrs import define, field
from hypothesis import given
from hypothesis import strategies as st

from pipelex_core.specs import Limits
from pipelex_limits.gate import Gate
from tests.limits.test_limits_gate import Clock, settle
from tests.support.properties import PROPERTY

if TYPE_CHECKING:
    from pipelex_limits.gate import Passage

Event = tuple[Literal["enter", "cancel", "leave", "advance"], int, int]

caps = st.one_of(st.none(), st.integers(1, 3))
limits = st.builds(
    Limits, max_concurrency=caps, requests_per_minute=caps, tokens_per_minute=st.one_of(st.none(), st.integers(10, 60))
)
events = st.lists(
    st.one_of(
        st.tuples(st.just("enter"), st.integers(0, 1), st.integers(0, 40)),
        st.tuples(st.just("cancel"), st.integers(0, 50), st.just(0)),
        st.tuples(st.just("leave"), st.integers(0, 50), st.sampled_from((-1, 0, 5, 30))),
        st.tuples(st.just("advance"), st.integers(1, 70), st.just(0)),
    ),
    max_size=40,
)


@define(eq=False)
class Requested:
    """One request, and what became of it."""

    number: int
    model: str
    tokens: int
    task: asyncio.Task[Passage]
    at: float | None = None
    remaining: bool = False
    used: int | None = None
    sent: bool = True


@define
class World:
    """A gate, all that was asked of it, and a plain account of what it may let through."""

    backend: Limits
    model: Limits
    clock: Clock = field(factory=Clock)
    requested: list[Requested] = field(factory=list)
    gate: Gate = field(init=False)

    def __attrs_post_init__(self) -> None:
        self.gate = Gate("acme", self.backend, {"m0": self.model}, clock=self.clock)

    async def happen(self, event: Event) -> None:
        kind, first, second = event
        waiting = [each for each in self.requested if each.at is None and not each.task.done()]
        inside = [each for each in self.requested if each.at is not None and not each.remaining]
        if kind == "enter":
            model = f"m{first}"
            task = asyncio.create_task(self.enter(model, second))
            self.requested.append(Requested(len(self.requested), model, second, task))
        elif kind == "cancel" and waiting:
            waiting[first % len(waiting)].task.cancel()
        elif kind == "leave" and inside:
            self.leave(inside[first % len(inside)], second)
        elif kind == "advance":
            self.clock.now += first
            self.gate._look_again()
        await self.note()

    async def note(self) -> None:
        """Let everybody go on who can, and look at who passed."""
        before = {id(each) for each in self.requested if each.at is not None}
        await settle()
        for each in self.requested:
            if each.at is None and each.task.done() and not each.task.cancelled():
                each.at = self.clock.now
        self.check_order([each for each in self.requested if each.at is not None and id(each) not in before])
        self.check_caps()

    async def enter(self, model: str, tokens: int) -> Passage:
        return self.gate.enter_now(model, tokens) or await self.gate.enter(model, tokens)

    def leave(self, each: Requested, used: int) -> None:
        """Leave; at most what was reserved is used, -1 for what is unknown, and 0 is not sent."""
        each.remaining = True
        each.used = None if used < 0 else min(used, each.tokens)
        each.sent = used != 0
        self.gate.leave(each.task.result(), each.used, sent=each.sent)

    def check_order(self, passed: list[Requested]) -> None:
        """Nobody passes before one of the same model that came earlier and still waits."""
        for each in passed:
            earlier = [other for other in self.requested[: each.number] if other.model == each.model]
            assert all(other.at is not None or other.task.done() for other in earlier)

    def check_caps(self) -> None:
        """Those under way, and the requests and tokens of the last sixty seconds, are within every cap."""
        for cap, which in ((self.backend, ("m0", "m1")), (self.model, ("m0",))):
            mine = [each for each in self.requested if each.at is not None and each.model in which]
            recent = [each for each in mine if (each.at or 0) > self.clock.now - 60 and each.sent]
            if cap.max_concurrency is not None:
                assert sum(not each.remaining for each in mine) <= cap.max_concurrency
            if cap.requests_per_minute is not None:
                assert len(recent) <= cap.requests_per_minute
            if cap.tokens_per_minute is not None:
                tokens = [each.tokens if each.used is None else each.used for each in recent]
                alone = len([amount for amount in tokens if amount]) == 1
                assert sum(tokens) <= cap.tokens_per_minute or alone

    async def everybody_leaves(self, used: int) -> None:
        """Until nobody is inside; those who are let in by that leave too."""
        while inside := [each for each in self.requested if each.at is not None and not each.remaining]:
            for each in inside:
                self.leave(each, used)
            await self.note()

    async def end(self) -> None:
        """Everybody leaves and time passes: everybody who did not give up has passed, and nothing is held."""
        for _ in range(len(self.requested) + 1):
            await self.everybody_leaves(-1)
            await self.happen(("advance", 70, 0))
        await self.everybody_leaves(0)
        assert all(each.task.done() for each in self.requested)
        assert (self.gate.running, self.gate.waiting) == (0, 0)
        assert not self.gate._alarms._loops


@PROPERTY
@given(backend=limits, model=limits, events=events)
def test_whatever_happens(backend: Limits, model: Limits, events: list[Any]) -> None:
    """Random entering, leaving, giving up and waiting: the caps hold, the order holds, and no place is lost."""

    async def main() -> None:
        world = World(backend, model)
        for event in events:
            await world.happen(event)
        await world.end()

    asyncio.run(main())


@PROPERTY
@given(backend=limits, events=events)
def test_the_least_wait_is_never_too_long(backend: Limits, events: list[Any]) -> None:
    """A request that is told to wait so long could not have passed earlier: it is refused with reason."""

    async def main() -> None:
        world = World(backend, Limits())
        for event in events:
            await world.happen(event)
        least = world.gate.least_wait("m1", 5)[0]
        if least > 1:
            last = Requested(len(world.requested), "m1", 5, asyncio.create_task(world.enter("m1", 5)))
            world.requested.append(last)
            await world.everybody_leaves(1)
            until = world.clock.now + least - 0.5
            while world.clock.now < until:
                assert last.at is None
                await world.happen(("advance", 1, 0) if until - world.clock.now < 10 else ("advance", 10, 0))
                await world.everybody_leaves(1)
        await world.end()

    asyncio.run(main())
