"""What core asks for: what requests will use, and what each member of a chain would cost."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from attrs import fields_dict

from pipelex_core.errors import CallError
from pipelex_core.estimates import Expectation, MemberEstimate
from pipelex_limits.bounds import least_cost, likely_cost, most_cost
from pipelex_limits.expectations import of_document, of_image, of_text, tokens_of

if TYPE_CHECKING:
    from pipelex_core.deck import ChainMember
    from pipelex_core.execution.plan import Plan

__all__ = ["likely_cost", "member_estimate", "of_document", "of_image", "of_text", "tokens_of"]


def member_estimate(plan: Plan, member: ChainMember) -> MemberEstimate:
    """What a member of a call's chain would use and cost, if it is the one that answers."""
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
