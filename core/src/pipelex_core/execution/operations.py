"""The calls of a client, from their arguments to their result; `AsyncClient` documents them."""

from __future__ import annotations

import asyncio
from functools import partial
from typing import TYPE_CHECKING, Any

from pipelex_core.capabilities.text import GENERATE_OBJECT, STREAM_TEXT, TEXT
from pipelex_core.execution.attempts import Ledger
from pipelex_core.execution.budgets import Budget, budgets_of
from pipelex_core.execution.plan import make_plan
from pipelex_core.execution.results import result_of
from pipelex_core.execution.terms import read_terms
from pipelex_core.execution.walk import Execution
from pipelex_core.streams import AsyncRestartingTextStream, AsyncTextStream

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping
    from decimal import Decimal

    from pipelex_core.deck import ModelDeck
    from pipelex_core.execution.budgets import Unknown
    from pipelex_core.execution.plan import Plan
    from pipelex_core.plugins import Plugins
    from pipelex_core.results import ObjectResult

    Handle = str | Mapping[str, Any] | None
    Settings = Mapping[str, Any]


class Operations:
    """What one client can do."""

    def __init__(self, deck: ModelDeck, plugins: Plugins, *, budget_usd: Decimal | float | str | None = None) -> None:
        self._deck = deck
        self._capabilities = deck.capabilities
        self.total_budget = None if budget_usd is None else Budget(budget_usd)
        self._execution = Execution(deck, plugins)

    async def call(
        self,
        name: str,
        source: Any,
        model: Handle,
        settings: Settings,
        beside: Mapping[str, Any] | None = None,
        **terms: Any,
    ) -> Any:
        """Call a capability.

        Args:
            name: The capability.
            source: What the call is about: a prompt, a document.
            model: The handle; None for the deck's default.
            settings: The call's own.
            beside: What the call gives besides `source`, such as `system`; None where that is among the settings.
            terms: As in `read_terms`.
        """
        capability = self._capabilities.require(name)
        agreed = read_terms(**terms)
        if beside is None:
            beside, settings = capability.split(settings)
        if capability.reads_files(source, **beside):
            what = await asyncio.to_thread(capability.read, source, **beside)
        else:
            what = capability.read(source, **beside)
        plan = make_plan(self._deck, capability, what, handle=model, settings=settings, terms=agreed)
        return await self._finished(plan, self._execution.run, result_of)

    def stream_text(
        self, source: Any, model: Handle, settings: Settings, beside: Mapping[str, Any], **terms: Any
    ) -> Any:
        """Stream a text; arguments as in `call`."""
        agreed = read_terms(**terms)
        plan = make_plan(
            self._deck,
            TEXT,
            TEXT.read(source, **beside),
            operation=STREAM_TEXT,
            handle=model,
            settings=settings,
            terms=agreed,
        )
        kind = AsyncRestartingTextStream if plan.terms.restarts else AsyncTextStream
        ledger = self._ledger()
        return kind(self._execution.stream(plan, ledger), ledger)

    async def generate_object(
        self, source: Any, type: Any, model: Handle, settings: Settings, beside: Mapping[str, Any], **terms: Any
    ) -> ObjectResult[Any]:
        """Generate a typed object; arguments as in `call`."""
        from pipelex_core.execution.typed import fits, generate_object  # what calls for text do without
        from pipelex_core.objects import object_type

        agreed = read_terms(**terms)
        kind = object_type(type)
        read = partial(TEXT.read, source, **beside, kind=kind)
        what = await asyncio.to_thread(read) if TEXT.reads_files(source, **beside) else read()
        plan = make_plan(
            self._deck,
            TEXT,
            what,
            operation=GENERATE_OBJECT,
            handle=model,
            settings=settings,
            terms=agreed,
            fits=partial(fits, kind),
        )
        result: ObjectResult[Any] = await self._finished(plan, partial(generate_object, self._execution, kind))
        return result

    async def close(self) -> None:
        """Close what was opened in the running loop."""
        await self._execution.close()

    def budget(self, usd: Decimal | float | str, unknown: Unknown) -> Budget:
        """A budget for the calls that are begun inside it."""
        return Budget(usd, unknown=unknown, owner=self)

    def _ledger(self) -> Ledger:
        """The ledger of a call that begins now, with the budgets that it counts in."""
        return Ledger(budgets=budgets_of(self, self.total_budget))

    async def _finished(
        self, plan: Plan, ask: Callable[[Plan, Ledger], Awaitable[Any]], result: Callable[..., Any] | None = None
    ) -> Any:
        """The result of a call, after those who listen heard how it ended; `result` makes it of what `ask` gives."""
        ledger = self._ledger()
        ended: Any = None
        try:
            answered = await ask(plan, ledger)
            ended = answered if result is None else result(plan, *answered, ledger)
        except Exception as error:
            ended = error
            raise
        finally:
            self._execution.finish(plan, ledger, ended)
        return ended
