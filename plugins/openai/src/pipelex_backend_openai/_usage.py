"""What an answer used, as `Usage` means it: all input with the cached share, all output with the reasoning share, its cost."""

from __future__ import annotations

from decimal import Decimal, InvalidOperation
from typing import TYPE_CHECKING, Any

from attrs import evolve

from pipelex_core.results import NO_USAGE, Usage

if TYPE_CHECKING:
    from pipelex_backend_openai._traits import Traits


_TICKS = Decimal(10) ** 10
"""Ticks of one US$: https://docs.x.ai/developers/cost-tracking."""


def chat_usage(usage: Any, traits: Traits, service_tier: Any = None) -> Usage:
    """The `usage` of a chat completion; the shares stand in different places at different endpoints."""
    if not isinstance(usage, dict):
        return NO_USAGE
    of_input = _table(usage, "prompt_tokens_details")
    of_output = _table(usage, "completion_tokens_details")
    inputs, outputs = _count(usage, "prompt_tokens"), _count(usage, "completion_tokens")
    reasoning = _count(of_output, "reasoning_tokens")
    if traits.output_tokens == "without_reasoning" and outputs is not None:
        outputs += reasoning or 0
    total = _count(usage, "total_tokens")
    if traits.output_tokens == "from_total" and total is not None and inputs is not None:
        outputs = total - inputs
    return Usage(
        input_tokens=inputs,
        output_tokens=outputs,
        cached_tokens=_first(
            _count(of_input, "cached_tokens"),
            _count(usage, "cached_tokens"),
            _count(usage, "prompt_cache_hit_tokens"),
        ),
        cache_write_tokens=_first(_count(of_input, "cache_write_tokens"), _count(usage, "cache_creation_input_tokens")),
        input_audio_tokens=_count(of_input, "audio_tokens"),
        reasoning_tokens=reasoning,
        output_audio_tokens=_count(of_output, "audio_tokens"),
        output_image_tokens=_count(of_output, "image_tokens"),
        accepted_prediction_tokens=_count(of_output, "accepted_prediction_tokens"),
        rejected_prediction_tokens=_count(of_output, "rejected_prediction_tokens"),
        service_tier=_word(service_tier),
        cost=reported_cost(usage),
    )


def responses_usage(usage: Any, service_tier: Any = None, searches: int | None = None) -> Usage:
    """The `usage` of a response; `searches` are the web searches among its items."""
    if not isinstance(usage, dict):
        return NO_USAGE
    of_input, of_output = _table(usage, "input_tokens_details"), _table(usage, "output_tokens_details")
    return Usage(
        input_tokens=_count(usage, "input_tokens"),
        output_tokens=_count(usage, "output_tokens"),
        cached_tokens=_count(of_input, "cached_tokens"),
        cache_write_tokens=_count(of_input, "cache_write_tokens"),
        input_image_tokens=_count(of_input, "image_tokens"),
        reasoning_tokens=_count(of_output, "reasoning_tokens"),
        output_image_tokens=_count(of_output, "image_tokens"),
        searches=searches or None,
        service_tier=_word(service_tier),
        cost=reported_cost(usage),
    )


def image_usage(data: dict[str, Any], images: int) -> Usage:
    """The `usage` of `images/generations`, and how many images there are, of which quality and size."""
    usage = data.get("usage")
    size, quality = _word(data.get("size")), _word(data.get("quality"))
    return evolve(
        responses_usage(usage),
        images=images,
        image_size=f"{quality}/{size}" if quality and size else size,
    )


def sound_usage(usage: Any, seconds: float | None, *, characters: int | None = None) -> Usage:
    """The `usage` of a transcription or of speech: seconds or characters, and tokens where the model counts those."""
    counts = usage if isinstance(usage, dict) else {}
    of_input = _table(counts, "input_token_details") or _table(counts, "input_tokens_details")
    return Usage(
        input_tokens=_count(counts, "input_tokens"),
        output_tokens=_count(counts, "output_tokens"),
        input_audio_tokens=_count(of_input, "audio_tokens"),
        seconds=seconds,
        characters=characters,
        cost=reported_cost(counts),
    )


def reported_cost(usage: dict[str, Any]) -> Decimal | None:
    """What the endpoint says that the call cost, US$; None where it does not.

    OpenRouter has a number, to which comes what the user's own key at the provider was charged
    (https://openrouter.ai/docs/guides/guides/usage-accounting); Perplexity has a table with a total
    (https://docs.perplexity.ai/api-reference/chat-completions-post); xAI has ticks, and its models at Azure have zero ticks.
    """
    cost = usage.get("cost")
    if cost is None and "cost_in_usd_ticks" not in usage:
        return None
    if isinstance(cost, dict):
        return _amount(cost.get("total_cost"))
    reported = _amount(cost)
    if reported is not None and usage.get("is_byok") is True:
        own = _amount(_table(usage, "cost_details").get("upstream_inference_cost"))
        return None if own is None else reported + own
    ticks = _count(usage, "cost_in_usd_ticks")
    return reported if reported is not None else ticks / _TICKS if ticks else None


def _amount(value: Any) -> Decimal | None:
    if type(value) not in {int, float, str}:
        return None
    try:
        amount = Decimal(str(value))
    except InvalidOperation:
        return None
    return amount if amount.is_finite() and amount >= 0 else None


def _word(value: Any) -> str | None:
    return value if isinstance(value, str) and value else None


def _table(usage: dict[str, Any], name: str) -> dict[str, Any]:
    found = usage.get(name)
    return found if isinstance(found, dict) else {}


def _count(table: dict[str, Any], name: str) -> int | None:
    found = table.get(name)
    return found if type(found) is int and found >= 0 else None


def _first(*counts: int | None) -> int | None:
    for count in counts:
        if count is not None:
            return count
    return None
