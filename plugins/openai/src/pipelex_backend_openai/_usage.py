"""Token counts as `Usage` means them: all input with the cached share, all output with the reasoning share."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pipelex_core.results import NO_USAGE, Usage

if TYPE_CHECKING:
    from pipelex_backend_openai._traits import Traits


def chat_usage(usage: Any, traits: Traits) -> Usage:
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
        reasoning_tokens=reasoning,
    )


def responses_usage(usage: Any) -> Usage:
    """The `usage` of a response."""
    if not isinstance(usage, dict):
        return NO_USAGE
    of_input = _table(usage, "input_tokens_details")
    return Usage(
        input_tokens=_count(usage, "input_tokens"),
        output_tokens=_count(usage, "output_tokens"),
        cached_tokens=_count(of_input, "cached_tokens"),
        cache_write_tokens=_count(of_input, "cache_write_tokens"),
        reasoning_tokens=_count(_table(usage, "output_tokens_details"), "reasoning_tokens"),
    )


def image_usage(usage: Any, images: int) -> Usage:
    """The `usage` of `images/generations`, and how many images there are."""
    counts = responses_usage(usage)
    return Usage(input_tokens=counts.input_tokens, output_tokens=counts.output_tokens, images=images)


def _table(usage: dict[str, Any], name: str) -> dict[str, Any]:
    found = usage.get(name)
    return found if isinstance(found, dict) else {}


def _count(table: dict[str, Any], name: str) -> int | None:
    found = table.get(name)
    return found if type(found) is int and found >= 0 else None


def _first(*counts: int | None) -> int | None:
    return next((count for count in counts if count is not None), None)
