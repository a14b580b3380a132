"""Judgements: documents ranked by the words that they share with a query, and texts that are all harmless."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pipelex_core.judging import ModerationAnswer, Ranked, RerankAnswer, Verdict
from pipelex_core.results import Usage

if TYPE_CHECKING:
    from pipelex_core.judging import ModerationRequest, RerankRequest


def ranking(request: RerankRequest) -> RerankAnswer:
    """The share of a query's words that a document has; of equal ones, the first comes first."""
    requested = set(request.query.lower().split())
    scored = [
        Ranked(at, round(len(requested & set(text.lower().split())) / max(1, len(requested)), 4))
        for at, text in enumerate(request.documents)
    ]
    scored.sort(key=lambda each: each.score, reverse=True)
    words = sum(len(text.split()) for text in (request.query, *request.documents))
    usage = Usage(input_tokens=words, output_tokens=0, searches=-(-len(request.documents) // 100))
    return RerankAnswer(ranking=tuple(scored[: request.top_n]), usage=usage)


def verdicts(request: ModerationRequest) -> ModerationAnswer:
    """Nothing is flagged."""
    harmless = Verdict(flagged=False, categories={"violence": False}, scores={"violence": 0.0})
    words = sum(len(text.split()) for text in request.inputs)
    return ModerationAnswer(
        verdicts=(harmless,) * len(request.inputs), usage=Usage(input_tokens=words, output_tokens=0)
    )
