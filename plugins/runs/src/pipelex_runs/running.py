"""A run: a model answers, the tools that it asks for run, it answers again, until it asks for none.

What a model reads of a tool that could not be run, and of one that failed, is in `docs/tools.md`.
"""

from __future__ import annotations

import asyncio
import logging
import time
from contextlib import AsyncExitStack, nullcontext
from functools import partial
from typing import TYPE_CHECKING, Any

from attrs import define, field, fields_dict

from pipelex_core.costs import total
from pipelex_core.errors import CallError, PluginError, ToolFailedError, TurnLimitError, UnsupportedInputError
from pipelex_core.execution.clocks import Deadline, within
from pipelex_core.execution.plan import out_of_time
from pipelex_core.execution.redaction import redacted
from pipelex_core.execution.terms import split_terms
from pipelex_core.execution.threaded import in_thread
from pipelex_core.ledger import sum_usage
from pipelex_core.near import did_you_mean
from pipelex_core.parts import Message, TextPart, ToolCall, ToolResult
from pipelex_core.prompts import read_prompt
from pipelex_core.results import RunResult, TextResult
from pipelex_runs.outcomes import as_text
from pipelex_runs.sources import open_tools

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence

    from pipelex_core.client.base_client import BaseClient
    from pipelex_core.hookspecs import ToolMiddleware
    from pipelex_core.plugins import Plugins
    from pipelex_core.tools import RunnableTool

AT_ONCE = 16
"""How many tools of one answer run at the same time."""

_log = logging.getLogger("pipelex_core.calls")


@define(eq=False)
class Run:
    """One run.

    Attributes:
        ask: Asks the model: a conversation, and the arguments of a call for text.
        tools: What it may ask for.
        around: What plugins bring around every tool, the outermost first.
        redact: Takes the configured secrets out of a text.
        messages: The conversation so far.
        tool_timeout: Seconds a tool may take, or None.
        ends_at: When the caller's time is over (monotonic seconds), or None.
        turns: The answers so far.
    """

    ask: Callable[[Sequence[Message], Mapping[str, Any]], Awaitable[TextResult]]
    tools: Mapping[str, RunnableTool]
    redact: Callable[[str], str]
    messages: list[Message]
    around: Sequence[ToolMiddleware] = ()
    tool_timeout: float | None = None
    ends_at: float | None = None
    turns: list[TextResult] = field(factory=list)

    async def to_its_end(self, max_turns: int, arguments: Mapping[str, Any]) -> RunResult:
        """Take turns until the model asks for no tool.

        Raises:
            TurnLimitError: It still asks for some after so many turns.
            CallError: A turn failed; with the conversation so far, and the attempts of all turns.
        """
        try:
            while True:
                if calls := _unanswered(self.messages):
                    if len(self.turns) >= max_turns:
                        raise self._too_many_turns(calls, max_turns)
                    self.messages.append(await self._in_time(self._run_all(calls)))
                elif self.turns:
                    return _result(self.turns, self.messages)
                self.turns.append(await self.ask(self.messages, self._of_this_turn(arguments)))
                self.messages.append(self.turns[-1].message)
        except (CallError, PluginError) as error:
            error.attempts = (*(attempt for turn in self.turns for attempt in turn.attempts), *error.attempts)
            error.messages = tuple(self.messages)
            raise

    def _of_this_turn(self, arguments: Mapping[str, Any]) -> dict[str, Any]:
        """The arguments of the call; a tool is demanded in the first turn alone, or the run would never end."""
        requested = {**arguments, "tools": [tool.tool for tool in self.tools.values()]}
        if self.turns:
            requested.pop("tool_choice", None)
        if self.ends_at is not None:
            requested["deadline"] = self.ends_at - time.monotonic()
            if requested["deadline"] <= 0:
                raise out_of_time()
        return requested

    async def _run_all(self, calls: Sequence[ToolCall]) -> Message:
        """The tools that an answer asks for, at the same time; their results in its order."""
        room = asyncio.Semaphore(AT_ONCE)
        tasks = [asyncio.create_task(self._run(call, room)) for call in calls]
        try:
            return Message(role="tool", parts=tuple(await asyncio.gather(*tasks)))
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.wait(tasks)

    async def _run(self, call: ToolCall, room: asyncio.Semaphore) -> ToolResult:
        async with room:
            try:
                content, failed = as_text(await self._outcome(call)), False
            except ToolFailedError as error:
                content, failed = self.redact(str(error)) or "the tool failed", True
                _log.info("tool %r failed: the model reads why", call.name)
        return ToolResult(call_id=call.id, content=content, name=call.name, is_error=failed)

    async def _outcome(self, call: ToolCall) -> Any:
        """What the tool returns.

        Raises:
            ToolFailedError: There is no such tool, it failed, or it took too long.
        """
        runnable = self.tools.get(call.name)
        if runnable is None:
            hint = did_you_mean(call.name, self.tools) or f"the tools are: {', '.join(self.tools)}"
            msg = f"there is no tool named '{call.name:.80}'; {hint}"
            raise ToolFailedError(msg)
        proceed: Callable[[], Awaitable[Any]] = partial(self._timed, runnable, call)
        for middleware in reversed(self.around):
            proceed = partial(middleware, call, runnable.tool, proceed)
        return await proceed()

    async def _timed(self, runnable: RunnableTool, call: ToolCall) -> Any:
        work = _guarded(runnable, call)
        if self.tool_timeout is None:
            return await work
        late = ToolFailedError(f"tool '{call.name}' did not end within {self.tool_timeout:g} s")
        return await within(Deadline(time.monotonic() + self.tool_timeout, late), work)

    async def _in_time(self, work: Any) -> Any:
        return await (work if self.ends_at is None else within(Deadline(self.ends_at, out_of_time()), work))

    def _too_many_turns(self, calls: Sequence[ToolCall], max_turns: int) -> TurnLimitError:
        names = ", ".join(dict.fromkeys(call.name for call in calls))
        turns = f"{max_turns} turn{'' if max_turns == 1 else 's'}"
        last = self.turns[-1]
        return TurnLimitError(
            f"the model still asks for tools ({names}) after {turns}",
            backend=last.backend,
            model=last.model,
            request_id=last.request_id,
        )


async def run(  # noqa: D417 -- the others are described where users read of them, in `AsyncClient.run`
    client: BaseClient,
    ask: Callable[..., Awaitable[TextResult]],
    prompt: Any,
    tools: Iterable[Any],
    *,
    max_turns: int,
    tool_timeout: float | None,
    budget_usd: Any,
    **arguments: Any,
) -> RunResult:
    """Carry a conversation to the answer that asks for no tool; see `AsyncClient.run`.

    Args:
        client: Whose deck, plugins and budgets count.
        ask: Asks for text: the messages, and the arguments of the call.
    """
    if type(max_turns) is not int or max_turns < 1:
        msg = f"max_turns is a whole number, 1 or more, not {max_turns!r}"
        raise UnsupportedInputError(msg)
    provided: object = tool_timeout
    if provided is not None and (
        isinstance(provided, bool) or not isinstance(provided, (int, float)) or not provided > 0
    ):
        msg = f"tool_timeout is a positive number of seconds, or None, not {provided!r}"
        raise UnsupportedInputError(msg)
    terms, _ = split_terms({"deadline": arguments.pop("deadline", None)})
    media = {name: arguments.pop(name) for name in ("images", "documents", "audio") if name in arguments}
    read = await in_thread(partial(read_prompt, prompt, **media))
    system = (Message(role="system", parts=(TextPart(read.system),)),) if read.system else ()
    budget = nullcontext() if budget_usd is None else client.budget(usd=budget_usd)
    async with AsyncExitStack() as opened:
        opening = open_tools(tools, client.plugins, opened)
        runnable = await (opening if terms.ends_at is None else within(Deadline(terms.ends_at, out_of_time()), opening))
        with budget:
            taking = Run(
                ask=ask,
                tools=runnable,
                redact=partial(_without_secrets, client),
                messages=[*system, *read.messages],
                around=_around_tools(client.plugins),
                tool_timeout=tool_timeout,
                ends_at=terms.ends_at,
            )
            return await taking.to_its_end(max_turns, arguments)


async def _guarded(runnable: RunnableTool, call: ToolCall) -> Any:
    """What the tool returns; whatever it raises is what the model reads, but for the cancellation of the run itself."""
    try:
        return await runnable.call(call.arguments)
    except ToolFailedError:
        raise
    except asyncio.CancelledError:
        task = asyncio.current_task()
        if task is not None and task.cancelling():
            raise
        error: BaseException = ToolFailedError(f"tool '{call.name}' was cancelled")
    except (Exception, SystemExit) as raised:  # noqa: BLE001 -- a tool may raise anything, and so may the exit it calls
        error = ToolFailedError(f"{type(raised).__name__}: {raised}")
    raise error from None


def _unanswered(messages: Sequence[Message]) -> list[ToolCall]:
    """The calls of the last message, where it is one of the model: what a run has to do before it asks again."""
    last = messages[-1] if messages else None
    if last is None or last.role != "assistant":
        return []
    return [part for part in last.parts if isinstance(part, ToolCall)]


def _result(turns: Sequence[TextResult], messages: Sequence[Message]) -> RunResult:
    """The last answer, with what all turns used."""
    last = turns[-1]
    facts = {name: getattr(last, name) for name in fields_dict(TextResult)}
    attempts = tuple(attempt for turn in turns for attempt in turn.attempts)
    facts |= {"attempts": attempts, "usage": sum_usage([turn.usage for turn in turns])}
    facts["cost"] = total(turn.cost for turn in turns)
    return RunResult(**facts, messages=tuple(messages), turns=tuple(turns))


def _around_tools(plugins: Plugins) -> tuple[ToolMiddleware, ...]:
    plugins.ask("pipelex_tool_middleware")
    return tuple(each for _, found in plugins.declared("pipelex_tool_middleware") for each in found)


def _without_secrets(client: BaseClient, text: str) -> str:
    for config in client.deck.backends.values():
        text = redacted(text, config)
    return text
