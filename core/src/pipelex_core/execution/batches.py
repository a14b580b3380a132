"""A call of several requests: each walks the chain by itself, some at a time, and what one of them got is never lost."""

from __future__ import annotations

import asyncio
from functools import partial
from typing import TYPE_CHECKING, Any, Protocol

from attrs import define, evolve, field

from pipelex_core.errors import CallError, PluginError
from pipelex_core.execution.results import common_fields

if TYPE_CHECKING:
    from collections.abc import Awaitable, Iterator

    from pipelex_core.capabilities.record import Gathering
    from pipelex_core.deck import ChainMember
    from pipelex_core.execution.attempts import Ledger
    from pipelex_core.execution.plan import Plan
    from pipelex_core.results import Result


class Walking(Protocol):
    """What walks a chain: `walk.Walk`."""

    def run(self, plan: Plan, ledger: Ledger) -> Awaitable[tuple[ChainMember, Any]]:
        """The first answer a member gives, and that member."""


async def in_batches(execution: Walking, gathering: Gathering, plan: Plan, ledger: Ledger) -> Result:
    """The result of all requests of a call.

    Where one fails, no further one is begun, and those under way are waited for: they may be paid already. Every attempt is
    in the ledger, in the order of the requests.

    Raises:
        CallError: The error of the first request that failed, with what the others got as its `partial`.
        PluginError: A plugin broke its contract.
    """
    batches = _Batches(execution, gathering, plan, ledger, waiting=iter(gathering.batches))
    try:
        if gathering.at_once == 1:
            await batches.make()
        else:
            async with asyncio.TaskGroup() as group:
                for _ in range(gathering.at_once):
                    group.create_task(batches.make())
    finally:
        for batch in gathering.batches:
            if batch in batches.ledgers:
                ledger.attempts += batches.ledgers[batch].attempts
    if batches.failure is not None:
        batch, error = batches.failure
        if isinstance(error, CallError):
            gathering.failed(batch, error, plan.members[0])
        raise ledger.close(error)
    assert batches.last is not None  # noqa: S101 -- there is at least one request, and none failed
    answer = gathering.answer()
    common = common_fields(batches.last, answer, ledger)
    return plan.operation.result(**common, **gathering.further(answer, batches.last))


@define(eq=False)
class _Batches:
    """The requests of one call: those that wait, and what became of the others."""

    execution: Walking
    gathering: Gathering
    plan: Plan
    ledger: Ledger
    waiting: Iterator[Any]
    ledgers: dict[Any, Ledger] = field(factory=dict)
    failure: tuple[Any, CallError | PluginError] | None = None
    last: ChainMember | None = None

    async def make(self) -> None:
        """Make one request after the other, until none is waiting or one has failed."""
        build = self.plan.capability.build
        for batch in self.waiting:
            own = self.ledgers[batch] = self.ledger.part()
            plan = evolve(self.plan, build=partial(build, self.gathering.input(batch)))
            try:
                member, answer = await self.execution.run(plan, own)
                self.gathering.add(batch, answer)
            except (CallError, PluginError) as error:
                self.failure = self.failure or (batch, error)
            else:
                self.last = member
            if self.failure is not None:
                return
