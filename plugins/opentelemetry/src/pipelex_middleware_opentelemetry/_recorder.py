"""Spans around a call, and around each of its attempts."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from opentelemetry.context import attach, detach
from opentelemetry.metrics import get_meter, get_meter_provider
from opentelemetry.trace import (
    ProxyTracerProvider,
    SpanKind,
    Status,
    StatusCode,
    get_tracer,
    get_tracer_provider,
    set_span_in_context,
)

from pipelex_core.costs import total
from pipelex_middleware_opentelemetry import _content
from pipelex_middleware_opentelemetry._attempt import Attempt
from pipelex_middleware_opentelemetry._attributes import (
    IN_PROCESS,
    common_attributes,
    cost_attributes,
    error_attributes,
    request_attributes,
)
from pipelex_middleware_opentelemetry._metrics import Instruments
from pipelex_middleware_opentelemetry._stream import Stream

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from typing import Any

    from opentelemetry.metrics import MeterProvider
    from opentelemetry.trace import Span, TracerProvider

    from pipelex_core.calls import Call, FinishedCall
    from pipelex_core.hookspecs import Proceed
    from pipelex_core.parts import Tool, ToolCall

SCOPE = "pipelex_middleware_opentelemetry"
VERSION = "0.1.0"
SCHEMA_URL = "https://opentelemetry.io/schemas/1.41.1"


class Recorder:
    """Tells one pair of providers of every call."""

    def __init__(
        self,
        tracer_provider: TracerProvider | None,
        meter_provider: MeterProvider | None,
        capture_content: bool | None,
    ) -> None:
        self._tracer = get_tracer(SCOPE, VERSION, tracer_provider, SCHEMA_URL)
        self._instruments = Instruments(get_meter(SCOPE, VERSION, meter_provider, SCHEMA_URL))
        self._captures = _content.is_requested_for() if capture_content is None else capture_content
        self._has_listeners = tracer_provider is not None or meter_provider is not None
        self._calls: dict[int, Span] = {}

    def has_listeners(self) -> bool:
        """Whether a provider is set; once there is one, there always is."""
        if not self._has_listeners:
            self._has_listeners = _is_set(get_tracer_provider()) or _is_set(get_meter_provider())
        return self._has_listeners

    async def attempt(self, call: Call, proceed: Proceed) -> Any:
        """The answer, or the stream, of one attempt; whatever it does is done inside its span."""
        around = self._calls.get(call.call_id)
        if around is None:
            around = self._calls[call.call_id] = self._start_call(call.operation, call.handle)
        shared = common_attributes(call)
        span = self._tracer.start_span(
            f"{shared['gen_ai.operation.name']} {shared['gen_ai.request.model']}",
            set_span_in_context(around),
            SpanKind.INTERNAL if call.request.spec.sdk in IN_PROCESS else SpanKind.CLIENT,
            {**shared, **request_attributes(call)},
        )
        attempt = Attempt(call, span, shared, self._instruments, captures=self._captures)
        context = set_span_in_context(span)
        token = attach(context)
        try:
            answer = await proceed(call)
        except BaseException as error:
            attempt.failed(error)
            raise
        finally:
            detach(token)
        if hasattr(answer, "__aiter__"):
            return Stream(answer, attempt, context)
        attempt.answered(answer)
        return answer

    async def tool(self, call: ToolCall, tool: Tool, proceed: Callable[[], Awaitable[Any]]) -> Any:
        """What a tool gives, run inside a span of its own; what it was given, and what it says, may be secret and is not in it.

        https://github.com/open-telemetry/semantic-conventions/blob/main/docs/gen-ai/gen-ai-spans.md#execute-tool-span
        """
        attributes = {
            "gen_ai.operation.name": "execute_tool",
            "gen_ai.tool.name": call.name,
            "gen_ai.tool.call.id": call.id,
            "gen_ai.tool.type": "function",
        }
        if tool.description:
            attributes["gen_ai.tool.description"] = tool.description
        span = self._tracer.start_span(f"execute_tool {call.name}", attributes=attributes)
        token = attach(set_span_in_context(span))
        try:
            return await proceed()
        except BaseException as error:
            span.set_attribute("error.type", type(error).__name__)
            span.set_status(Status(StatusCode.ERROR))
            raise
        finally:
            detach(token)
            span.end()

    def call_finished(self, call: FinishedCall) -> None:
        """The span of the whole call ends; one whose answer came out of a cache, or that asked nobody, gets it now."""
        span = self._calls.pop(call.call_id, None)
        if span is None:
            started = time.time_ns() - int(call.seconds * 1e9)
            span = self._start_call(call.operation, call.handle, started)
        if span.is_recording():
            span.set_attributes(_outcome(call))
            if call.error is not None:
                span.set_attributes(error_attributes(call.error))
                span.set_status(Status(StatusCode.ERROR))
        span.end()

    def _start_call(self, operation: str, handle: str, started: int | None = None) -> Span:
        attributes = {"pipelex.operation": operation, "pipelex.handle": handle}
        return self._tracer.start_span(f"{operation} {handle}", attributes=attributes, start_time=started)


def _outcome(call: FinishedCall) -> dict[str, Any]:
    """How a call ended: who answered, after how many attempts, and what all of them cost."""
    outcome = "error" if call.error is not None else "ok" if call.result is not None else "cancelled"
    attributes: dict[str, Any] = {"pipelex.outcome": outcome, "pipelex.attempts": len(call.attempts)}
    if call.result is not None:
        attributes |= {"pipelex.model": call.result.model, "pipelex.backend": call.result.backend}
        if call.attempts and call.attempts[-1].cache is not None:
            attributes["pipelex.cache"] = call.attempts[-1].cache
    return attributes | cost_attributes(total(attempt.cost for attempt in call.attempts))


def _is_set(provider: object) -> bool:
    """Whether a provider is one that somebody has set, and not the one that waits for it."""
    return not isinstance(provider, ProxyTracerProvider) and type(provider).__name__ != "_ProxyMeterProvider"
