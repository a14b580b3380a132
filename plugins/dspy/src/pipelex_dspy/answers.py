"""Results of pipelex-core as responses and events of DSPy's engines."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from dspy import lm15

from pipelex_adapters import KEPT, kept_message

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pipelex_core import ObjectResult, TextResult

_FINISHES = {"stop": "stop", "length": "length", "tool_calls": "tool_call", "content_filter": "content_filter"}


def whole_of(result: TextResult | ObjectResult[Any]) -> lm15.Response:
    """An answer as a response; what its provider wants back is kept in its continuation."""
    reasoning = getattr(result, "reasoning", None)
    parts: list[Any] = [lm15.ThinkingPart(reasoning)] if reasoning else []
    if result.text or not result.tool_calls:
        parts.append(lm15.TextPart(result.text))
    parts += [lm15.ToolCallPart(id=call.id, name=call.name, input=dict(call.arguments)) for call in result.tool_calls]
    return lm15.Response(
        id=result.request_id,
        model=result.model_id,
        message=lm15.Message(role="assistant", parts=tuple(parts), continuation=_kept(result)),
        finish_reason=_finish(result),
        usage=_usage(result),
        provider_data=_data(result),
    )


def start_of(model: str | None) -> Any:
    """The first event of a stream."""
    return lm15.StreamStartEvent(model=model or "default")


def text_delta(text: str) -> Any:
    """A piece of text."""
    return lm15.StreamDeltaEvent(delta=lm15.TextDelta(text=text, part_index=0))


def end_of(result: TextResult) -> Iterator[Any]:
    """What follows the text of a stream: thoughts, calls, and the end with its counts."""
    whole = whole_of(result)
    for event in lm15.response_to_events(whole):
        delta = getattr(event, "delta", None)
        if isinstance(event, lm15.StreamEndEvent):
            yield event
        elif delta is not None and not isinstance(delta, lm15.TextDelta):
            yield _behind_text(event, delta)


def _behind_text(event: Any, delta: Any) -> Any:
    """An event whose part follows the text, which came first."""
    from dataclasses import replace

    if delta.part_index is None:
        return event
    return replace(event, delta=replace(delta, part_index=delta.part_index + 1))


def _kept(result: TextResult | ObjectResult[Any]) -> tuple[Any, ...]:
    return (lm15.ContinuationState(provider="pipelex", kind="message", data={KEPT: kept_message(result)}),)


def _finish(result: TextResult | ObjectResult[Any]) -> Any:
    return _FINISHES.get(result.finish_reason, "stop")


def _usage(result: TextResult | ObjectResult[Any]) -> lm15.Usage:
    usage = result.usage
    return lm15.Usage(
        input_tokens=usage.input_tokens,
        output_tokens=usage.output_tokens,
        cache_read_tokens=usage.cached_tokens,
        cache_write_tokens=usage.cache_write_tokens,
        reasoning_tokens=usage.reasoning_tokens,
    )


def _data(result: TextResult | ObjectResult[Any]) -> dict[str, Any]:
    """Who answered and what it cost."""
    cost = None if result.cost is None else {"amount": str(result.cost.amount), "currency": result.cost.currency}
    return {"pipelex_model": result.model, "backend": result.backend, "cost": cost}
