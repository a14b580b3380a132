"""The order in which a call asks the members of its chain: the built-in ones, and what a plugin's order gets to see."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cached_property
from random import random
from typing import TYPE_CHECKING, TypeAlias

from attrs import field, frozen

if TYPE_CHECKING:
    from decimal import Decimal

    from pipelex_core.specs import ModelSpec


@frozen(kw_only=True, eq=False)
class Standing:
    """One member of a chain, as a call is about to ask it.

    Attributes:
        spec: The model, at its backend.
        weight: Its weight in the chain.
        running: How many calls of this client it works on now.
        seconds: How long it took lately, until its first piece of a stream or its whole answer: an average in which the last
            answer counts 0.3. None before its first; infinite where it has only failed.
        estimate: Estimates the cost of this call, see `cost`.
    """

    spec: ModelSpec
    weight: float = 1.0
    running: int = 0
    seconds: float | None = None
    estimate: Callable[[], Decimal | None] = field(default=lambda: None, repr=False)

    @cached_property
    def cost(self) -> Decimal | None:
        """What this call is likely to cost there, US$; None where a price is unknown."""
        return self.estimate()


Order: TypeAlias = Callable[[Sequence[Standing]], Sequence[Standing]]
"""Gives the members of a chain in the order in which they are asked; called once a call, so that it must be quick."""


def weighted(members: Sequence[Standing], chance: Callable[[], float] = random) -> Sequence[Standing]:
    """Draw one after the other, each as likely as its weight among those that remain."""
    return sorted(members, key=lambda member: chance() ** (1 / member.weight), reverse=True)


def cheapest(members: Sequence[Standing]) -> Sequence[Standing]:
    """The least expected cost of this call first; unknown prices last."""
    return sorted(members, key=lambda member: (member.cost is None, member.cost or 0))


def fastest(members: Sequence[Standing]) -> Sequence[Standing]:
    """The quickest first; before them those that have not been measured, so that each is."""
    return sorted(members, key=lambda member: -1.0 if member.seconds is None else member.seconds)


def least_busy(members: Sequence[Standing]) -> Sequence[Standing]:
    """The fewest calls in flight first."""
    return sorted(members, key=lambda member: member.running)


CHAIN = "chain"
"""The order of the list itself."""

ORDERS: dict[str, Order] = {
    "weighted": weighted,
    "cheapest": cheapest,
    "fastest": fastest,
    "least_busy": least_busy,
}
