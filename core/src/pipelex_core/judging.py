"""Judgements on texts: how well they answer a query, and whether they are harmful; request, answer and result of each.

Nothing imports this before the first call of `rerank` or `moderate`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal, NamedTuple

from attrs import field, frozen

from pipelex_core.plain import Plain, Tagged
from pipelex_core.results import NO_USAGE, CacheUse, Result, Usage
from pipelex_core.specs import ModelSpec

Score = Literal["relevance", "similarity"]


class Ranked(NamedTuple):
    """One document of a ranking: its place in the list that was given, and its score."""

    index: int  # type: ignore[assignment]  # a tuple's method of that name is of no use here
    score: float


@frozen(kw_only=True)
class RerankRequest(Tagged):
    """Order documents by how well they answer a query.

    Attributes:
        spec: The model.
        query: The question.
        documents: The texts, at least one.
        top_n: Most documents to rank; None for all.
        timeout: As in `TextRequest`.
    """

    spec: ModelSpec
    query: str
    documents: tuple[str, ...]
    top_n: int | None = None
    timeout: float | None = None


@frozen(kw_only=True)
class RerankAnswer(Tagged):
    """What came of a `RerankRequest`; `cache` as in `TextAnswer`."""

    ranking: tuple[Ranked, ...]
    score: Score = "relevance"
    usage: Usage = NO_USAGE
    request_id: str | None = None
    raw: Any = field(default=None, repr=False, eq=False)
    cache: CacheUse | None = None


@frozen(kw_only=True, repr=False)
class RerankResult(Result):
    """Documents by relevance.

    Attributes:
        ranking: `(index, score)` of each document, the best first; an index is that of the list that was given.
        score: What the scores are: `relevance`, of a model that reads query and document together; or `similarity`, the cosine
            of their embeddings. Scores of two models cannot be compared.
    """

    ranking: tuple[Ranked, ...] = field(repr=lambda ranking: f"<{len(ranking)}>")
    score: Score = "relevance"


@frozen(kw_only=True)
class ModerationRequest(Tagged):
    """Find what is harmful.

    Attributes:
        spec: The model.
        inputs: The texts, at least one.
        timeout: As in `TextRequest`.
    """

    spec: ModelSpec
    inputs: tuple[str, ...]
    timeout: float | None = None


@frozen(kw_only=True)
class Verdict(Plain):
    """What was found in one text.

    Attributes:
        flagged: Whether the provider holds it for harmful.
        categories: The provider's categories -> whether it falls into them.
        scores: The same -> how sure the provider is, 0…1.
    """

    flagged: bool
    categories: Mapping[str, bool]
    scores: Mapping[str, float]


@frozen(kw_only=True)
class ModerationAnswer(Tagged):
    """What came of a `ModerationRequest`; `cache` as in `TextAnswer`."""

    verdicts: tuple[Verdict, ...]
    usage: Usage = NO_USAGE
    request_id: str | None = None
    raw: Any = field(default=None, repr=False, eq=False)
    cache: CacheUse | None = None


@frozen(kw_only=True, repr=False)
class ModerationResult(Result):
    """What was found in texts; `verdicts` has one of each, in their order."""

    verdicts: tuple[Verdict, ...] = field(repr=lambda verdicts: f"<{len(verdicts)}>")

    @property
    def flagged(self) -> bool:
        """Whether any of the texts is held for harmful."""
        return any(verdict.flagged for verdict in self.verdicts)
