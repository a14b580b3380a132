"""One attempt: its span, and what is measured of it. It ends once, however it ends."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from opentelemetry.trace import Status, StatusCode

from pipelex_core.costs import cost_of
from pipelex_core.errors import PluginError
from pipelex_middleware_opentelemetry import _content
from pipelex_middleware_opentelemetry._attributes import (
    answer_attributes,
    cost_attributes,
    error_attributes,
    usage_attributes,
)

if TYPE_CHECKING:
    from opentelemetry.trace import Span

    from pipelex_core.calls import Call
    from pipelex_core.results import Usage
    from pipelex_middleware_opentelemetry._metrics import Instruments


class Attempt:
    """An attempt under way."""

    def __init__(
        self, call: Call, span: Span, shared: dict[str, Any], instruments: Instruments, *, captures: bool
    ) -> None:
        self._call = call
        self._span = span
        self._shared = shared
        self._instruments = instruments
        self._captures = captures and span.is_recording()
        self._started = self._chunk_before = time.perf_counter()
        self._chunks = 0
        self._ended = False
        if self._captures:
            span.set_attributes(_content.input_attributes(call.request, call.redact))

    def chunk(self) -> None:
        """A piece of a stream came."""
        now = time.perf_counter()
        self._instruments.chunk(now - self._chunk_before, self._shared, is_first=self._chunks == 0)
        if self._chunks == 0:
            self._span.set_attribute("gen_ai.response.time_to_first_chunk", now - self._started)
        self._chunks += 1
        self._chunk_before = now

    def answered(self, answer: Any) -> None:
        """The plugin gave its answer; something else is a fault of the plugin's, which core finds as well."""
        if not hasattr(answer, "usage"):
            self.failed(PluginError())
            return
        if answer.cache == "hit":
            self._end({"pipelex.cache": "hit"}, None, None)
            return
        attributes = answer_attributes(answer, self._call.redact)
        if self._captures:
            attributes |= _content.output_attributes(answer, self._call.redact)
        model = attributes.get("gen_ai.response.model")
        measured = self._shared if model is None else {**self._shared, "gen_ai.response.model": model}
        self._end(attributes, measured, answer.usage)

    def failed(self, error: BaseException) -> None:
        """It raised; a cancellation too."""
        usage: Usage | None = getattr(error, "usage", None)
        attributes = error_attributes(error)
        self._span.set_status(Status(StatusCode.ERROR))
        measured = {**self._shared, "error.type": attributes["error.type"]}
        self._end(attributes | usage_attributes(usage), measured, usage)

    def abandoned(self) -> None:
        """The caller wanted no more of a stream, which is not an error."""
        self._end({"pipelex.outcome": "left"}, self._shared, None)

    def _end(self, attributes: dict[str, Any], measured: dict[str, Any] | None, usage: Usage | None) -> None:
        if self._ended:
            return
        self._ended = True
        if usage is not None:
            attributes |= cost_attributes(cost_of(self._call.request.spec.costs, usage))
        self._span.set_attributes(attributes)
        self._span.end()
        if measured is not None:  # a cache further inside gave the answer, without a request
            self._instruments.ended(time.perf_counter() - self._started, usage, measured)
