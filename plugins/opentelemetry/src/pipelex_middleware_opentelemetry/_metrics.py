"""What is measured.

The conventions: https://github.com/open-telemetry/semantic-conventions/blob/v1.41.1/docs/gen-ai/gen-ai-metrics.md
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from opentelemetry.metrics import Histogram, Meter

    from pipelex_core.results import Usage

SECONDS = (0.01, 0.02, 0.04, 0.08, 0.16, 0.32, 0.64, 1.28, 2.56, 5.12, 10.24, 20.48, 40.96, 81.92)
TOKENS = (1, 4, 16, 64, 256, 1024, 4096, 16384, 65536, 262144, 1048576, 4194304, 16777216, 67108864)


class Instruments:
    """The conventions' instruments for clients."""

    def __init__(self, meter: Meter) -> None:
        def seconds(name: str, description: str) -> Histogram:
            return meter.create_histogram(
                f"gen_ai.client.operation.{name}", "s", description, explicit_bucket_boundaries_advisory=SECONDS
            )

        self._tokens = meter.create_histogram(
            "gen_ai.client.token.usage",
            "{token}",
            "Number of input and output tokens used.",
            explicit_bucket_boundaries_advisory=TOKENS,
        )
        self._duration = seconds("duration", "GenAI operation duration.")
        self._first_chunk = seconds("time_to_first_chunk", "Time from the request to the first chunk of a stream.")
        self._next_chunk = seconds("time_per_output_chunk", "Time from one chunk of a stream to the next.")

    def ended(self, seconds: float, usage: Usage | None, attributes: dict[str, Any]) -> None:
        """An attempt ended, after this long."""
        self._duration.record(seconds, attributes)
        if usage is None:
            return
        shared = {name: value for name, value in attributes.items() if name != "error.type"}
        for kind, count in (("input", usage.input_tokens), ("output", usage.output_tokens)):
            if count is not None:
                self._tokens.record(count, {**shared, "gen_ai.token.type": kind})

    def chunk(self, seconds: float, attributes: dict[str, Any], *, is_first: bool) -> None:
        """A chunk came: this long after the request, or after the chunk before it."""
        (self._first_chunk if is_first else self._next_chunk).record(seconds, attributes)
