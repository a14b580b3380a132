"""The calls of a client, from their arguments to their result; `AsyncClient` documents them."""

from __future__ import annotations

import asyncio
from functools import partial
from typing import TYPE_CHECKING, Any

from pipelex_core.execution.attempts import Ledger
from pipelex_core.execution.budgets import Budget, budgets_of
from pipelex_core.execution.plans import plan_extract, plan_image, plan_text
from pipelex_core.execution.results import document_result, image_result, text_result
from pipelex_core.execution.terms import read_terms
from pipelex_core.execution.walk import Execution
from pipelex_core.media import read_media
from pipelex_core.prompts import read_image_prompt, read_prompt, read_tools
from pipelex_core.streams import AsyncRestartingTextStream, AsyncTextStream

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterable, Mapping
    from decimal import Decimal

    from pipelex_core.calls import Operation
    from pipelex_core.deck import ModelDeck
    from pipelex_core.execution.budgets import Unknown
    from pipelex_core.execution.plan import Plan
    from pipelex_core.media import MediaSource
    from pipelex_core.plugins import Plugins
    from pipelex_core.prompts import Prompt, ToolLike
    from pipelex_core.results import DocumentResult, ImageResult, ObjectResult, TextResult

    Handle = str | Mapping[str, Any] | None
    Settings = Mapping[str, Any]


class Operations:
    """What one client can do."""

    def __init__(self, deck: ModelDeck, plugins: Plugins, *, budget_usd: Decimal | float | str | None = None) -> None:
        self._deck = deck
        self.total_budget = None if budget_usd is None else Budget(budget_usd)
        self._execution = Execution(deck, plugins)

    async def generate_text(self, prompt: Prompt, model: Handle, settings: Settings, **given: Any) -> TextResult:
        """A text; `given` as in `_plan_text`."""
        if _may_read_files(prompt, given):
            plan = await asyncio.to_thread(self._plan_text, "generate_text", prompt, model, settings, **given)
        else:
            plan = self._plan_text("generate_text", prompt, model, settings, **given)
        result: TextResult = await self._told(plan, self._execution.run, text_result)
        return result

    def stream_text(self, prompt: Prompt, model: Handle, settings: Settings, **given: Any) -> Any:
        """A text, piece by piece; `given` as in `_plan_text`."""
        plan = self._plan_text("stream_text", prompt, model, settings, **given)
        kind = AsyncRestartingTextStream if plan.terms.restarts else AsyncTextStream
        ledger = self._ledger()
        return kind(self._execution.stream(plan, ledger), ledger)

    async def generate_object(
        self,
        prompt: Prompt,
        type: Any,
        model: Handle,
        settings: Settings,
        *,
        system: str | None,
        images: Iterable[MediaSource],
        documents: Iterable[MediaSource],
        **terms: Any,
    ) -> ObjectResult[Any]:
        """A typed object; `terms` as in `read_terms`."""
        from pipelex_core.execution.typed import generate_object  # what calls for text do without
        from pipelex_core.objects import object_type

        agreed = read_terms(**terms)
        kind = object_type(type)
        told: dict[str, Any] = {"system": system, "images": images, "documents": documents}
        if _may_read_files(prompt, told):
            conversation = await asyncio.to_thread(read_prompt, prompt, **told)
        else:
            conversation = read_prompt(prompt, **told)
        plan = plan_text(
            self._deck, model, settings, conversation, terms=agreed, operation="generate_object", kind=kind
        )
        result: ObjectResult[Any] = await self._told(plan, partial(generate_object, self._execution, kind))
        return result

    async def extract(self, source: MediaSource, model: Handle, settings: Settings, **terms: Any) -> DocumentResult:
        """The pages of a document; `terms` as in `read_terms`."""
        agreed = read_terms(**terms)
        document = await asyncio.to_thread(read_media, source)
        plan = plan_extract(self._deck, model, settings, document, terms=agreed)
        result: DocumentResult = await self._told(plan, self._execution.run, document_result)
        return result

    async def generate_image(self, prompt: str, model: Handle, settings: Settings, **terms: Any) -> ImageResult:
        """Images; `terms` as in `read_terms`."""
        agreed = read_terms(**terms)
        plan = plan_image(self._deck, model, settings, read_image_prompt(prompt), terms=agreed)
        result: ImageResult = await self._told(plan, self._execution.run, image_result)
        return result

    async def close(self) -> None:
        """Close what was opened in the running loop."""
        await self._execution.close()

    def _plan_text(
        self,
        operation: Operation,
        prompt: Prompt,
        model: Handle,
        settings: Settings,
        *,
        system: str | None,
        images: Iterable[MediaSource],
        documents: Iterable[MediaSource],
        tools: Iterable[ToolLike],
        tool_choice: str | None,
        **terms: Any,
    ) -> Plan:
        agreed = read_terms(**terms)
        return plan_text(
            self._deck,
            model,
            settings,
            read_prompt(prompt, system=system, images=images, documents=documents),
            tools=read_tools(tools),
            tool_choice=tool_choice,
            terms=agreed,
            operation=operation,
        )

    def budget(self, usd: Decimal | float | str, unknown: Unknown) -> Budget:
        """A budget for the calls that are begun inside it."""
        return Budget(usd, unknown=unknown, owner=self)

    def _ledger(self) -> Ledger:
        """The ledger of a call that begins now, with the budgets that it counts in."""
        return Ledger(budgets=budgets_of(self, self.total_budget))

    async def _told(
        self, plan: Plan, ask: Callable[[Plan, Ledger], Awaitable[Any]], result: Callable[..., Any] | None = None
    ) -> Any:
        """The result of a call, after those who listen heard how it ended; `result` makes it of what `ask` gives."""
        ledger = self._ledger()
        ended: Any = None
        try:
            answered = await ask(plan, ledger)
            ended = answered if result is None else result(*answered, ledger)
        except Exception as error:
            ended = error
            raise
        finally:
            self._execution.finish(plan, ledger, ended)
        return ended


def _may_read_files(prompt: object, given: Mapping[str, Any]) -> bool:
    """Whether files may have to be read, which is done beside the event loop."""
    return bool(given["images"]) or bool(given["documents"]) or not isinstance(prompt, str)
