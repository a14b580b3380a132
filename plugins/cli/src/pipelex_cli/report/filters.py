"""Which rows are asked for: by capability, backend, inputs, outputs, prices."""

from __future__ import annotations

from decimal import Decimal, InvalidOperation
from typing import TYPE_CHECKING

from attrs import field, frozen

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from pipelex_cli.report.rows import Listed
    from pipelex_core.specs import Costs, ModelSpec

PRICES: dict[str, str] = {
    "input": "US$ per million input tokens",
    "output": "US$ per million output tokens",
    "image": "US$ per image",
    "page": "US$ per page",
    "second": "US$ per second",
    "character": "US$ per character",
    "request": "US$ per request",
}
"""What a price can be limited by."""


@frozen(kw_only=True)
class Filter:
    """What a row has to be.

    Attributes:
        available: Whether only what can be used counts.
        capability: What it is for.
        backend: The backend it is about or leads to.
        inputs: Inputs its model takes.
        outputs: Outputs its model gives.
        max_prices: Name of `PRICES` -> most. A model whose price is unknown never
            matches, nor does one that is paid by another unit than those named.
    """

    available: bool = False
    capability: str | None = None
    backend: str | None = None
    inputs: tuple[str, ...] = ()
    outputs: tuple[str, ...] = ()
    max_prices: Mapping[str, Decimal] = field(factory=dict)

    @property
    def asks_for_models(self) -> bool:
        """Whether it asks for anything that only a model has."""
        return bool(self.capability or self.inputs or self.outputs or self.max_prices)

    def of(self, listed: Iterable[Listed]) -> list[Listed]:
        """The rows that fit, in their order."""
        return [each for each in listed if self._fits(each)]

    def _fits(self, listed: Listed) -> bool:
        if self.available and not listed.row.get("available", True):
            return False
        if self.backend is not None and listed.backend != self.backend:
            return False
        if self.capability is not None and listed.capability != self.capability:
            return False
        if not (self.inputs or self.outputs or self.max_prices):
            return True
        return listed.spec is not None and self._model_fits(listed.spec)

    def _model_fits(self, spec: ModelSpec) -> bool:
        if not (spec.inputs.issuperset(self.inputs) and spec.outputs.issuperset(self.outputs)):
            return False
        if not self.max_prices:
            return True
        limits = [name for name in _limits_of(spec.costs) if name in self.max_prices] if spec.costs else []
        prices = [(price_of(spec.costs, name), self.max_prices[name]) for name in limits]
        return bool(prices) and all(price is not None and price <= most for price, most in prices)


def price_of(costs: Costs | None, name: str) -> Decimal | None:
    """A price by its name in `PRICES`; None where it is unknown, or of another unit."""
    if costs is None or name not in _limits_of(costs):
        return None
    if name == "input":
        known = (costs.input_joined, costs.input_non_cached, costs.input)
        return next((price for price in known if price is not None), None)
    if name == "output":
        return costs.output
    own: Decimal | None = getattr(costs, name)
    if own is not None or costs.unit != name:
        return own
    parts = [price for price in (costs.input, costs.output) if price is not None]
    return sum(parts, Decimal(0)) if parts else None


def read_prices(texts: Iterable[str]) -> dict[str, Decimal]:
    """Limits such as `input=3`.

    Raises:
        ValueError: One is not written so.
    """
    limits: dict[str, Decimal] = {}
    for text in texts:
        name, equals, number = text.partition("=")
        try:
            limit = Decimal(number)
        except InvalidOperation:
            limit = Decimal("NaN")
        if name not in PRICES or not equals or not limit.is_finite() or limit < 0:
            msg = f"a price is limited by {', '.join(f'{each}=NUMBER' for each in PRICES)}, not by '{text}'"
            raise ValueError(msg)
        limits[name] = limit
    return limits


def _limits_of(costs: Costs) -> tuple[str, ...]:
    """The names of `PRICES` by which a price list can be limited."""
    own = tuple(
        name for name in ("image", "page", "second", "character", "request") if getattr(costs, name) is not None
    )
    if costs.unit != "million_tokens":
        return tuple(dict.fromkeys((costs.unit, *own)))
    return ("input", "output") if costs.input is not None or costs.output is not None or not own else own
