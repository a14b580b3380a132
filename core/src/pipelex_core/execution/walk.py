"""A call walks its chain: member after member, each attempt through the middlewares to the plugin and into the ledger."""

from __future__ import annotations

import asyncio
import time
from contextlib import aclosing
from functools import partial
from typing import TYPE_CHECKING, Any

from pipelex_core.backend import (
    DocumentExtractor,
    ImageGenerator,
    ObjectGenerator,
    TextGenerator,
    TextStreamer,
)
from pipelex_core.calls import Call, FinishedCall
from pipelex_core.errors import AllAttemptsFailedError, CallError, PipelexError, PluginError, UnsupportedInputError
from pipelex_core.execution.attempts import Ledger, answer_usage
from pipelex_core.execution.backends import Backends
from pipelex_core.execution.downloads import with_bytes
from pipelex_core.execution.plan import out_of_time
from pipelex_core.execution.policy import moves_on
from pipelex_core.execution.redaction import redact_error, redacted
from pipelex_core.execution.results import text_result
from pipelex_core.results import DocumentAnswer, ImageAnswer, TextAnswer

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, AsyncIterator, Mapping

    from pipelex_core.backend import Backend
    from pipelex_core.deck import ChainMember, ModelDeck
    from pipelex_core.execution.plan import Plan
    from pipelex_core.hookspecs import Proceed
    from pipelex_core.plugins import Plugins
    from pipelex_core.requests import Request
    from pipelex_core.results import Result, TextResult
    from pipelex_core.specs import ModelSpec

_METHODS: dict[type[Backend], tuple[str, type]] = {
    TextGenerator: ("generate_text", TextAnswer),
    ObjectGenerator: ("generate_object", TextAnswer),
    DocumentExtractor: ("extract", DocumentAnswer),
    ImageGenerator: ("generate_image", ImageAnswer),
}


class Execution:
    """Carries the calls of one client to the plugins."""

    def __init__(self, deck: ModelDeck, plugins: Plugins) -> None:
        self._configs = deck.backends
        self._plugins = plugins
        self._backends = Backends(deck.backends, plugins)

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
            ledger.ran_out_of_time()
            raise ledger.close(out_of_time(), plan.members[0].spec) from None

    async def stream(self, plan: Plan, ledger: Ledger) -> AsyncGenerator[str | TextResult, None]:
        """Deltas, and last the result; errors as in `run`. Those who listen hear how it ended, left early or not."""
        failures: list[CallError] = []
        ended: TextResult | Exception | None = None
        try:
            for member in plan.members:
                begun = False
                try:
                    async with aclosing(self._stream_member(plan, member, ledger)) as events:
                        async for event in events:
                            if isinstance(event, str):
                                begun = True
                                yield event
                            else:
                                ended = text_result(member, event, ledger)
                                yield ended
                except CallError as error:
                    if begun or not _may_move_on(error):
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
            )
        )

    async def close(self) -> None:
        """Close the backends of the running loop."""
        await self._backends.close()

    async def _walk(self, plan: Plan, ledger: Ledger) -> tuple[ChainMember, Any]:
        failures: list[CallError] = []
        for member in plan.members:
            try:
                return member, await self._attempt(plan, member, ledger)
            except CallError as error:
                if not _may_move_on(error):
                    raise
                failures.append(error)
        raise _all_failed(failures, ledger)

    async def _attempt(self, plan: Plan, member: ChainMember, ledger: Ledger) -> Any:
        """One answer of one member."""
        spec, call, backend = await self._prepare(plan, member, ledger)
        method, answer_class = _METHODS[plan.needs]
        started = time.monotonic()
        try:
            answer = await self._middlewares(partial(self._ask, getattr(backend, method)))(call)
            if not isinstance(answer, answer_class):
                raise _wrong_answer(spec, answer)
        except CallError as error:
            raise self._failed(error, spec, ledger, started) from error.__cause__
        except PluginError as error:
            ledger.write(spec, "error", started, error=error)
            raise
        except asyncio.CancelledError:
            ledger.write(spec, "cancelled", started)
            raise
        usage, request_id = answer_usage(answer)
        ledger.write(spec, "ok", started, usage=usage, request_id=request_id)
        return answer

    async def _stream_member(
        self, plan: Plan, member: ChainMember, ledger: Ledger
    ) -> AsyncGenerator[str | TextAnswer, None]:
        """The events of one member's stream; closing this closes the connection."""
        clock = asyncio.timeout(plan.seconds_left())
        try:
            async with clock:
                spec, call, backend = await self._prepare(plan, member, ledger)
        except TimeoutError:
            raise ledger.close(out_of_time(), member.spec) from None
        assert isinstance(backend, TextStreamer)  # noqa: S101 -- `_prepare` checked it; this tells the type checker
        started = time.monotonic()
        text: list[str] = []
        answer: TextAnswer | None = None
        events: Any = None
        try:
            events = await self._middlewares(partial(self._ask_stream, backend))(call)
            while True:
                event = await _next(events, plan)
                if not isinstance(event, str):
                    answer = event
                    break
                text.append(event)
                yield event
            if not isinstance(answer, TextAnswer):
                raise _wrong_answer(spec, answer)
        except CallError as error:
            if error.partial_text is None and text:
                error.partial_text = "".join(text)
            raise self._failed(error, spec, ledger, started) from error.__cause__
        except PluginError as error:
            ledger.write(spec, "error", started, error=error)
            raise
        except (asyncio.CancelledError, GeneratorExit):
            ledger.write(spec, "cancelled", started)
            raise
        finally:
            if hasattr(events, "aclose"):
                await events.aclose()
        ledger.write(spec, "ok", started, usage=answer.usage, request_id=answer.request_id)
        yield answer

    async def _prepare(self, plan: Plan, member: ChainMember, ledger: Ledger) -> tuple[ModelSpec, Call, Backend]:
        """The request of a member, and the backend to ask; what the model does not take is refused here, unpaid."""
        spec = member.spec
        assert spec is not None  # noqa: S101 -- only available members are in a plan
        try:
            request, backend = await self._ready(plan, spec, member.settings)
        except CallError as error:
            raise self._failed(error, spec, ledger, None) from error.__cause__
        except PipelexError:
            raise
        except Exception as error:  # noqa: BLE001 -- what a plugin does to open its backend may raise anything
            raise self._broken(error, spec) from None
        call = Call(operation=plan.operation, capability=plan.capability, handle=plan.handle, request=request)
        return spec, call, backend

    async def _ready(self, plan: Plan, spec: ModelSpec, settings: Mapping[str, Any]) -> tuple[Request, Backend]:
        left = plan.seconds_left()
        if left is not None and left <= 0:
            raise out_of_time()
        request = plan.build(spec, settings, left)
        backend, resources = await self._backends.get(spec)
        if not isinstance(backend, plan.needs):
            msg = f"sdk '{spec.sdk}' of backend '{spec.backend}' has no {plan.needs.__name__}"
            raise UnsupportedInputError(msg)
        if not backend.fetches_urls:
            request = await with_bytes(request, resources)
        return request, backend

    def _middlewares(self, innermost: Proceed) -> Proceed:
        proceed = innermost
        for middleware in reversed(self._plugins.middlewares):
            proceed = partial(_around, middleware, proceed)
        return proceed

    async def _ask(self, method: Any, call: Call) -> Any:
        """The plugin's answer; what is no error of ours becomes one."""
        try:
            return await method(call.request)
        except PipelexError:
            raise
        except Exception as error:  # noqa: BLE001 -- a plugin may raise anything; callers see our errors only
            raise self._broken(error, call.request.spec) from None

    async def _ask_stream(self, backend: TextStreamer, call: Call) -> AsyncIterator[str | TextAnswer]:
        events = backend.stream_text(call.request)  # type: ignore[arg-type]  # the plan matched it
        if not hasattr(events, "__aiter__") or not hasattr(events, "aclose"):
            if hasattr(events, "close"):
                events.close()  # a coroutine, which would complain
            raise _wrong_answer(call.request.spec, events)
        return self._guarded(events, call)

    async def _guarded(self, events: AsyncIterator[str | TextAnswer], call: Call) -> AsyncIterator[str | TextAnswer]:
        try:
            async for event in events:
                yield event
        except PipelexError:
            raise
        except Exception as error:  # noqa: BLE001 -- as in `_ask`
            raise self._broken(error, call.request.spec) from None
        finally:
            await events.aclose()  # type: ignore[attr-defined]  # streams are async generators

    def _broken(self, error: Exception, spec: ModelSpec) -> PluginError:
        text = redacted(str(error), self._configs[spec.backend])
        place = error.__traceback__
        while place is not None and place.tb_next is not None:
            place = place.tb_next
        where = f" at {place.tb_frame.f_code.co_filename}:{place.tb_lineno}" if place else ""
        msg = f"sdk '{spec.sdk}' raised {type(error).__name__}{where}, which is no CallError: {text}"
        return PluginError(msg)

    def _failed(self, error: CallError, spec: ModelSpec, ledger: Ledger, started: float | None) -> CallError:
        """The error as the caller gets it; in the ledger where a request was begun."""
        redact_error(error, self._configs[spec.backend])
        if started is not None:
            ledger.write(spec, "error", started, error=error)
        return ledger.close(error, spec)


async def _next(events: AsyncIterator[str | TextAnswer], plan: Plan) -> str | TextAnswer | None:
    """The next event of a stream, within the caller's time; None after the last."""
    if plan.ends_at is None:
        return await anext(events, None)
    clock = asyncio.timeout(plan.seconds_left())
    try:
        async with clock:
            return await anext(events, None)
    except TimeoutError:
        if not clock.expired():
            raise  # a middleware's own
        raise out_of_time() from None


async def _around(middleware: Any, proceed: Proceed, call: Call) -> Any:
    return await middleware(call, proceed)


def _may_move_on(error: CallError) -> bool:
    """Whether the next member is tried: this provider cannot now, or this model does not take the input."""
    return moves_on(error) or isinstance(error, UnsupportedInputError)


def _all_failed(failures: list[CallError], ledger: Ledger) -> CallError:
    """No member is left: the error of the only one, or one that tells of all."""
    if len(failures) == 1:
        return ledger.close(failures[0])
    told = "; ".join(f"'{error.model}': {type(error).__name__}: {error.message}" for error in failures)
    return ledger.close(AllAttemptsFailedError(f"every model of the chain failed: {told}"))


def _wrong_answer(spec: ModelSpec, answer: object) -> PluginError:
    msg = f"sdk '{spec.sdk}' ended with {type(answer).__name__} where an answer was due"
    return PluginError(msg)
