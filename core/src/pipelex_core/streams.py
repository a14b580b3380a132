"""A stream of text, as a caller holds it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pipelex_core.execution.attempts import Ledger
from pipelex_core.execution.operations import text_result

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator
    from types import TracebackType
    from typing import Self

    from pipelex_core.deck import ChainMember
    from pipelex_core.execution.plan import Plan
    from pipelex_core.execution.walk import Execution
    from pipelex_core.requests import TextAnswer, TextResult


class AsyncTextStream:
    """Deltas of text, and after the last one the whole result.

    Nothing is sent before the first delta is asked for. Used with `async with`, leaving early closes the connection.
    """

    def __init__(self, execution: Execution, plan: Plan) -> None:
        self._execution = execution
        self._plan = plan
        self._ledger = Ledger()
        self._result: TextResult | None = None
        self._finished = False
        self._events: AsyncGenerator[str | tuple[ChainMember, TextAnswer], None] = execution.stream(plan, self._ledger)

    @property
    def result(self) -> TextResult:
        """The whole answer, once the stream has ended.

        Raises:
            RuntimeError: The stream has not ended, or was left early.
        """
        if self._result is None:
            msg = "the stream has not ended: read it to its end before asking for its result"
            raise RuntimeError(msg)
        return self._result

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> str:
        try:
            event = await anext(self._events, None)
        except Exception as error:
            self._finish(error)
            raise
        if isinstance(event, str):
            return event
        if event is not None:
            member, answer = event
            self._result = text_result(member, answer, self._ledger)
            await self._events.aclose()
            self._finish(None)
        raise StopAsyncIteration

    async def aclose(self) -> None:
        """Close the connection; a stream that was read to its end is closed already."""
        await self._events.aclose()
        self._finish(None)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await self.aclose()

    def _finish(self, error: Exception | None) -> None:
        if not self._finished:
            self._finished = True
            self._execution.finish(self._plan, self._ledger, self._result, error)
