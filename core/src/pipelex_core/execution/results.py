"""What a caller gets: a provider's answer, with its model, its cost and the ledger."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pipelex_core.costs import cost_of, total
from pipelex_core.parts import Message, TextPart
from pipelex_core.results import DocumentResult, ImageResult, TextResult

if TYPE_CHECKING:
    from pipelex_core.deck import ChainMember
    from pipelex_core.execution.attempts import Ledger
    from pipelex_core.results import Cost, DocumentAnswer, ImageAnswer, TextAnswer
    from pipelex_core.specs import ModelSpec


def text_result(member: ChainMember, answer: TextAnswer, ledger: Ledger) -> TextResult:
    """What the caller gets of a text."""
    parts = (TextPart(answer.text),) if answer.text else ()
    return TextResult(
        **common_fields(member, answer, ledger),
        text=answer.text,
        finish_reason=answer.finish_reason,
        tool_calls=answer.tool_calls,
        reasoning=answer.reasoning,
        message=Message(role="assistant", parts=(*answer.provider_parts, *parts, *answer.tool_calls)),
    )


def document_result(member: ChainMember, answer: DocumentAnswer, ledger: Ledger) -> DocumentResult:
    """What the caller gets of an extraction."""
    return DocumentResult(**common_fields(member, answer, ledger), pages=answer.pages)


def image_result(member: ChainMember, answer: ImageAnswer, ledger: Ledger) -> ImageResult:
    """What the caller gets of an image generation."""
    return ImageResult(**common_fields(member, answer, ledger), images=answer.images, seed=answer.seed)


def common_fields(member: ChainMember, answer: Any, ledger: Ledger) -> dict[str, Any]:
    """The fields every result has; the usage is the answer's, the cost that of every attempt that was paid."""
    spec = member.spec
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
