"""The gate of one backend: its requests pass in the order they came, as soon as every cap they fall under has room.

One gate serves every event loop and thread of a client. Those who wait for a model's own cap hold up that model's
requests alone; those who wait for a cap of the backend hold up all that came later, whatever their size: nobody starves.
"""

from __future__ import annotations

import asyncio
import math
import threading
import time
from collections import OrderedDict, deque
from typing import TYPE_CHECKING

from attrs import define, field

from pipelex_limits.alarms import Alarms
from pipelex_limits.caps import MINUTE, Caps, Taken

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from pipelex_core.specs import Limits


@define(eq=False)
class Passage:
    """Leave to send one request; to be given back once, with `Gate.leave`.

    Attributes:
        taken: What it holds of the backend's caps, and of the model's.
        age: Which process of a line of forks it belongs to.
        used: What to give back: the tokens that were used, or None where that is unknown.
        sent: Whether the request went out.
    """

    taken: tuple[Taken, ...]
    age: int
    used: int | None = None
    sent: bool = True


@define(eq=False)
class Waiter:
    """A request that waits.

    Attributes:
        order: Its place among all that ever waited.
        tokens: What it would reserve.
        loop: Where it waits.
        passed: Done as soon as it may go on.
        passage: Its leave, once it has one.
    """

    order: int
    tokens: int
    loop: asyncio.AbstractEventLoop
    passed: asyncio.Future[None]
    passage: Passage | None = None


@define(eq=False)
class Queue:
    """Those who wait for one model, first come first; the caps of that model, or None; and whether tokens matter."""

    caps: Caps | None
    counts_tokens: bool
    waiters: OrderedDict[Waiter, None] = field(factory=OrderedDict)


class Gate:
    """One backend's limits and those of its models."""

    def __init__(
        self,
        name: str,
        limits: Limits | None,
        models: Mapping[str, Limits],
        *,
        length: float = MINUTE,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._clock = clock
        self._backend = None if limits is None else Caps(f"backend '{name}'", limits, length)
        own = limits is not None and limits.tokens_per_minute is not None
        self._queues = {
            model: Queue(Caps(f"model '{model}'", each, length), own or each.tokens_per_minute is not None)
            for model, each in models.items()
        }
        self._others = Queue(None, own)
        self._all = (*self._queues.values(), self._others)
        self._alarms = Alarms(self._look_again)
        self._waiting = 0
        self._came = 0
        self._age = 0
        self._leaving: deque[Passage] = deque()
        self._gone: deque[tuple[Queue, Waiter]] = deque()
        self._look = False
        self._lock = threading.Lock()

    @property
    def waiting(self) -> int:
        """How many requests wait."""
        return self._waiting

    @property
    def running(self) -> int:
        """How many of the backend's requests are under way, where it has caps of its own."""
        return 0 if self._backend is None else self._backend.running

    def counts_tokens(self, model: str) -> bool:
        """Whether it matters how many tokens a request of this model uses."""
        return self._queues.get(model, self._others).counts_tokens

    def enter_now(self, model: str, tokens: int) -> Passage | None:
        """Leave to send a request at once; None where it has to wait."""
        queue = self._queues.get(model, self._others)
        with self._lock:
            passage = None if self._waiting else self._take(queue, tokens, self._clock())
        self._work()
        return passage

    def least_wait(self, model: str, tokens: int) -> tuple[float, str]:
        """The least that a request would have to wait now, in seconds, and for which cap: never more than it would."""
        queue = self._queues.get(model, self._others)
        with self._lock:
            now = self._clock()
            found, reason = 0.0, ""
            if queue.caps is not None:
                found, reason = queue.caps.least_wait(len(queue.waiters), tokens, now)
            if self._backend is not None:
                least, why = self._backend.least_wait(self._waiting, tokens, now)
                if least > found or not reason:
                    found, reason = max(found, least), why
        self._work()
        return found, reason or "what others wait for"

    async def enter(self, model: str, tokens: int) -> Passage:
        """Leave to send a request, when it is its turn. Cancelling gives the place up."""
        queue = self._queues.get(model, self._others)
        loop = asyncio.get_running_loop()
        with self._lock:
            self._came += 1
            waiter = Waiter(self._came, tokens, loop, loop.create_future())
            queue.waiters[waiter] = None
            self._waiting += 1
            self._alarms.join(loop)
            self._look = True
        try:
            self._work()
            await waiter.passed
        except BaseException:
            self._gone.append((queue, waiter))
            self._look = True
            self._work()
            raise
        assert waiter.passage is not None  # noqa: S101 -- it was woken with it
        return waiter.passage

    def leave(self, passage: Passage, used: int | None, *, sent: bool = True) -> None:
        """A request has ended, or was not sent at all; may be called from anywhere, a finalizer included."""
        passage.used, passage.sent = used, sent
        self._leaving.append(passage)
        self._work()

    def forked(self) -> None:
        """In a forked child: nobody waits here, and nothing is under way; what was sent this minute still counts."""
        self._lock = threading.Lock()
        self._age += 1
        self._waiting = 0
        self._leaving.clear()
        self._gone.clear()
        self._alarms.clear()
        for queue in self._all:
            queue.waiters.clear()
        for caps in (self._backend, *(queue.caps for queue in self._all)):
            if caps is not None:
                caps.forget_running()

    def _work(self) -> None:
        """Take back what was given back, and let through whom it lets through.

        Never waits for the lock: whoever holds it comes here after it. So it may run in a finalizer, which may run
        anywhere, also while this very thread holds the lock.
        """
        while (self._leaving or self._look) and self._lock.acquire(blocking=False):
            try:
                self._look = False
                while self._gone:
                    self._give_up(*self._gone.popleft())
                while self._leaving:
                    self._take_back(self._leaving.popleft())
                if self._waiting:
                    self._let_through()
            finally:
                self._lock.release()

    def _look_again(self) -> None:
        self._look = True
        self._work()

    def _give_up(self, queue: Queue, waiter: Waiter) -> None:
        if waiter.passage is None:
            self._remove(queue, waiter)
        else:
            self._return_unsent(waiter.passage)

    def _return_unsent(self, passage: Passage) -> None:
        passage.used, passage.sent = 0, False
        self._leaving.append(passage)

    def _take_back(self, passage: Passage) -> None:
        if passage.age == self._age:
            for taken in passage.taken:
                taken.caps.give_back(taken, passage.used, sent=passage.sent)

    def _let_through(self) -> None:
        """Whoever is first and fits, until the first one does not."""
        now = self._clock()
        soonest = math.inf
        held = set[int]()
        while True:
            heads = [
                (next(iter(queue.waiters)), queue) for queue in self._all if queue.waiters and id(queue) not in held
            ]
            if not heads:
                break
            waiter, queue = min(heads, key=lambda head: head[0].order)
            seconds = 0.0 if queue.caps is None else queue.caps.wait(waiter.tokens, now)[0]
            if seconds:
                held.add(id(queue))
                soonest = min(soonest, seconds)
                continue
            seconds = 0.0 if self._backend is None else self._backend.wait(waiter.tokens, now)[0]
            if seconds:
                soonest = min(soonest, seconds)
                break
            self._remove(queue, waiter)
            waiter.passage = self._take(queue, waiter.tokens, now)
            if not _wake(waiter) and waiter.passage is not None:
                self._return_unsent(waiter.passage)
                waiter.passage = None
        if soonest < math.inf:
            for loop in self._alarms.set(soonest):
                self._drop(loop)

    def _take(self, queue: Queue, tokens: int, now: float) -> Passage | None:
        backend, model = self._backend, queue.caps
        if model is not None and not model.fits(tokens, now):
            return None
        if backend is None:
            return Passage(() if model is None else (model.take(tokens, now),), self._age)
        if not backend.fits(tokens, now):
            return None
        taken = backend.take(tokens, now)
        return Passage((taken,) if model is None else (taken, model.take(tokens, now)), self._age)

    def _remove(self, queue: Queue, waiter: Waiter) -> None:
        if waiter in queue.waiters:
            del queue.waiters[waiter]
            self._waiting -= 1
            self._alarms.leave(waiter.loop)

    def _drop(self, loop: asyncio.AbstractEventLoop) -> None:
        """A loop was closed while some waited in it: they will never go on."""
        for queue in self._all:
            for waiter in [waiter for waiter in queue.waiters if waiter.loop is loop]:
                self._remove(queue, waiter)
        self._look = True


def _wake(waiter: Waiter) -> bool:
    """Tell a waiter that it may go on; False where its loop is closed."""
    if asyncio._get_running_loop() is waiter.loop:  # noqa: SLF001 -- asyncio's own way to ask without an exception
        _pass(waiter.passed)
        return True
    try:
        waiter.loop.call_soon_threadsafe(_pass, waiter.passed)
    except RuntimeError:
        return False
    return True


def _pass(passed: asyncio.Future[None]) -> None:
    if not passed.done():
        passed.set_result(None)
