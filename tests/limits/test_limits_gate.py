"""The gate of a backend: order, caps, cancellation, and several loops and threads at once."""

from __future__ import annotations

import asyncio
import gc
import os
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import pytest

from pipelex_core.specs import Limits
from pipelex_limits.caps import Window
from pipelex_limits.gate import Gate

if TYPE_CHECKING:
    from collections.abc import Coroutine

    from pipelex_limits.gate import Passage


class Clock:
    """A clock that a test moves."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


def gate_of(limits: Limits | None = None, /, *, models: dict[str, Limits] | None = None, **provided: Any) -> Gate:
    return Gate("acme", limits, models or {}, **provided)


async def settle() -> None:
    """Let every task go as far as it can."""
    for _ in range(5):
        await asyncio.sleep(0)


async def started(*waits: Coroutine[Any, Any, Passage]) -> list[asyncio.Task[Passage]]:
    tasks = [asyncio.create_task(wait) for wait in waits]
    await settle()
    return tasks


def entered(gate: Gate, model: str = "m", tokens: int = 0) -> Passage:
    passage = gate.enter_now(model, tokens)
    assert passage is not None
    return passage


def test_no_more_than_the_cap_at_once() -> None:
    """The next one goes on when one has left, first come first."""

    async def main() -> None:
        gate = gate_of(Limits(max_concurrency=2))
        first, _ = entered(gate), entered(gate)
        assert gate.enter_now("m", 0) is None
        third, fourth = await started(gate.enter("m", 0), gate.enter("m", 0))
        assert (third.done(), fourth.done(), gate.waiting, gate.running) == (False, False, 2, 2)
        gate.leave(first, 0)
        await settle()
        assert (third.done(), fourth.done(), gate.waiting, gate.running) == (True, False, 1, 2)
        gate.leave(third.result(), 0)
        await settle()
        assert fourth.done()

    asyncio.run(main())


def test_a_newcomer_does_not_overtake() -> None:
    """A small request waits behind a large one that does not fit yet."""

    async def main() -> None:
        clock = Clock()
        gate = gate_of(Limits(tokens_per_minute=100), clock=clock)
        entered(gate, tokens=60)
        (large,) = await started(gate.enter("m", 60))
        assert gate.enter_now("m", 1) is None
        (small,) = await started(gate.enter("m", 1))
        assert not small.done()
        clock.now += 61
        gate._look_again()
        await settle()
        assert (large.done(), small.done()) == (True, True)

    asyncio.run(main())


def test_a_models_own_cap_holds_up_that_model_alone() -> None:
    """The others of the backend pass; and what waits for the backend holds up all."""

    async def main() -> None:
        gate = gate_of(Limits(max_concurrency=3), models={"m": Limits(max_concurrency=1)})
        entered(gate, "m")
        (waits,) = await started(gate.enter("m", 0))
        (other,) = await started(gate.enter("other", 0))
        assert (waits.done(), other.done()) == (False, True)
        entered_third, queued = await started(gate.enter("other", 0), gate.enter("other", 0))
        assert (entered_third.done(), queued.done()) == (True, False)
        gate.leave(other.result(), 0)
        await settle()
        assert (waits.done(), queued.done()) == (False, True)
        waits.cancel()
        await settle()

    asyncio.run(main())


def test_requests_of_any_minute() -> None:
    """As many as the cap in any sixty seconds, not only in those that begin with a full minute."""

    async def main() -> None:
        clock = Clock()
        gate = gate_of(Limits(requests_per_minute=2), clock=clock)
        gate.leave(entered(gate), 0)
        clock.now += 50
        gate.leave(entered(gate), 0)
        assert gate.enter_now("m", 0) is None
        assert 9.9 < gate.least_wait("m", 0)[0] < 10.2
        clock.now += 10.2
        gate.leave(entered(gate), 0)
        assert gate.enter_now("m", 0) is None

    asyncio.run(main())


def test_tokens_are_settled() -> None:
    """What was reserved and not used is free again; what was used above it counts; what is unknown stays reserved."""

    async def main() -> None:
        gate = gate_of(Limits(tokens_per_minute=100), clock=Clock())
        gate.leave(entered(gate, tokens=90), 10)
        gate.leave(entered(gate, tokens=50), 85)
        assert gate.enter_now("m", 10) is None
        assert gate.enter_now("m", 5) is not None
        other = gate_of(Limits(tokens_per_minute=100), clock=Clock())
        other.leave(entered(other, tokens=90), None)
        assert other.enter_now("m", 20) is None

    asyncio.run(main())


def test_what_was_not_sent_does_not_count() -> None:
    """Neither as a request nor as tokens."""
    gate = gate_of(Limits(requests_per_minute=1, tokens_per_minute=10), clock=Clock())
    gate.leave(entered(gate, tokens=10), None, sent=False)
    gate.leave(entered(gate, tokens=10), 10)
    assert gate.enter_now("m", 0) is None


def test_more_than_the_cap_passes_alone() -> None:
    """An estimate above the cap waits for an empty minute, not for ever."""
    clock = Clock()
    gate = gate_of(Limits(tokens_per_minute=10), clock=clock)
    gate.leave(entered(gate, tokens=50), None)
    assert gate.enter_now("m", 1) is None
    clock.now += 61
    assert gate.enter_now("m", 50) is not None


def test_the_least_wait_behind_others() -> None:
    """Those ahead count: each minute lets through the cap and no more."""

    async def main() -> None:
        gate = gate_of(Limits(requests_per_minute=2), clock=Clock())
        entered(gate), entered(gate)
        tasks = await started(*(gate.enter("m", 0) for _ in range(4)))
        least, reason = gate.least_wait("m", 0)
        assert 179 < least < 181  # two go after a minute, two after another, this one after a third
        assert reason == "requests_per_minute of backend 'acme'"
        for task in tasks:
            task.cancel()
        await settle()
        assert gate.waiting == 0

    asyncio.run(main())


def test_a_cancelled_waiter_gives_its_place_up() -> None:
    """Those behind it go on, also where it was the one they waited for."""

    async def main() -> None:
        gate = gate_of(Limits(tokens_per_minute=100, max_concurrency=9), clock=Clock())
        entered(gate, tokens=50)
        large, small = await started(gate.enter("m", 60), gate.enter("m", 10))
        assert not small.done()
        large.cancel()
        await settle()
        assert small.done()
        assert gate.waiting == 0

    asyncio.run(main())


def test_a_waiter_cancelled_as_it_is_let_through() -> None:
    """Its place goes to the next one, and none is lost."""

    async def main() -> None:
        gate = gate_of(Limits(max_concurrency=1))
        first = entered(gate)
        second, third = await started(gate.enter("m", 0), gate.enter("m", 0))
        gate.leave(first, 0)  # lets the second through, which has not run yet
        second.cancel()
        await settle()
        assert second.cancelled()
        assert third.done()
        gate.leave(third.result(), 0)
        assert gate.running == 0

    asyncio.run(main())


def test_waits_end_by_themselves() -> None:
    """A timer wakes those who wait for a minute to pass, without anybody leaving."""

    async def main() -> None:
        gate = gate_of(Limits(requests_per_minute=2), length=0.3)
        begun = time.monotonic()
        for _ in range(6):
            gate.leave(gate.enter_now("m", 0) or await gate.enter("m", 0), 0)
        assert 0.59 < time.monotonic() - begun < 20

    asyncio.run(main())


def test_many_threads_and_loops() -> None:
    """One gate holds for all of them, and lets all of them through."""
    gate = gate_of(Limits(max_concurrency=3))
    running = most = done = 0
    lock = threading.Lock()

    async def one() -> None:
        nonlocal running, most, done
        passage = gate.enter_now("m", 0) or await gate.enter("m", 0)
        with lock:
            running += 1
            most = max(most, running)
        await asyncio.sleep(0.001)
        with lock:
            running -= 1
            done += 1
        gate.leave(passage, 0)

    async def many() -> None:
        await asyncio.wait_for(asyncio.gather(*(one() for _ in range(50))), 60)

    with ThreadPoolExecutor(6) as threads:
        for future in [threads.submit(asyncio.run, many()) for _ in range(6)]:
            future.result()
    assert (done, gate.running, gate.waiting) == (300, 0, 0)
    assert 1 < most <= 3


def test_a_loop_that_stands_still_keeps_nobody_asleep() -> None:
    """Where the first of a queue waits in a loop that does not run, those behind it in another loop are woken all the same."""
    gate = gate_of(Limits(requests_per_minute=1), length=0.2)
    entered(gate)
    still = asyncio.new_event_loop()
    waits = still.create_task(gate.enter("m", 0))
    still.run_until_complete(settle())  # it waits now, and its loop runs no more

    async def main() -> None:
        assert gate.waiting == 1
        passage = await asyncio.wait_for(gate.enter("m", 0), 20)
        gate.leave(passage, 0)

    asyncio.run(main())
    still.run_until_complete(waits)
    still.close()


def test_a_loop_that_was_closed_is_forgotten() -> None:
    """Whoever waited in it will never go on, and takes no place."""
    gate = gate_of(Limits(max_concurrency=1))
    first = entered(gate)
    dead = asyncio.new_event_loop()
    waits = dead.create_task(gate.enter("m", 0))
    dead.run_until_complete(settle())
    waits._log_destroy_pending = False  # type: ignore[attr-defined]  # that it is lost is what this test wants
    dead.close()

    async def main() -> None:
        (second,) = await started(gate.enter("m", 0))
        gate.leave(first, 0)
        await asyncio.wait_for(second, 20)

    asyncio.run(main())
    del waits
    gc.collect()
    assert gate.running == 1
    assert gate.waiting == 0


def test_leaving_while_the_lock_is_held() -> None:
    """A finalizer may run in the middle of anything: giving back never waits, and is done by whoever holds the lock."""
    gate = gate_of(Limits(max_concurrency=1))
    passage = entered(gate)
    with gate._lock:
        gate.leave(passage, 0)
    assert gate.enter_now("m", 0) is not None or gate.enter_now("m", 0) is not None


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork here")
def test_after_a_fork() -> None:
    """In the child nothing is under way and nobody waits; what was sent this minute still counts."""

    async def main() -> None:
        gate = gate_of(Limits(max_concurrency=1, requests_per_minute=2), clock=Clock())
        passage = entered(gate)
        (waits,) = await started(gate.enter("m", 0))
        gate.forked()  # what the child does
        assert (gate.running, gate.waiting) == (0, 0)
        gate.leave(passage, 0)  # a parent's request, which the child only has a copy of
        assert gate.running == 0
        entered(gate)
        assert gate.enter_now("m", 0) is None
        waits.cancel()
        await settle()

    asyncio.run(main())


def test_memory_of_a_window_is_bounded() -> None:
    """However many requests a minute has, it is kept in some hundred numbers."""
    window = Window(10**9)
    for at in range(50_000):
        assert window.fits(1, 1000 + at / 500)
        window.take(1, 1000 + at / 500)
    assert len(window._slots) < 700
    assert window.used == pytest.approx(30_000, abs=100)
