"""The orders of a client's chains, bound when it opens, and what it measures for them."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Self

from attrs import define

from pipelex_core.errors import CallError, PluginError
from pipelex_core.estimates import counting
from pipelex_core.orders import CHAIN, ORDERS, Order, Standing

if TYPE_CHECKING:
    from collections.abc import Sequence
    from decimal import Decimal
    from types import TracebackType

    from pipelex_core.deck import ChainMember, ModelDeck
    from pipelex_core.execution.plan import Plan
    from pipelex_core.plugins import Plugins
    from pipelex_core.specs import ModelSpec

_NEW = 0.3
"""How much the last answer counts in the average."""


@define(eq=False)
class Measured:
    """What this client knows of one model at one backend: see `Standing`."""

    running: int = 0
    seconds: float | None = None

    def took(self, seconds: float) -> None:
        """It gave its first piece, or its answer."""
        known = self.seconds
        self.seconds = seconds if known is None or known == float("inf") else known + _NEW * (seconds - known)

    def failed(self) -> None:
        """It gave nothing."""
        if self.seconds is None:
            self.seconds = float("inf")


class Orders:
    """The orders that a deck's chains name; counts and measures only where there is one."""

    def __init__(self, deck: ModelDeck, plugins: Plugins) -> None:
        names = {alias.order for alias in deck.aliases.values()} - {CHAIN}
        self._orders: dict[str, tuple[Order, str]] = {name: _bound(name, plugins) for name in names}
        self._measured: dict[tuple[str, str], Measured] = {}

    def of(self, plan: Plan) -> Sequence[ChainMember]:
        """The members of a call in the order in which they are asked.

        Raises:
            PluginError: A plugin's order broke its contract.
        """
        members = plan.members
        if plan.order == CHAIN or len(members) == 1:
            return members
        order, owner = self._orders[plan.order]
        standings = [self._standing(member, plan) for member in members]
        places = {id(standing): place for place, standing in enumerate(standings)}
        try:
            found = [places[id(standing)] for standing in order(standings)]
        except Exception as error:
            raise PluginError(f"{owner}: the order '{plan.order}' raised {type(error).__name__}: {error}") from error
        if sorted(found) != list(range(len(members))):
            raise PluginError(f"{owner}: the order '{plan.order}' must return each member once")
        return [members[place] for place in found]

    def _standing(self, member: ChainMember, plan: Plan) -> Standing:
        spec = member.spec
        assert spec is not None  # noqa: S101 -- only available members are in a plan
        known = self._of(spec)

        def estimate() -> Decimal | None:
            try:
                request = plan.build(spec, member.settings, None)
            except CallError:
                return None  # it is refused there, which costs nothing and answers nothing
            cost: Decimal | None = counting().likely_cost(
                spec.costs, plan.capability.expect(request), spec.service_tier
            )
            return cost

        return Standing(
            spec=spec, weight=member.weight, running=known.running, seconds=known.seconds, estimate=estimate
        )

    def _of(self, spec: ModelSpec) -> Measured:
        return self._measured.setdefault((spec.backend, spec.name), Measured())

    def __bool__(self) -> bool:
        return bool(self._orders)

    def asking(self, spec: ModelSpec) -> Measuring:
        """Measure one attempt, while the block runs."""
        return Measuring(self._of(spec))


class Measuring:
    """One attempt under way."""

    def __init__(self, known: Measured) -> None:
        self._known = known
        self._started = 0.0
        self._is_measured = False

    def __enter__(self) -> Self:
        self._known.running += 1
        self._started = time.monotonic()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._known.running -= 1
        if error is None:
            self.first()
        elif isinstance(error, (CallError, PluginError)) and not self._is_measured:
            self._known.failed()

    def first(self) -> None:
        """The first piece, or the answer, is there."""
        if not self._is_measured:
            self._is_measured = True
            self._known.took(time.monotonic() - self._started)


def _bound(name: str, plugins: Plugins) -> tuple[Order, str]:
    """An order, and whose it is."""
    if name in ORDERS:
        return ORDERS[name], "pipelex-core"
    offered = plugins.offered("pipelex_orders")
    if name not in offered:
        raise PluginError(f"no installed plugin has the order '{name}'")
    make, record = offered[name]
    order = make()
    if not callable(order):
        raise PluginError(f"plugin {record.label}: the order '{name}' is a {type(order).__name__}, not a function")
    return order, f"plugin {record.label}"
