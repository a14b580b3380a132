"""What a run would cost: each row's estimate, or those of a sample of many."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Any

from attrs import frozen

from pipelex_batch.checking import Checker, Faults
from pipelex_batch.inputs import read_rows
from pipelex_batch.report import shown
from pipelex_batch.templates import BadRowError
from pipelex_core.errors import PipelexError
from pipelex_core.plain import Plain
from pipelex_limits.bounds import least_cost, likely_cost, most_cost

if TYPE_CHECKING:
    from pipelex_batch.settings import BatchSettings
    from pipelex_core.deck import ModelDeck
    from pipelex_core.estimates import Expectation
    from pipelex_core.execution.plan import Plan
    from pipelex_core.specs import ModelSpec

_MOST = 5_000
"""Rows that are estimated one by one; of more, one in so many is."""


@frozen(kw_only=True)
class BatchEstimate(Plain):
    """What a run would cost, US$, if the first model of each chain answers; None where a price or a bound is unknown.

    Attributes:
        rows: Rows that can be called.
        bad: Rows that cannot.
        sampled: Rows that were estimated; the others are taken to be like them.
        cost_low: The least.
        cost_likely: What is likely.
        cost_high: The most.
        batch_likely: What is likely at the prices of the provider's batch API.
        faults: The first rows that cannot be called.
    """

    rows: int
    bad: int
    sampled: int
    cost_low: Decimal | None
    cost_likely: Decimal | None
    cost_high: Decimal | None
    batch_likely: Decimal | None
    faults: tuple[str, ...] = ()

    def lines(self) -> list[str]:
        """Describe it to people."""

        def stated(amount: Decimal | None) -> str:
            return "unknown" if amount is None else f"{shown(round(amount, 4))} US$"

        of = "" if self.sampled == self.rows else f" (of {self.sampled} of them, the others taken to be alike)"
        lines = [
            f"{self.rows} rows{of}",
            f"  likely {stated(self.cost_likely)}; at least {stated(self.cost_low)}, at most {stated(self.cost_high)}",
        ]
        if self.batch_likely is not None:
            lines.append(f"  by the provider's batch API, likely {stated(self.batch_likely)}")
        if self.bad:
            lines += [f"  {self.bad} rows cannot be called:", *(f"  {fault}" for fault in self.faults)]
        return lines


def estimate_rows(settings: BatchSettings, deck: ModelDeck) -> BatchEstimate:
    """Estimate a run.

    Raises:
        BatchError: The input cannot be read.
        ConfigError: The handle leads to nothing that can be called.
    """
    checker, faults = Checker(settings, deck), Faults()
    total = sum(1 for _ in read_rows(settings.inputs))
    step = max(-(-total // _MOST), 1)
    sums: dict[str, Decimal | None] = dict.fromkeys(("low", "likely", "high", "batch"), Decimal(0))
    sampled = rows = 0
    for place, row in enumerate(read_rows(settings.inputs)):
        try:
            job = checker.job(row)
        except BadRowError as error:
            faults.add(row.number, str(error))
            continue
        rows += 1
        if place % step:
            continue
        sampled += 1
        for name, amount in _costs(checker.plan(job)).items():
            known = sums[name]
            sums[name] = None if known is None or amount is None else known + amount
    share = Decimal(rows) / sampled if sampled else Decimal(0)
    scaled: dict[str, Any] = {name: None if amount is None else amount * share for name, amount in sums.items()}
    return BatchEstimate(
        rows=rows,
        bad=faults.count,
        sampled=sampled,
        cost_low=scaled["low"],
        cost_likely=scaled["likely"],
        cost_high=scaled["high"],
        batch_likely=scaled["batch"],
        faults=tuple(faults.first),
    )


def _costs(plan: Plan) -> dict[str, Decimal | None]:
    """What the first member that takes the request costs."""
    for member in plan.members:
        assert member.spec is not None  # noqa: S101 -- only available members are in a plan
        try:
            expected = plan.capability.expect(plan.build(member.spec, member.settings, None))
        except PipelexError:
            continue
        return _of(member.spec, expected)
    return dict.fromkeys(("low", "likely", "high", "batch"))


def _of(spec: ModelSpec, expected: Expectation) -> dict[str, Decimal | None]:
    return {
        "low": least_cost(spec.costs, expected, spec.service_tier),
        "likely": likely_cost(spec.costs, expected, spec.service_tier),
        "high": most_cost(spec.costs, expected, spec.service_tier),
        "batch": likely_cost(spec.costs, expected, "batch"),
    }
