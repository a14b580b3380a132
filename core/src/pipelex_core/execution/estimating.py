"""What a call would use and cost, before it is made: what `client.estimate` and `pipelex explain --prompt` show."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pipelex_core.estimates import Estimate, counting
from pipelex_core.execution.plan import make_plan

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pipelex_core.deck import ModelDeck


def estimate(
    deck: ModelDeck,
    source: Any,
    *,
    model: str | Mapping[str, Any] | None = None,
    capability: str = "llm",
    **settings: Any,
) -> Estimate:
    """Estimate what a call would use and cost; nothing is sent.

    Args:
        deck: Where the handle is resolved.
        source: What the call is about: its prompt, its document.
        model: The handle; None for the deck's default.
        capability: What is called.
        settings: The call's own, and what it gives besides `source`, such as `system` and `images`.

    Raises:
        CallError: The call would be refused.
        ConfigError: The handle leads to nothing that can be called.
        PluginError: What guesses is not installed.
    """
    record = deck.capabilities[capability]
    beside, own = record.split(settings)
    plan = make_plan(deck, record, record.read(source, **beside), handle=model, settings=own)
    return Estimate(handle=plan.handle, members=tuple(counting().member_estimate(plan, each) for each in plan.members))
