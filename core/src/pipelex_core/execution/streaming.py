"""One member's stream: its request goes through the middlewares and the admission, and its events come back one by one.

Without clocks whoever reads the stream drives it. With a deadline or an idle timeout a task of its own reads it, through
one queue, and both clocks look at that task.
"""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack
from functools import partial
from typing import TYPE_CHECKING, Any, Self

from pipelex_core.errors import CallError, PipelexError
from pipelex_core.execution.asking import Asking, broken, failed_to_close, wrong_answer
from pipelex_core.execution.clocks import Deadline, Silence
from pipelex_core.execution.plan import Plan, fell_silent
from pipelex_core.execution.reading import Reader
from pipelex_core.execution.redaction import without_key
from pipelex_core.sending import sending

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, AsyncIterator
    from contextvars import Token
    from types import TracebackType

    from pipelex_core.calls import Call
    from pipelex_core.deck import ChainMember
    from pipelex_core.execution.attempts import Attempting, Ledger


class _Wordless(list[str]):
    """What a stream of sound has given so far: that there was something, and no text."""

    def append(self, _piece: object, /) -> None:
        super().append("")


class MemberStream:
    """One attempt of a stream; leaving its block closes the connection and writes the attempt into the ledger.

    Use: `async with MemberStream(…) as member:`, then `open`, and `check` what comes last.

    Leaving raises:
        CallError: What went wrong, with the ledger so far, and in `partial_text` what had come.
        PluginError: The plugin broke its contract, or a middleware around it failed to close.
    """

    def __init__(
        self, asking: Asking, plan: Plan, member: ChainMember, ledger: Ledger, deadline: Deadline | None
    ) -> None:
        self._asking = asking
        self._plan = plan
        self._member = member
        self._ledger = ledger
        self._deadline = deadline
        self._attempting: Attempting | None = None
        self._reader: Reader | None = None
        self._events: Any = None
        self._text: list[str] = [] if plan.capability.name == "llm" else _Wordless()
        self._opened: list[tuple[AsyncGenerator[Any, None], AsyncExitStack]] = []

    async def open(self) -> tuple[AsyncIterator[Any], list[Any]]:
        """The events, the answer last, and a list for their text; nothing is sent before the first one is awaited."""
        spec, idle_timeout = self._member.entry.spec, self._plan.terms.idle_timeout
        assert spec is not None  # noqa: S101 -- only available members are in a plan
        idle_timeout = self._asking.configs[spec.backend].idle_timeout if idle_timeout is None else idle_timeout
        if self._deadline is not None or idle_timeout is not None:
            self._reader = Reader(self._start, self._close, self._deadline)
            return self._reader.events(), self._text
        self._events = await self._start()
        return self._events, self._text

    async def _start(self) -> Any:
        """The events as the outermost middleware gives them."""
        asking, ledger = self._asking, self._ledger
        spec, call, backend = await asking.prepare(self._plan, self._member, ledger)
        self._attempting = ledger.begin(spec, self._plan, asking.configs[spec.backend])
        self._attempting.text = self._text
        method = getattr(backend, self._plan.operation.name)
        return await asking.around(partial(self._send, method, self._attempting), spec)(call)

    def check(self, answer: object) -> Any:
        """The answer, which is what a stream has to end with.

        Raises:
            PluginError: It is not an answer.
        """
        assert self._attempting is not None  # noqa: S101 -- the stream was opened
        if not isinstance(answer, self._plan.operation.answer):
            raise wrong_answer(self._attempting.spec, answer)
        self._attempting.answered(answer)
        return answer

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        ledger = self._ledger
        ledger.is_abandoned = ledger.is_abandoned or isinstance(error, GeneratorExit)
        fault: Exception | None = None
        try:
            raised = await (self._closed() if self._reader is None else self._reader.aclose())
            attempting = self._attempting
            if attempting is None:
                return  # it was not prepared, and the ledger has the reason
            fault = None if raised is None else self._fault_of(raised)
        except BaseException:
            if self._attempting is not None:
                ledger.write(self._attempting, "cancelled")
            raise
        finally:
            for _, admitted in self._opened:  # of a plugin that does not let itself be cancelled
                await admitted.__aexit__(kind, error, traceback)
        if isinstance(error, CallError):
            error.partial_text = error.partial_text or attempting.partial_text
            raise self._asking.failed(error, attempting, ledger) from error.__cause__
        if ledger.is_abandoned and isinstance(error, Exception):
            fault = self._fault_of(error)  # a middleware's, in place of the end that was its due
        failure = fault or (error if isinstance(error, Exception) else None)
        if failure is not None:
            ledger.write(attempting, "error", failure)
        else:
            ledger.write(attempting, "ok" if error is None else "cancelled")
        if fault is not None and (error is None or ledger.is_abandoned):
            raise fault from None

    async def _closed(self) -> Exception | None:
        """What went wrong in closing."""
        try:
            await self._close(self._events)
        except Exception as error:  # noqa: BLE001 -- a middleware may raise anything; callers see our errors only
            return error
        return None

    async def _close(self, events: Any) -> None:
        """Close the middlewares' events, then the plugin's, which they may have kept open."""
        try:
            if hasattr(events, "aclose"):
                await events.aclose()
        except Exception as error:  # noqa: BLE001 -- as in `__aexit__`
            raise self._fault_of(error) from None
        finally:
            for opened, _ in self._opened:
                if not getattr(opened, "ag_running", False):  # else a middleware reads it in a task of its own
                    await opened.aclose()

    def _fault_of(self, error: Exception) -> PipelexError:
        """The error of a stream that failed to close."""
        if isinstance(error, PipelexError):
            return error
        assert self._attempting is not None  # noqa: S101 -- the stream was opened
        spec = self._attempting.spec
        return failed_to_close(error, spec, self._asking.configs[spec.backend])

    async def _send(self, method: Any, attempting: Attempting, call: Call) -> AsyncIterator[Any]:
        """The plugin's events, as the innermost middleware gets them."""
        attempting.request = call.request
        admitted = AsyncExitStack()
        events = self._answer(method, attempting, admitted)
        self._opened.append((events, admitted))
        return events

    async def _answer(  # noqa: C901, PLR0912 -- one generator: a further one would cost every delta
        self, method: Any, attempting: Attempting, admitted: AsyncExitStack
    ) -> AsyncGenerator[Any, None]:
        """The plugin's events, once the request is let in; any foreign error becomes one of ours."""
        admission = self._asking.admission(attempting)
        async with admitted:
            if admission is not None:
                await admitted.enter_async_context(admission)
            events: Any = method(attempting.request)
            if not hasattr(events, "__aiter__") or not hasattr(events, "aclose"):
                if hasattr(events, "close"):
                    events.close()  # a coroutine, which would complain
                raise wrong_answer(attempting.spec, events)
            attempting.sent = True
            token: Token[Any] | None = sending.set(attempting.sending)
            silence = self._listen(attempting)
            now = asyncio.get_running_loop().time
            try:
                async for event in events:
                    if token is not None:
                        sending.reset(token)  # before the first `yield`: what reads on may do so in another context
                        token = None
                    if not isinstance(event, str) and not isinstance(event, bytes):
                        event = without_key(event, self._asking.configs[attempting.spec.backend])  # noqa: PLW2901 -- the same, cleaned
                        attempting.answered(event)
                    elif not event:
                        if silence is not None:
                            silence.heard()  # a sign of life
                        if not self._plan.with_sides or type(event) is str:
                            continue
                    if silence is None:
                        yield event
                    else:
                        silence.is_paused = True
                        yield event
                        silence.is_paused = False
                        silence.heard_at = now()
            except GeneratorExit:
                raise
            except BaseException as error:  # noqa: BLE001 -- a plugin may raise anything; callers see our errors only
                raise self._ours(error, attempting, silence) from error.__cause__
            finally:
                if token is not None:
                    sending.reset(token)
                if silence is not None:
                    silence.is_paused = True
                await self._end(events, attempting)

    def _listen(self, attempting: Attempting) -> Silence | None:
        """The clock that hears a plugin from now on; None where it may be silent for ever."""
        seconds, reader = attempting.idle_timeout, self._reader
        if seconds is None or reader is None:
            return None
        silence = Silence(seconds, partial(fell_silent, seconds))
        reader.listen(silence)
        return silence

    def _ours(self, error: BaseException, attempting: Attempting, silence: Silence | None) -> BaseException:
        """What is raised for what a plugin raised."""
        if silence is not None and self._reader is not None and self._reader.cut_by(silence):
            return self._ours(silence.error(), attempting, None)
        if self._ledger.is_abandoned:
            return GeneratorExit()  # whoever cancelled it wants no more of the stream, which is not an error
        error = attempting.sending.fault or error
        if isinstance(error, CallError):
            attempting.failed(error)
        elif isinstance(error, Exception) and not isinstance(error, PipelexError):
            ours = broken(error, attempting.spec, self._asking.configs[attempting.spec.backend])
            ours.__suppress_context__ = True
            return ours
        return error

    async def _end(self, events: Any, attempting: Attempting) -> None:
        """Close the plugin's events."""
        try:
            await events.aclose()
        except PipelexError:
            raise
        except Exception as error:  # noqa: BLE001 -- as in `asking.py`
            raise broken(error, attempting.spec, self._asking.configs[attempting.spec.backend]) from None
