"""Documents ranked by how near their vectors are to a query's: a likeness of meaning, weaker than a cross-encoder."""

from __future__ import annotations

from operator import mul
from typing import TYPE_CHECKING, Any

from pipelex_backend_llamacpp._embedding import Embedding
from pipelex_core.errors import CallError, InvalidAnswerError
from pipelex_core.judging import Ranked, RerankAnswer

if TYPE_CHECKING:
    from array import array
    from collections.abc import Callable

    from pipelex_core.judging import RerankRequest
    from pipelex_core.results import Usage
    from pipelex_core.vectors import Vectors


class Ranking(Embedding):
    """A request on its way through a worker's thread; the query is embedded first, with the documents behind it."""

    def __init__(self, request: RerankRequest, tell: Callable[[Any], None]) -> None:
        super().__init__(request.spec, (request.query, *request.documents), tell)
        self._top_n = request.top_n

    def answer(self, vectors: Vectors, usage: Usage) -> RerankAnswer | CallError:
        """The documents by their cosine, the best first; of equal ones, the first comes first."""
        if len(vectors) != len(self._texts):
            return InvalidAnswerError(
                f"{len(self._texts)} texts were embedded, and {len(vectors)} vectors came", usage=usage
            )
        query = vectors[0]
        ranked = [Ranked(at, _cosine(query, vectors[at + 1])) for at in range(len(vectors) - 1)]
        ranked.sort(key=lambda each: each.score, reverse=True)
        return RerankAnswer(ranking=tuple(ranked[: self._top_n]), score="similarity", usage=usage)

    def name_of(self, place: int) -> str:
        """The query, or a document by its place among the documents."""
        return f"document {place - 1}" if place else "the query"


def _cosine(one: array[float], other: array[float]) -> float:
    """Of two vectors of length 1, whose product may exceed 1 in its last digits."""
    product: float = sum(map(mul, one, other))
    return max(-1.0, min(1.0, product))
