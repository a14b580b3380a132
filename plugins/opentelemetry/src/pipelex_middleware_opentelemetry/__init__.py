"""Spans and metrics of every call, as OpenTelemetry's conventions for generative AI name them.

This module declares what there is and does not import OpenTelemetry: that is done by the first call of a program that
uses it.
"""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING

from pipelex_core.hookspecs import hookimpl

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence
    from typing import Any

    from opentelemetry.metrics import MeterProvider
    from opentelemetry.trace import TracerProvider

    from pipelex_core.calls import Call, FinishedCall
    from pipelex_core.hookspecs import Middleware, Proceed, ToolMiddleware
    from pipelex_core.parts import Tool, ToolCall
    from pipelex_core.results import Answer
    from pipelex_middleware_opentelemetry._recorder import Recorder

__all__ = ["Telemetry", "telemetry"]

_CONFIGURED_BY = ("OTEL_PYTHON_TRACER_PROVIDER", "OTEL_PYTHON_METER_PROVIDER")


class Telemetry:
    """A plugin that tells OpenTelemetry of every call.

    As long as nothing in the process has set a provider, it only looks whether one is there now.
    """

    def __init__(
        self,
        *,
        tracer_provider: TracerProvider | None = None,
        meter_provider: MeterProvider | None = None,
        capture_content: bool | None = None,
    ) -> None:
        """One plugin.

        Args:
            tracer_provider: Where spans go; None for the process's own.
            meter_provider: Where metrics go; None for the process's own.
            capture_content: Whether prompts and answers are written into spans; None for what the variable
                `OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT` says, and no where it says nothing.
        """
        self._providers = (tracer_provider, meter_provider)
        self._capture_content = capture_content
        self._recorder: Recorder | None = None
        self._is_configured = self._providers != (None, None) or any(map(os.environ.get, _CONFIGURED_BY))

    @hookimpl
    def pipelex_middleware(self) -> Sequence[Middleware]:
        """A span, and what is measured, around every attempt."""
        return [self._attempt]

    @hookimpl(optionalhook=True)
    def pipelex_tool_middleware(self) -> Sequence[ToolMiddleware]:
        """A span around every tool that a run runs."""
        return [self._tool]

    @hookimpl
    def pipelex_call_finished(self, call: FinishedCall) -> None:
        """The span around all attempts of a call ends."""
        recorder = self._listening()
        if recorder is not None:
            recorder.call_finished(call)

    def _attempt(self, call: Call, proceed: Proceed) -> Awaitable[Answer]:
        recorder = self._listening()
        return proceed(call) if recorder is None else recorder.attempt(call, proceed)

    def _tool(self, call: ToolCall, tool: Tool, proceed: Callable[[], Awaitable[Any]]) -> Awaitable[Any]:
        recorder = self._listening()
        return proceed() if recorder is None else recorder.tool(call, tool, proceed)

    def _listening(self) -> Recorder | None:
        """What records, once somebody listens."""
        recorder = self._recorder
        if recorder is None:
            if not (
                self._is_configured or "opentelemetry.trace" in sys.modules or "opentelemetry.metrics" in sys.modules
            ):
                return None  # nothing can have set a provider
            from pipelex_middleware_opentelemetry._recorder import Recorder

            recorder = self._recorder = Recorder(*self._providers, self._capture_content)
        return recorder if recorder.has_listeners() else None


telemetry = Telemetry()
"""The plugin that is found where this distribution is installed."""
