"""A planned call walks its chain, until a member answers or all failed; its result, or its error, has every attempt."""

from __future__ import annotations

import asyncio
import logging
import time
from contextlib import AbstractContextManager, nullcontext
from functools import partial
from typing import TYPE_CHECKING, Any

from pipelex_core.budgets import budgets_of, keeping, open_budgets
from pipelex_core.calls import FinishedCall
from pipelex_core.errors import CallError, DeadlineExceededError, PluginError
from pipelex_core.execution.admission import Admissions
from pipelex_core.execution.asking import Asking
from pipelex_core.execution.attempts import Ledger
from pipelex_core.execution.backends import Backends
from pipelex_core.execution.call_log import calls_log, log_fallback, log_finished
from pipelex_core.execution.chain import Chain, Turn
from pipelex_core.execution.clocks import Deadline, within
from pipelex_core.execution.cooldown import Cooldowns
from pipelex_core.execution.ordering import Orders
from pipelex_core.execution.plan import Plan, out_of_time
from pipelex_core.execution.policy import verdict
from pipelex_core.execution.proxy_names import check_proxies
from pipelex_core.execution.redaction import redact_error
from pipelex_core.execution.results import common_fields, result_of
from pipelex_core.execution.streaming import MemberStream
from pipelex_core.streams import StreamEvent, StreamRestarted

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Awaitable, Callable
    from decimal import Decimal

    from pipelex_core.backend import Backend
    from pipelex_core.budgets import Budget, Unknown
    from pipelex_core.deck import ChainMember, ModelDeck
    from pipelex_core.plugins import Plugins
    from pipelex_core.requests import Request
    from pipelex_core.results import Result
    from pipelex_core.specs import ModelSpec

_UNMEASURED: AbstractContextManager[None] = nullcontext()
"""Around an attempt of a client whose chains all have the order of their lists."""


class Walk:
    """Carries planned calls of one client to the plugins."""

    def __init__(self, deck: ModelDeck, plugins: Plugins, *, budget_usd: Decimal | float | str | None = None) -> None:
        check_proxies()
        self._deck = deck
        self._plugins = plugins
        self.total_budget: Budget | None = None if budget_usd is None else keeping().Budget(budget_usd)
        self._configs = deck.backends
        self._backends = Backends(deck.backends, plugins)
        self._admissions = Admissions(deck, plugins)
        self._asking = Asking(self._backends, deck.backends, plugins, self._admissions)
        self._orders = Orders(deck, plugins)
        self._measure = self._orders.asking if self._orders else None
        self._cooldowns = Cooldowns({name: config.cooldown for name, config in deck.backends.items()})

    def ask(self, plan: Plan, what: Any, ledger: Ledger | None = None) -> Awaitable[Any]:
        """The result of a call that is planned already.

        Args:
            plan: The call.
            what: The input that it was planned for.
            ledger: Gets its attempts, however it ends.
        """
        if plan.capability.gather is None:
            return self._finished(plan, None, ledger)
        from pipelex_core.execution.batches import in_batches  # what calls of one request do without

        gathering = plan.capability.gather(what, plan.members)
        return self._finished(plan, partial(in_batches, self, gathering), ledger)

    def stream(self, plan: Plan, ledger: Ledger) -> AsyncGenerator[Any, None]:
        """The deltas of a stream that is planned already, and last its result; `ledger` as in `ask`."""
        return self._stream(plan, ledger)

    async def backend(self, spec: ModelSpec) -> Backend:
        """The open backend of a model."""
        return (await self._backends.get(spec))[0]

    async def prepare(self, plan: Plan, member: ChainMember) -> tuple[Backend, Request]:
        """The request of a member as it would be sent, and the backend to ask.

        Raises:
            CallError: The model does not take it.
        """
        _, call, backend = await self._asking.prepare(plan, member, Ledger())
        return backend, call.request

    def budget(self, usd: Decimal | float | str, unknown: Unknown) -> Budget:
        """A budget for the calls that are begun inside it."""
        budget: Budget = keeping().Budget(usd, unknown=unknown, owner=self)
        return budget

    def run(self, plan: Plan, ledger: Ledger) -> Awaitable[tuple[ChainMember, Any]]:
        """The first answer a member gives, and that member.

        Raises:
            CallError: The error of the attempt, with the ledger; `AllAttemptsFailedError` where several failed.
            PluginError: A plugin broke its contract.
        """
        ends_at = plan.terms.ends_at
        return self._walk(plan, ledger) if ends_at is None else self._in_time(ends_at, plan, ledger)

    async def _in_time(self, ends_at: float, plan: Plan, ledger: Ledger) -> tuple[ChainMember, Any]:
        over = out_of_time()
        try:
            return await within(Deadline(ends_at, over), self._walk(plan, ledger))
        except DeadlineExceededError as error:
            if error is over:
                ledger.ran_out_of_time(over, plan.members[0].spec)
            raise

    async def _stream(  # noqa: C901, PLR0912, PLR0915 -- one generator: a further one would cost every delta
        self, plan: Plan, ledger: Ledger, *, is_whole: bool = True
    ) -> AsyncGenerator[StreamEvent, None]:
        """Deltas, and last the result; errors as in `run`. Those who listen hear how it ended, also where it was closed."""
        over = out_of_time()
        deadline = None if plan.terms.ends_at is None else Deadline(plan.terms.ends_at, over)
        chain = self._chain(plan)
        restarted: StreamRestarted | None = None
        ended: Result | Exception | None = None
        try:
            while (turn := chain.next()) is not None:
                if restarted is not None:
                    yield restarted
                    restarted = None
                begun = False
                try:
                    await self._begin(turn, ledger)
                    with self._measure(turn.state.spec) if self._measure else _UNMEASURED as measured:
                        async with MemberStream(self._asking, plan, turn.state.member, ledger, deadline) as member:
                            events, text = await member.open()
                            async for event in events:
                                if not isinstance(event, str) and not isinstance(event, bytes):
                                    break
                                if not begun:
                                    begun = True
                                    if measured is not None:
                                        measured.first()
                                text.append(event)
                                yield event
                            else:
                                event = None
                            answer = member.check(event)
                except (CallError, PluginError) as error:
                    if error is over:
                        chain.abandon(turn, ran_out_of_time=not begun)
                        ledger.ran_out_of_time(over, plan.members[0].spec)
                        raise
                    goes_on = chain.failed(turn, error, sent=ledger.has_sent, broken_off=begun)
                    if not goes_on or ledger.is_abandoned or (begun and not plan.terms.restarts):
                        ledger.close(error)
                        raise
                    if begun:
                        restarted = StreamRestarted.after(error, turn.state.spec, ledger.partial_text)
                except BaseException:
                    chain.abandon(turn, ran_out_of_time=plan.is_over and not begun)
                    raise
                else:
                    chain.answered(turn)
                    ended = result_of(plan, turn.state.member, answer, ledger)
                    yield ended if is_whole else (turn.state.member, answer)  # type: ignore[misc]  # as `events` says
                    return
            raise chain.failure(ledger)  # noqa: TRY301 -- heard below like every other
        except Exception as error:
            ended = error
            raise
        finally:
            if is_whole:
                self.finish(plan, ledger, ended)

    def events(self, plan: Plan, ledger: Ledger) -> AsyncGenerator[Any, None]:
        """Deltas, and last the member that answered and its answer; nobody hears yet how the call ended. Errors as in `run`."""
        return self._stream(plan, ledger, is_whole=False)

    def finish(self, plan: Plan, ledger: Ledger, ended: Result | Exception | None) -> None:
        """Tell the log, and the plugins that listen, how a call ended; None where the caller gave up."""
        finished = FinishedCall(
            operation=plan.operation.name,
            capability=plan.capability.name,
            handle=plan.handle,
            attempts=tuple(ledger.attempts),
            result=None if isinstance(ended, Exception) else ended,
            error=ended if isinstance(ended, Exception) else None,
            seconds=time.monotonic() - ledger.started,
            call_id=plan.call_id,
        )
        if len(finished.attempts) > 1:
            log_fallback(finished)
        if calls_log.isEnabledFor(logging.INFO):
            log_finished(finished)
        self._plugins.call_finished(finished)

    def moves_on(self, plan: Plan, member: ChainMember, error: CallError) -> bool:
        """Whether a member's answer that was paid and does not fit lets its chain move on, to be paid once more."""
        assert member.spec is not None  # noqa: S101 -- it answered
        fallback_on = plan.terms.fallback_on or self._configs[member.spec.backend].retry.fallback_on
        return fallback_on != "unavailable" and verdict(error, fallback_on) == "move_on"

    def closed(self, error: CallError, member: ChainMember, ledger: Ledger) -> CallError:
        """The error over an answer that a member gave, with the ledger, and without the key."""
        assert member.spec is not None  # noqa: S101 -- it answered
        redact_error(error, self._configs[member.spec.backend])
        return ledger.close(error, member.spec)

    def common(self, member: ChainMember, answer: Any, ledger: Ledger) -> dict[str, Any]:
        """The fields that every result has."""
        return common_fields(member, answer, ledger)

    async def close(self) -> None:
        """Close the backends of the running loop, and what limits had opened in it."""
        await self._backends.close()
        await self._admissions.close()

    def _ledger(self) -> Ledger:
        """The ledger of a call that begins now, with the budgets that it counts in."""
        own = () if self.total_budget is None else (self.total_budget,)
        return Ledger(budgets=(*own, *budgets_of(self)) if open_budgets.get() else own)

    async def _finished(
        self, plan: Plan, ask: Callable[[Plan, Ledger], Awaitable[Any]] | None, ledger: Ledger | None = None
    ) -> Any:
        """What `ask` gives, or without it the result of one request, after those who listen heard how it ended."""
        ledger = self._ledger() if ledger is None else ledger
        ended: Any = None
        try:
            if ask is None:
                member, answer = await self.run(plan, ledger)
                ended = result_of(plan, member, answer, ledger)
            else:
                ended = await ask(plan, ledger)
        except Exception as error:
            ended = error
            raise
        finally:
            self.finish(plan, ledger, ended)
        return ended

    async def _walk(self, plan: Plan, ledger: Ledger) -> tuple[ChainMember, Any]:
        chain = self._chain(plan)
        while (turn := chain.next()) is not None:
            try:
                await self._begin(turn, ledger)
                if self._measure is None:
                    answer = await self._asking.ask(plan, turn.state.member, ledger)
                else:
                    with self._measure(turn.state.spec):
                        answer = await self._asking.ask(plan, turn.state.member, ledger)
            except (CallError, PluginError) as error:
                if not chain.failed(turn, error, sent=ledger.has_sent):
                    ledger.close(error)
                    raise
            except BaseException:
                chain.abandon(turn, ran_out_of_time=plan.is_over)
                raise
            else:
                chain.answered(turn)
                return turn.state.member, answer
        raise chain.failure(ledger)

    def _chain(self, plan: Plan) -> Chain:
        return Chain(self._orders.of(plan), self._cooldowns, self._configs, plan.terms)

    async def _begin(self, turn: Turn, ledger: Ledger) -> None:
        """What comes before a turn: members passed over, and a wait."""
        for spec in turn.skipped:
            ledger.skip(spec, self._cooldowns.reason_of(spec))
        ledger.turn(turn.wait, turn.why, has_others=turn.has_others)
        if turn.wait:
            await asyncio.sleep(turn.wait)
