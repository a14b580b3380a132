"""A stream of pipelex-core as pydantic-ai reads one."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from pydantic_ai.models import StreamedResponse

from pipelex_pydantic_ai.messages import details_of, finish_of, reasoning_of, usage_of

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator

    from pydantic_ai.messages import ModelResponseStreamEvent

    from pipelex_core import ObjectResult, TextResult


def _now() -> datetime:
    return datetime.now(tz=UTC)


@dataclass
class PipelexStream(StreamedResponse):
    """Text as it comes; thoughts, calls of tools and counts at the end.

    Attributes:
        name: The handle.
        stream: An open stream; None where the answer is there already.
        whole: The whole answer, where there is no stream.
    """

    name: str
    stream: Any = None
    whole: TextResult | ObjectResult[Any] | None = None
    began: datetime = field(default_factory=_now)

    async def _get_event_iterator(self) -> AsyncIterator[ModelResponseStreamEvent]:
        result: Any = self.whole
        if self.whole is not None:
            for event in self._parts_manager.handle_text_delta(vendor_part_id="text", content=self.whole.text):
                yield event
        else:
            async for delta in self.stream:
                for event in self._parts_manager.handle_text_delta(vendor_part_id="text", content=delta):
                    yield event
            result = self.stream.result
        for event in self._last(result):
            yield event

    def _last(self, result: TextResult | ObjectResult[Any]) -> Iterator[ModelResponseStreamEvent]:
        if reasoning := reasoning_of(result):
            yield from self._parts_manager.handle_thinking_delta(vendor_part_id="thinking", content=reasoning)
        for call in result.tool_calls:
            yield self._parts_manager.handle_tool_call_part(
                vendor_part_id=call.id, tool_name=call.name, args=dict(call.arguments), tool_call_id=call.id
            )
        self._usage = usage_of(result)
        self.finish_reason = finish_of(result.finish_reason)
        self.provider_response_id = result.request_id
        self.provider_details = details_of(result)

    async def close_stream(self) -> None:
        """Close the connection, where the stream is left early."""
        if self.stream is not None:
            await self.stream.aclose()

    @property
    def model_name(self) -> str:
        """The handle."""
        return self.name

    @property
    def provider_name(self) -> str:
        """What observability calls the provider."""
        return "pipelex"

    @property
    def provider_url(self) -> None:
        """The deck knows the addresses."""

    @property
    def timestamp(self) -> datetime:
        """When the answer began."""
        return self.began
