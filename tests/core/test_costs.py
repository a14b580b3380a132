"""What a call costs: exact, and unknown rather than wrong."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal
from typing import Any

import pytest
from attrs import evolve

from pipelex_core.costs import cost_of, total
from pipelex_core.estimates import Expectation, Guess
from pipelex_core.results import Cost, Usage
from pipelex_core.specs import Costs
from pipelex_limits.bounds import most_cost

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


LIST = Costs(
    input=D(5),
    input_cached=D("0.5"),
    input_cache_write=D("6.25"),
    input_cache_write_1h=D(10),
    output=D(30),
    tiers=(Costs(above_input_tokens=272_000, input=D(10), input_cached=D(1), output=D(45)),),
    batch=Costs(input=D("2.5"), output=D(15)),
    flex=Costs(input=D(3), output=D(16), tiers=(Costs(above_input_tokens=272_000, input=D(6), output=D(24)),)),
)


@pytest.mark.parametrize(
    "usage, amount",
    [
        ({"input_tokens": 272_000, "output_tokens": 1000}, "1.39"),
        ({"input_tokens": 272_001, "output_tokens": 1000}, "2.76501"),
        ({"input_tokens": 300_000, "output_tokens": 1000}, "3.045"),
        ({"input_tokens": 300_000, "output_tokens": 0, "cached_tokens": 200_000}, "1.2"),
        ({"input_tokens": 300_000, "output_tokens": 0, "cache_write_tokens": 10, "cache_write_1h_tokens": 10}, None),
        ({"input_tokens": 100_000, "output_tokens": 0, "cache_write_tokens": 90_000}, "0.6125"),
        (
            {
                "input_tokens": 100_000,
                "output_tokens": 0,
                "cache_write_tokens": 90_000,
                "cache_write_1h_tokens": 40_000,
            },
            "0.7625",
        ),
        ({"input_tokens": 1000, "output_tokens": 10, "service_tier": "flex"}, "0.00316"),
        ({"input_tokens": 300_000, "output_tokens": 10, "service_tier": "flex"}, "1.80024"),
        ({"input_tokens": 1000, "output_tokens": 10, "service_tier": "flex", "cached_tokens": 1}, None),
        ({"input_tokens": 1000, "output_tokens": 10, "service_tier": "batch"}, "0.00265"),
        ({"input_tokens": 300_000, "output_tokens": 10, "service_tier": "batch"}, None),
        ({"input_tokens": 1000, "output_tokens": 10, "service_tier": "priority"}, None),
        ({"input_tokens": 1000, "output_tokens": 10, "service_tier": "provisioned_throughput"}, None),
        ({"input_tokens": 1000, "output_tokens": 10, "service_tier": "default"}, "0.0053"),
        ({"input_tokens": 1000, "output_tokens": 10, "cost": D("0.0123")}, "0.0123"),
        ({"service_tier": "priority", "cost": D(0)}, "0"),
    ],
)
def test_the_size_of_the_input_and_the_tier_of_service_choose_the_price_list(usage: Any, amount: str | None) -> None:
    """A tier prices the whole request, a service has its own prices or none, and what an answer says of its cost wins."""
    cost = cost_of(LIST, Usage(**usage))
    assert cost == (None if amount is None else Cost(amount=D(amount)))


@pytest.mark.parametrize(
    "at, amount",
    [
        (datetime(2026, 12, 31, 23, 59, tzinfo=UTC), "1.5"),
        (datetime(2027, 1, 1, tzinfo=UTC), "3"),
        (datetime(2027, 1, 1, 0, 30, tzinfo=timezone(timedelta(hours=1))), "1.5"),
        (datetime(2027, 3, 1, tzinfo=UTC), "4"),
    ],
)
def test_a_change_holds_from_its_day_on(at: datetime, amount: str) -> None:
    """Days are those of UTC; what a change does not name stays, and the latest one wins."""
    changes = (Costs(from_day="2027-02-01", input=D(3)), Costs(from_day="2027-01-01", input=D(2), batch=Costs()))
    costs = Costs(input=D("0.5"), output=D(1), batch=Costs(input=D(1), output=D(1)), changes=changes)
    assert cost_of(costs, Usage(input_tokens=1_000_000, output_tokens=1_000_000), at) == Cost(amount=D(amount))
    in_batch = cost_of(costs, Usage(input_tokens=1, output_tokens=1, service_tier="batch"), at)
    assert (in_batch is None) == (amount != "1.5")


@pytest.mark.parametrize(
    "at, amount",
    [
        (datetime(2026, 12, 1, 0, 59, tzinfo=UTC), "1"),
        (datetime(2026, 12, 1, 1, 0, tzinfo=UTC), "2"),
        (datetime(2026, 12, 1, 3, 59, tzinfo=UTC), "2"),
        (datetime(2026, 12, 1, 4, 0, tzinfo=UTC), "1"),
        (datetime(2026, 12, 1, 23, 0, tzinfo=UTC), "2"),
        (datetime(2026, 12, 5, 2, 0, tzinfo=UTC), "1"),
    ],
)
def test_peak_hours_have_their_prices(at: datetime, amount: str) -> None:
    """The hours are those of UTC, and hold on the days that are named."""
    peak = Costs(input=D(2), output=D(2), hours=("01:00-04:00", "22:00-24:00"), weekdays=(1, 2, 3, 4, 5))
    costs = Costs(input=D(1), output=D(1), peak=peak)
    assert cost_of(costs, Usage(input_tokens=1_000_000, output_tokens=0), at) == Cost(amount=D(amount))


@pytest.mark.parametrize(
    "costs, usage, amount",
    [
        ({"input": D(1), "output": D(2), "request": D("0.01")}, {"input_tokens": 10, "output_tokens": 0}, "0.01001"),
        ({"input": D(0), "output": D(0), "request": D("0.002")}, {}, "0.002"),
        ({"request": D("0.002")}, {}, "0.002"),
        ({"unit": "request", "input": D("0.002")}, {}, "0.002"),
        ({"input": D(1), "output": D(2), "search": D("0.01")}, {"input_tokens": 0, "output_tokens": 0, "searches": 2}, "0.02"),
        ({"input": D(1), "output": D(2)}, {"input_tokens": 0, "output_tokens": 0, "searches": 2}, None),
        ({"second": D("0.0001")}, {"seconds": 12.5}, "0.00125"),
        ({"second": D("0.0001")}, {}, None),
        ({"minute": D("0.017")}, {"seconds": 90}, "0.0255"),
        ({"character": D("0.000015")}, {"characters": 100}, "0.0015"),
        ({"megapixel": D("0.03"), "image": D("0.04")}, {"images": 2, "megapixels": D(3)}, "0.09"),
        ({"megapixel": D("0.03"), "image": D("0.04")}, {"images": 2}, "0.08"),
        ({"megapixel": D("0.03")}, {"images": 2}, None),
        ({"image_sizes": {"high/1024x1024": D("0.2")}}, {"images": 2, "image_size": "high/1024x1024"}, "0.4"),
        ({"image_sizes": {"1024x1024": D("0.2")}}, {"images": 2, "image_size": "high/1024x1024"}, "0.4"),
        ({"image_sizes": {"4K": D("0.2")}, "image": D("0.1")}, {"images": 2, "image_size": "8K"}, None),
        ({"image_sizes": {"4K": D("0.2")}, "image": D("0.1")}, {"images": 2}, "0.2"),
        ({"input": D(5), "output": D(40), "image": D("0.1")}, {"images": 1, "input_tokens": 100, "output_tokens": 1000}, "0.0405"),
        ({"input": D(5), "output": D(40), "image": D("0.1")}, {"images": 1}, "0.1"),
        (
            {"input": D(1), "input_audio": D(4), "input_image": D(2), "input_cached": D("0.1"), "output": D(1)},
            {"input_tokens": 100, "input_audio_tokens": 50, "input_image_tokens": 20, "cached_tokens": 10, "output_tokens": 0},
            "0.000261",
        ),
        (
            {"input": D(1), "output": D(3), "output_image": D(60), "output_audio": D(10)},
            {"input_tokens": 0, "output_tokens": 100, "output_image_tokens": 50, "output_audio_tokens": 10},
            "0.00322",
        ),
        ({"input": D(1), "output": D(3)}, {"input_tokens": 0, "output_tokens": 10, "output_audio_tokens": 10}, "0.00003"),
        ({"input": D("0.02"), "output": D(0)}, {"input_tokens": 100}, "0.000002"),
    ],
)  # fmt: skip
def test_each_unit_is_priced(costs: Any, usage: Any, amount: str | None) -> None:
    """Tokens by kind, or else images, pages, seconds and characters; requests and searches come besides."""
    cost = cost_of(Costs(**costs), Usage(**usage))
    assert cost == (None if amount is None else Cost(amount=D(amount)))


def test_a_reservation_is_for_the_dearest_tier_within_reach() -> None:
    """What the input may reach at most counts, with the service that is asked for; a tier without prices is unknown."""

    def most(high: int, service: str | None = None) -> Decimal | None:
        expected = Expectation(input_tokens=Guess(10, 20, high), output_tokens=Guess(1, 1, 1000))
        return most_cost(LIST, expected, service)

    assert most(272_000) == D("6.25") * 272_000 / 1_000_000 + D("0.03")
    assert most(272_001) == D(10) * 272_001 / 1_000_000 + D("0.045")
    assert most(1000, "flex") == D("0.019")
    assert most(1000, "priority") is None
    peak = evolve(LIST, peak=Costs(input=D(50), output=D(60), hours=("01:00-02:00",)))
    expected = Expectation(input_tokens=Guess(10, 20, 1000), output_tokens=Guess(1, 1, 1000))
    assert most_cost(peak, expected) == D("0.11")


def test_a_reservation_of_images_is_for_the_dearest_size() -> None:
    """The size that a provider will choose is not known before."""
    costs = Costs(image=D("0.04"), image_sizes={"low": D("0.01"), "high": D("0.2")})
    assert most_cost(costs, Expectation(images=2)) == D("0.4")


def test_the_most_is_never_less_than_what_a_usage_costs() -> None:
    """For any usage within the expectation, without an hour's cache, the reservation covers the cost."""
    expected = Expectation(input_tokens=Guess(0, 100, 400_000), output_tokens=Guess(0, 10, 1000))
    most = most_cost(LIST, expected)
    assert most is not None
    for inputs, cached, written in ((400_000, 0, 0), (272_000, 0, 272_000), (300_000, 100_000, 0), (10, 10, 0)):
        usage = Usage(input_tokens=inputs, output_tokens=1000, cached_tokens=cached, cache_write_tokens=written)
        cost = cost_of(LIST, usage)
        assert cost is not None
        assert cost.amount <= most
