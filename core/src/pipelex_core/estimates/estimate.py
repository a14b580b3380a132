"""What a call would use and cost, before it is made: what `client.estimate` and `pipelex explain --prompt` tell."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Any

from attrs import fields_dict, frozen

from pipelex_core.costs import least_cost, most_cost
from pipelex_core.errors import CallError
from pipelex_core.estimates.expectations import Expectation, Guess
from pipelex_core.execution.plan import Plan, make_plan
from pipelex_core.plain import Plain

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pipelex_core.deck import ChainMember, ModelDeck


@frozen(kw_only=True)
class MemberEstimate(Plain):
    """What one member of a chain would use and cost, if it is the one that answers.

    Attributes:
        model: Name of the model.
        backend: Its backend.
        model_id: What the provider calls it.
        input_tokens: Tokens of the prompt: `low`, `likely` and `high`; None where it is not billed by tokens.
        output_tokens: Tokens of the answer, likewise; `high` is None where nothing bounds it.
        images: Images that will be made, or None.
        megapixels: Millions of their pixels, or None where the size is not asked for.
        pages: Pages that will be read, or None.
        seconds: Seconds of audio or video, or None.
        characters: Characters of text, where they are what is paid, or None.
        searches: Searches that will be counted, or None.
        cost_low: The least it will cost; None where prices are unknown.
        cost_high: The most it will cost; None where prices, or a bound, are unknown.
        refused: Why it would not be asked at all, or None.
    """

    model: str
    backend: str
    model_id: str
    input_tokens: Guess | None = None
    output_tokens: Guess | None = None
    images: int | None = None
    megapixels: Decimal | None = None
    pages: Guess | None = None
    seconds: Guess | None = None
    characters: Guess | None = None
    searches: int | None = None
    cost_low: Decimal | None = None
    cost_high: Decimal | None = None
    refused: str | None = None


@frozen(kw_only=True)
class Estimate(Plain):
    """What a call would use and cost.

    Attributes:
        handle: The handle it was asked for.
        members: Those that would be asked, first to last; the first that answers is paid.
        currency: Of the costs.
    """

    handle: str
    members: tuple[MemberEstimate, ...]
    currency: str = "USD"

    @property
    def cost_low(self) -> Decimal | None:
        """The least that the call costs: what the cheapest member costs at least; None where one is unknown."""
        lows = [member.cost_low for member in self.members if member.refused is None]
        return None if not lows or None in lows else min(low for low in lows if low is not None)

    @property
    def cost_high(self) -> Decimal | None:
        """The most that one answer costs: what the dearest member costs at most; None where one is unknown."""
        highs = [member.cost_high for member in self.members if member.refused is None]
        return None if not highs or None in highs else max(high for high in highs if high is not None)


def estimate(
    deck: ModelDeck,
    source: Any,
    *,
    model: str | Mapping[str, Any] | None = None,
    capability: str = "llm",
    **settings: Any,
) -> Estimate:
    """Estimate what a call would use and cost; nothing is sent. `expectations.py` says how tokens are counted.

    Args:
        deck: Where the handle is resolved.
        source: What the call is about: its prompt, its document.
        model: The handle; None for the deck's default.
        capability: What is called.
        settings: The call's own, and what it gives besides `source`, such as `system` and `images`.

    Raises:
        CallError: The call would be refused.
        ConfigError: The handle leads to nothing that can be called.
    """
    record = deck.capabilities[capability]
    beside, own = record.split(settings)
    plan = make_plan(deck, record, record.read(source, **beside), handle=model, settings=own)
    return Estimate(handle=plan.handle, members=tuple(_of_member(member, plan) for member in plan.members))


def _of_member(member: ChainMember, plan: Plan) -> MemberEstimate:
    spec = member.spec
    assert spec is not None  # noqa: S101 -- only available members are in a plan
    about: dict[str, Any] = {"model": spec.name, "backend": spec.backend, "model_id": spec.model_id}
    try:
        expected = plan.capability.expect(plan.build(spec, member.settings, None))
    except CallError as error:
        return MemberEstimate(**about, refused=error.message)
    return MemberEstimate(
        **about,
        **{name: getattr(expected, name) for name in fields_dict(Expectation)},
        cost_low=least_cost(spec.costs, expected, spec.service_tier),
        cost_high=most_cost(spec.costs, expected, spec.service_tier),
    )
