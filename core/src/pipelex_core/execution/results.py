"""What a caller gets: a provider's answer, with its model, its cost and the ledger."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from attrs import fields_dict

from pipelex_core.costs import cost_of, total

if TYPE_CHECKING:
    from pipelex_core.deck import ChainMember
    from pipelex_core.execution.attempts import Ledger
    from pipelex_core.execution.plan import Plan
    from pipelex_core.results import Cost, Result
    from pipelex_core.specs import ModelSpec


def result_of(plan: Plan, member: ChainMember, answer: Any, ledger: Ledger) -> Result:
    """Make what the caller gets of an answer."""
    operation, common = plan.operation, common_fields(member, answer, ledger)
    if operation.further is not None:
        return operation.result(**common, **operation.further(answer))
    further = {name: getattr(answer, name) for name in fields_dict(operation.result) if name not in common}
    return operation.result(**common, **further)


def common_fields(member: ChainMember, answer: Any, ledger: Ledger) -> dict[str, Any]:
    """The fields every result has; the usage is the answer's, the cost that of every attempt that was paid."""
    spec = member.entry.spec
    assert spec is not None  # noqa: S101 -- it answered
    return {
        "model": spec.name,
        "backend": spec.backend,
        "model_id": spec.model_id,
        "usage": answer.usage,
        "cost": _cost(spec, answer, ledger),
        "attempts": tuple(ledger.attempts),
        "request_id": answer.request_id,
        "raw": answer.raw,
    }


def _cost(spec: ModelSpec, answer: Any, ledger: Ledger) -> Cost | None:
    paid = [attempt for attempt in ledger.attempts if attempt.usage is not None]
    if len(paid) == 1:
        return paid[0].cost
    return total(attempt.cost for attempt in paid) if paid else cost_of(spec.costs, answer.usage)
