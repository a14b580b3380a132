"""A call walks its chain: member after member, until one answers, or nobody is left to be asked."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, cast

from pipelex_core.calls import FinishedCall
from pipelex_core.errors import AllAttemptsFailedError, CallError, DeadlineExceededError, PluginError
from pipelex_core.execution.admission import Admissions
from pipelex_core.execution.asking import Asking
from pipelex_core.execution.backends import Backends
from pipelex_core.execution.call_log import log_finished
from pipelex_core.execution.chain import Chain
from pipelex_core.execution.clocks import Deadline, within
from pipelex_core.execution.cooldown import Cooldowns
from pipelex_core.execution.plan import out_of_time
from pipelex_core.execution.policy import verdict
from pipelex_core.execution.redaction import redact_error
from pipelex_core.execution.results import result_of
from pipelex_core.execution.streaming import MemberStream
from pipelex_core.streams import StreamRestarted

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Awaitable

    from pipelex_core.deck import ChainMember, ModelDeck
    from pipelex_core.execution.attempts import Ledger
    from pipelex_core.execution.chain import Turn
    from pipelex_core.execution.plan import Plan
    from pipelex_core.plugins import Plugins
    from pipelex_core.results import Result, TextResult
    from pipelex_core.streams import StreamEvent


class Execution:
    """Carries the calls of one client to the plugins."""

    def __init__(self, deck: ModelDeck, plugins: Plugins) -> None:
        self._plugins = plugins
        self._configs = deck.backends
        self._backends = Backends(deck.backends, plugins)
        self._admissions = Admissions(deck, plugins)
        self._asking = Asking(self._backends, deck.backends, plugins, self._admissions)
        self._cooldowns = Cooldowns({name: config.cooldown for name, config in deck.backends.items()})

    def run(self, plan: Plan, ledger: Ledger) -> Awaitable[tuple[ChainMember, Any]]:
        """The first answer a member gives, and that member.

        Raises:
            CallError: The error of the attempt, with the ledger; `AllAttemptsFailedError` where several failed.
            PluginError: A plugin broke its contract.
        """
        return self._walk(plan, ledger) if plan.ends_at is None else self._in_time(plan, ledger)

    async def _in_time(self, plan: Plan, ledger: Ledger) -> tuple[ChainMember, Any]:
        over = out_of_time()
        try:
            return await within(Deadline(plan, over), self._walk(plan, ledger))
        except DeadlineExceededError as error:
            if error is over:
                ledger.ran_out_of_time(over, plan.members[0].spec)
            raise

    async def stream(  # noqa: C901, PLR0912 -- one generator: a further one would cost every delta
        self, plan: Plan, ledger: Ledger
    ) -> AsyncGenerator[StreamEvent, None]:
        """Deltas, and last the result; errors as in `run`. Those who listen hear how it ended, also where it was closed."""
        over = out_of_time()
        deadline = None if plan.ends_at is None else Deadline(plan, over)
        chain = self._chain(plan)
        restarted: StreamRestarted | None = None
        ended: TextResult | Exception | None = None
        try:
            while (turn := chain.next()) is not None:
                if restarted is not None:
                    yield restarted
                    restarted = None
                begun = False
                try:
                    await self._begin(turn, ledger)
                    async with MemberStream(self._asking, plan, turn.member, ledger, deadline) as member:
                        events, text = await member.open()
                        async for event in events:
                            if not isinstance(event, str):
                                break
                            begun = True
                            text.append(event)
                            yield event
                        else:
                            event = None
                        answer = member.check(event)
                except (CallError, PluginError) as error:
                    if error is over:
                        chain.left(turn, ran_out_of_time=not begun)
                        ledger.ran_out_of_time(over, plan.members[0].spec)
                        raise
                    goes_on = chain.failed(turn, error, sent=ledger.has_sent, broken_off=begun)
                    if not goes_on or ledger.is_abandoned or (begun and not plan.terms.restarts):
                        ledger.close(error)
                        raise
                    if begun:
                        restarted = StreamRestarted.after(error, turn.state.spec, ledger.partial_text)
                except BaseException:
                    chain.left(turn, ran_out_of_time=plan.is_over and not begun)
                    raise
                else:
                    chain.answered(turn)
                    ended = cast("TextResult", result_of(plan, turn.member, answer, ledger))
                    yield ended
                    return
            raise _all_failed(chain, ledger)  # noqa: TRY301 -- heard below like every other
        except Exception as error:
            ended = error
            raise
        finally:
            self.finish(plan, ledger, ended)

    def finish(self, plan: Plan, ledger: Ledger, ended: Result | Exception | None) -> None:
        """Tell the log, and the plugins that listen, how a call ended; None where the caller gave up."""
        finished = FinishedCall(
            operation=plan.operation.name,
            capability=plan.capability.name,
            handle=plan.handle,
            attempts=tuple(ledger.attempts),
            result=None if isinstance(ended, Exception) else ended,
            error=ended if isinstance(ended, Exception) else None,
            seconds=ledger.seconds,
            call_id=plan.call_id,
        )
        log_finished(finished)
        self._plugins.call_finished(finished)

    def moves_on(self, plan: Plan, member: ChainMember, error: CallError) -> bool:
        """Whether what is wrong with a member's answer lets its chain move on."""
        assert member.spec is not None  # noqa: S101 -- it answered
        fallback_on = plan.terms.fallback_on or self._configs[member.spec.backend].retry.fallback_on
        return verdict(error, fallback_on) == "move_on"

    def closed(self, error: CallError, member: ChainMember, ledger: Ledger) -> CallError:
        """The error over an answer that a member gave, with the ledger, and without the key."""
        assert member.spec is not None  # noqa: S101 -- it answered
        redact_error(error, self._configs[member.spec.backend])
        return ledger.close(error, member.spec)

    async def close(self) -> None:
        """Close the backends of the running loop, and what limits had opened in it."""
        await self._backends.close()
        await self._admissions.close()

    async def _walk(self, plan: Plan, ledger: Ledger) -> tuple[ChainMember, Any]:
        chain = self._chain(plan)
        while (turn := chain.next()) is not None:
            try:
                await self._begin(turn, ledger)
                answer = await self._asking.ask(plan, turn.member, ledger)
            except (CallError, PluginError) as error:
                if not chain.failed(turn, error, sent=ledger.has_sent):
                    ledger.close(error)
                    raise
            except BaseException:
                chain.left(turn, ran_out_of_time=plan.is_over)
                raise
            else:
                chain.answered(turn)
                return turn.member, answer
        raise _all_failed(chain, ledger)

    def _chain(self, plan: Plan) -> Chain:
        return Chain(plan.members, self._cooldowns, self._configs, plan.terms)

    async def _begin(self, turn: Turn, ledger: Ledger) -> None:
        """What comes before a turn: members passed over, and a wait."""
        for spec in turn.skipped:
            ledger.skip(spec, self._cooldowns.reason_of(spec))
        ledger.turn(turn.wait, turn.why, others_left=turn.others_left)
        if turn.wait:
            await asyncio.sleep(turn.wait)


def _all_failed(chain: Chain, ledger: Ledger) -> CallError | PluginError:
    """No member is left: the error of the only one, or one that tells of all."""
    errors = chain.errors()
    if len(errors) == 1:
        return ledger.close(errors[0][1])
    told = "; ".join(
        f"'{spec.name}': {type(error).__name__}: {getattr(error, 'message', error)}" for spec, error in errors
    )
    waits = [wait for _, error in errors if (wait := getattr(error, "retry_after", None)) is not None]
    partial_texts = [text for _, error in errors if (text := getattr(error, "partial_text", None))]
    failure = AllAttemptsFailedError(
        f"every model of the chain failed: {told}",
        retry_after=min(waits, default=None),
        partial_text=partial_texts[-1] if partial_texts else None,
    )
    return ledger.close(failure)
