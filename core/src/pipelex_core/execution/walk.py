"""A call walks its chain: member after member, until one answers."""

from __future__ import annotations

import asyncio
from contextlib import aclosing
from typing import TYPE_CHECKING, Any

from pipelex_core.calls import FinishedCall
from pipelex_core.errors import AllAttemptsFailedError, CallError
from pipelex_core.execution.admission import admission_of
from pipelex_core.execution.asking import Asking
from pipelex_core.execution.backends import Backends
from pipelex_core.execution.plan import out_of_time
from pipelex_core.execution.policy import moves_on
from pipelex_core.execution.results import text_result
from pipelex_core.execution.streaming import stream_member

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

    from pipelex_core.deck import ChainMember, ModelDeck
    from pipelex_core.execution.attempts import Ledger
    from pipelex_core.execution.plan import Plan
    from pipelex_core.plugins import Plugins
    from pipelex_core.results import Result, TextResult


class Execution:
    """Carries the calls of one client to the plugins."""

    def __init__(self, deck: ModelDeck, plugins: Plugins) -> None:
        self._plugins = plugins
        self._backends = Backends(deck.backends, plugins)
        self._asking = Asking(self._backends, deck.backends, plugins, admission_of(deck))

    async def run(self, plan: Plan, ledger: Ledger) -> tuple[ChainMember, Any]:
        """The first answer a member gives, and that member.

        Raises:
            CallError: The error of the attempt, with the ledger; `AllAttemptsFailedError` where several failed.
            PluginError: A plugin broke its contract.
        """
        clock = asyncio.timeout(plan.seconds_left())
        try:
            async with clock:
                return await self._walk(plan, ledger)
        except TimeoutError:
            if not clock.expired():
                raise  # a middleware's own
            error = out_of_time()
            ledger.ran_out_of_time(error)
            raise ledger.close(error, plan.members[0].spec) from None

    async def stream(self, plan: Plan, ledger: Ledger) -> AsyncGenerator[str | TextResult, None]:
        """Deltas, and last the result; errors as in `run`. Those who listen hear how it ended, left early or not."""
        failures: list[CallError] = []
        ended: TextResult | Exception | None = None
        try:
            for member in plan.members:
                begun = False
                try:
                    async with aclosing(stream_member(self._asking, plan, member, ledger)) as events:
                        async for event in events:
                            if isinstance(event, str):
                                begun = True
                                yield event
                            else:
                                ended = text_result(member, event, ledger)
                                yield ended
                except CallError as error:
                    if begun or not moves_on(error):
                        raise
                    failures.append(error)
                else:
                    return
            raise _all_failed(failures, ledger)  # noqa: TRY301 -- listeners hear of it as of any error
        except Exception as error:
            ended = error
            raise
        finally:
            self.finish(plan, ledger, ended)

    def finish(self, plan: Plan, ledger: Ledger, ended: Result | Exception | None) -> None:
        """Tell the plugins that listen how a call ended; None where the caller gave up."""
        self._plugins.call_finished(
            FinishedCall(
                operation=plan.operation,
                capability=plan.capability,
                handle=plan.handle,
                attempts=tuple(ledger.attempts),
                result=None if isinstance(ended, Exception) else ended,
                error=ended if isinstance(ended, Exception) else None,
                seconds=ledger.seconds,
                call_id=plan.call_id,
            )
        )

    async def close(self) -> None:
        """Close the backends of the running loop."""
        await self._backends.close()

    async def _walk(self, plan: Plan, ledger: Ledger) -> tuple[ChainMember, Any]:
        failures: list[CallError] = []
        for member in plan.members:
            try:
                return member, await self._asking.ask(plan, member, ledger)
            except CallError as error:
                if not moves_on(error):
                    raise
                failures.append(error)
        raise _all_failed(failures, ledger)


def _all_failed(failures: list[CallError], ledger: Ledger) -> CallError:
    """No member is left: the error of the only one, or one that tells of all."""
    if len(failures) == 1:
        return ledger.close(failures[0])
    told = "; ".join(f"'{error.model}': {type(error).__name__}: {error.message}" for error in failures)
    return ledger.close(AllAttemptsFailedError(f"every model of the chain failed: {told}"))
