"""What a call costs: exact, and unknown rather than wrong."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from pipelex_core.costs import cost_of, total
from pipelex_core.results import Cost, Usage
from pipelex_core.specs import Costs

D = Decimal


@pytest.mark.parametrize(
    "costs, usage, amount",
    [
        ({"input": D(2), "output": D(8)}, {"input_tokens": 1_000_000, "output_tokens": 1}, "2.000008"),
        ({"input": D("0.1"), "output": D("0.2")}, {"input_tokens": 3, "output_tokens": 3}, "0.0000009"),
        (
            {"input": D(2), "output": D(8), "input_cached": D(1)},
            {"input_tokens": 10, "output_tokens": 0, "cached_tokens": 4},
            "0.000016",
        ),
        ({"input": D(2), "output": D(8)}, {"input_tokens": 10, "output_tokens": 0, "cached_tokens": 4}, None),
        ({"input": D(0), "output": D(0)}, {"input_tokens": 10, "output_tokens": 0, "cached_tokens": 4}, "0"),
        ({"input": D(2), "output": D(8)}, {"input_tokens": 10, "output_tokens": 0, "cached_tokens": 0}, "0.00002"),
        (
            {"input_joined": D(3), "output": D(8)},
            {"input_tokens": 10, "output_tokens": 0, "cached_tokens": 4},
            "0.00003",
        ),
        (
            {"input": D(2), "input_non_cached": D(5), "input_cached": D(1), "output": D(8)},
            {"input_tokens": 10, "output_tokens": 0, "cached_tokens": 4},
            "0.000034",
        ),
        (
            {"input": D(4), "input_cache_write": D(5), "output": D(0)},
            {"input_tokens": 10, "output_tokens": 0, "cache_write_tokens": 10},
            "0.00005",
        ),
        (
            {"input": D(4), "output": D(8), "output_reasoning": D(2)},
            {"input_tokens": 0, "output_tokens": 10, "reasoning_tokens": 5},
            "0.00005",
        ),
        ({"input": D(4), "output": D(8)}, {"input_tokens": 0, "output_tokens": 10, "reasoning_tokens": 5}, "0.00008"),
        ({"input": D(4)}, {"input_tokens": 5, "output_tokens": 10}, None),
        ({"input": D(4)}, {"input_tokens": 5, "output_tokens": 0}, "0.00002"),
        ({"input": D(4), "output": D(8)}, {}, None),
        ({"unit": "image", "output": D("0.04"), "input": D(0)}, {"images": 3}, "0.12"),
        ({"unit": "page", "input": D("0.001")}, {"pages": 7}, "0.007"),
        ({"unit": "page"}, {"pages": 7}, None),
        ({"unit": "image", "output": D(1)}, {}, None),
    ],
)
def test_a_cost_is_exact_or_unknown(costs: Any, usage: Any, amount: str | None) -> None:
    """Prices times counts in Decimal; a missing price or count makes it unknown, never zero."""
    cost = cost_of(Costs(**costs), Usage(**usage))
    assert cost == (None if amount is None else Cost(amount=D(amount)))


def test_no_price_list_means_unknown() -> None:
    """A model without costs costs nobody knows what."""
    assert cost_of(None, Usage(input_tokens=1, output_tokens=1)) is None


def test_a_sum_with_an_unknown_part_is_unknown() -> None:
    """Unknown is not zero."""
    assert total([Cost(amount=D(1)), Cost(amount=D("0.1"))]) == Cost(amount=D("1.1"))
    assert total([Cost(amount=D(1)), None]) is None
