"""What an answer used, as OpenAI's two APIs count it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pipelex_core.results import Cost, Usage


def chat_usage(usage: Usage, cost: Cost | None) -> dict[str, Any]:
    """The `usage` of a chat completion; `cost` in US$ and `cache_write_tokens` are OpenRouter's addition."""
    sent, provided = usage.input_tokens or 0, usage.output_tokens or 0
    counted: dict[str, Any] = {
        "prompt_tokens": sent,
        "completion_tokens": provided,
        "total_tokens": sent + provided,
        "prompt_tokens_details": {
            "cached_tokens": usage.cached_tokens or 0,
            "audio_tokens": usage.input_audio_tokens or 0,
        },
        "completion_tokens_details": {
            "reasoning_tokens": usage.reasoning_tokens or 0,
            "audio_tokens": usage.output_audio_tokens or 0,
            "accepted_prediction_tokens": usage.accepted_prediction_tokens or 0,
            "rejected_prediction_tokens": usage.rejected_prediction_tokens or 0,
        },
    }
    if usage.cache_write_tokens:
        counted["prompt_tokens_details"]["cache_write_tokens"] = usage.cache_write_tokens
    return counted if cost is None else {**counted, "cost": cost.amount}


def responses_usage(usage: Usage, cost: Cost | None) -> dict[str, Any]:
    """The `usage` of a response."""
    sent, provided = usage.input_tokens or 0, usage.output_tokens or 0
    counted: dict[str, Any] = {
        "input_tokens": sent,
        "input_tokens_details": {"cached_tokens": usage.cached_tokens or 0},
        "output_tokens": provided,
        "output_tokens_details": {"reasoning_tokens": usage.reasoning_tokens or 0},
        "total_tokens": sent + provided,
    }
    if usage.cache_write_tokens:
        counted["input_tokens_details"]["cache_write_tokens"] = usage.cache_write_tokens
    return counted if cost is None else {**counted, "cost": cost.amount}
