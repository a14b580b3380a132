"""A run on a cluster: Ray starts workers on its nodes, this process hands them rows and writes down every outcome.

The journal and the output are this process's alone, and no row is handed out that has an outcome. What a worker answered is
sent here at once, a row at a time, and not when a block of rows has ended: where a node is lost, only the rows that it held are
handed to others, and they are counted as calls that may have been paid twice, as those of a process that was killed.
"""

from __future__ import annotations

import asyncio
import os
import sys
from contextlib import redirect_stdout
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any

from attrs import define, field

from pipelex_batch.interrupts import Interrupts
from pipelex_batch.jobs import chain_of
from pipelex_batch.outcomes import line_of
from pipelex_batch.pace import Pace
from pipelex_batch.settings import BatchError
from pipelex_batch.to_call import Hope, RowsToCall
from pipelex_batch.worker import Ended, Handed, Worker
from pipelex_core.errors import PipelexError
from pipelex_limits.bounds import most_cost

if TYPE_CHECKING:
    from types import ModuleType

    from pipelex_batch.jobs import RowJob
    from pipelex_batch.progress import Progress
    from pipelex_batch.running import Run

_DEATHS = 10
"""So many workers that end one after another, with no outcome between, are enough."""
_CPUS = 0.1
"""What a worker reserves of its node: it waits more than it computes."""


@define(eq=False)
class _Hand:
    """A worker, seen from here.

    Attributes:
        actor: Its actor; None before it is placed.
        held: The rows that it has, by number.
        is_open: Whether it takes rows.
    """

    actor: Any
    held: dict[int, Handed] = field(factory=dict)
    is_open: bool = False


async def make_calls_on_cluster(run: Run, progress: Progress) -> None:
    """Call for every row that has no outcome yet, on the nodes of a Ray cluster.

    Raises:
        BatchError: Ray is not installed, the cluster does not answer, or its nodes have another configuration.
    """
    if run.options.make_client is None:
        msg = "a run on a cluster needs make_client: how a worker makes its client"
        raise BatchError(msg)
    with Interrupts(run), redirect_stdout(sys.stderr):  # Ray prints what befalls its nodes
        ray = _connected(run)
        try:
            await _OnCluster(run, progress, ray).run()
        finally:
            ray.shutdown()


def _connected(run: Run) -> ModuleType:
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    try:
        import ray
    except ImportError:
        msg = "for --engine ray, run: pip install 'pipelex-batch[ray]'"
        raise BatchError(msg) from None
    address = run.options.address
    local = {} if address else {"include_dashboard": False}
    try:
        ray.init(address=address or "local", log_to_driver=False, logging_level="ERROR", **local)
    except Exception as error:  # Ray raises bare exceptions where a node does not start in time
        msg = f"the Ray cluster '{address or 'local'}' does not answer: {error}"
        raise BatchError(msg) from error
    found: ModuleType = ray
    return found


class _OnCluster:
    """The workers of a run, and what each of them has."""

    def __init__(self, run: Run, progress: Progress, ray: Any) -> None:
        self._run = run
        self._progress = progress
        self._ray = ray
        self._rows = RowsToCall(run)
        self._hope = Hope(run)
        self._waiting: RowJob | None = None
        self._hands: dict[_Hand, asyncio.Task[None]] = {}
        self._changed = asyncio.Event()
        self._deaths = 0
        self._reserved = Decimal(0)
        self._chain = chain_of(run.client.deck, run.settings)
        self._is_all = False
        self._count = run.options.workers or max(sum(1 for node in ray.nodes() if node["Alive"]), 2)

    async def run(self) -> None:
        """Hand out the rows, until each has an outcome or nothing further is to be sent."""
        self._run.note(f"{self._count} workers, each with {self._run.options.concurrency} calls at once")
        self._warn_of_limits()
        try:
            for _ in range(self._count):
                self._start()
            stopped = asyncio.create_task(self._run.stopped.wait())
            stopped.add_done_callback(lambda _: self._changed.set())
            while not self._is_finished():
                self._changed.clear()
                await self._changed.wait()
                self._raise_of_failed()
        finally:
            stopped.cancel()
            for task in self._hands.values():
                task.cancel()
            await asyncio.gather(*self._hands.values(), return_exceptions=True)
            for hand in self._hands:
                self._ray.kill(hand.actor)

    def _is_finished(self) -> bool:
        if any(hand.held for hand in self._hands):
            return False
        return self._is_all or self._run.stopping is not None

    def _raise_of_failed(self) -> None:
        for task in self._hands.values():
            if task.done() and not task.cancelled() and (error := task.exception()) is not None:
                raise error

    def _warn_of_limits(self) -> None:
        deck = self._run.client.deck
        limited = [name for name, backend in deck.backends.items() if backend.limits is not None]
        if limited and deck.limits_url is None:
            self._run.note(
                f"the limits of {', '.join(sorted(limited))} hold in each worker for itself: with limits_url they share them"
            )

    # ── Workers ───────────────────────────────────────────────────────────────────────────────────────────────────

    def _start(self) -> None:
        """Start a worker, wherever there is room for it."""
        run = self._run
        actor = self._ray.remote(Worker).options(
            num_cpus=_CPUS, max_restarts=0, max_task_retries=0, scheduling_strategy="SPREAD"
        )
        pace = Pace(run.options.concurrency, self._count)
        made = actor.remote(run.options.make_client, run.settings, str(Path.cwd()), pace)
        hand = _Hand(made)
        self._hands[hand] = asyncio.create_task(self._serve(hand))
        self._hands[hand].add_done_callback(lambda _: self._changed.set())

    async def _serve(self, hand: _Hand) -> None:
        """Hand a worker rows and take its outcomes, as long as it lives; then its rows go to others."""
        try:
            chain = await hand.actor.open.remote()
            if chain != self._chain:
                msg = f"a worker's configuration is another: '{self._run.settings.model}' is {', '.join(chain)} there"
                raise BatchError(msg)
            hand.is_open = True
            self._feed(hand)
            async for each in hand.actor.outcomes.remote():
                for ended in await each:
                    self._write(hand, ended)
                self._progress.update()
                self._feed_all()
                self._changed.set()
        except self._ray.exceptions.RayTaskError as error:
            self._ray.kill(hand.actor)
            msg = f"a worker has failed: {error.cause}"
            raise BatchError(msg) from None
        except self._ray.exceptions.RayError as error:
            self._lose(hand, error)

    def _lose(self, hand: _Hand, error: Exception) -> None:
        """A worker is lost: its rows are made again elsewhere, and another takes its place."""
        self._ray.kill(hand.actor)  # one that only cannot be reached must not go on
        lost, hand.held, hand.is_open = list(hand.held.values()), {}, False
        del self._hands[hand]
        for each in lost:
            self._reserved -= each.most or 0
        self._rows.lose([each.job for each in lost])
        self._is_all = False
        self._deaths += 1
        self._run.note(f"a worker is lost ({type(error).__name__}); {len(lost)} rows that it had are handed to others")
        if self._deaths >= _DEATHS:
            self._run.stop(f"{self._deaths} workers were lost one after another: {error}")
        if self._run.stopping is None:
            self._start()
        self._feed_all()
        self._changed.set()

    # ── Rows ──────────────────────────────────────────────────────────────────────────────────────────────────────

    def _feed_all(self) -> None:
        for hand in self._hands:
            self._feed(hand)

    def _feed(self, hand: _Hand) -> None:
        """Hand a worker as many rows as it has places for."""
        if not hand.is_open:
            return
        rows: list[Handed] = []
        while len(hand.held) < self._run.options.concurrency and (row := self._next()) is not None:
            hand.held[row.job.number] = row
            rows.append(row)
        if rows:
            hand.actor.feed.remote(rows)

    def _next(self) -> Handed | None:
        """The next row, with what is reserved for it of the budget."""
        run = self._run
        job, self._waiting = self._waiting, None
        if job is None:
            job = self._rows.next()
        if job is None:
            self._is_all = True
            return None
        before = run.standing.failed_cost(job.number)
        if run.options.budget is None:
            return Handed(job, before)
        most = self._most(job)
        if most is not None and run.standing.spent + self._reserved + most <= run.options.budget:
            self._reserved += most
            return Handed(job, before, most)
        if most is not None and self._reserved:
            self._waiting = job  # until an outcome frees what it was reserved more
            return None
        self._rows.hand_back(job)
        why = "what it may cost is unknown: give its model prices and max_tokens" if most is None else "it is spent"
        run.stop(f"the budget has no room for a further row: {why}")
        return None

    def _most(self, job: RowJob) -> Decimal | None:
        """The most that one answer to a row may cost, whichever model of its chain gives it."""
        amounts = []
        plan = self._run.checker.plan(job)
        for member in plan.members:
            assert member.spec is not None  # noqa: S101 -- only available members are in a plan
            try:
                expected = plan.capability.expect(plan.build(member.spec, member.settings, None))
            except PipelexError:
                continue
            amounts.append(most_cost(member.spec.costs, expected, member.spec.service_tier))
        known = [amount for amount in amounts if amount is not None]
        return max(known) if known and len(known) == len(amounts) else None

    def _write(self, hand: _Hand, ended: Ended) -> None:
        row = hand.held.pop(ended.number)
        self._reserved -= row.most or 0
        self._deaths = 0
        line = ended.line
        if line is None:
            line = line_of(row.job, ended.result, self._run.files, row.before)
        self._run.write(line)
        self._hope.weigh(ended.error, lasts=ended.lasts)
