"""The capability `rerank`: a query and documents in, their order by relevance out."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pipelex_core.errors import UnsupportedInputError
from pipelex_core.estimates import Expectation, Guess, tokens_of
from pipelex_core.judging import RerankAnswer, RerankRequest, RerankResult
from pipelex_core.prompts.checks import check_text

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from pipelex_core.specs import ModelSpec

ANSWER, RESULT = RerankAnswer, RerankResult

_A_SEARCH = 100
"""Documents of one query that count as one search: https://cohere.com/pricing."""


def texts_of(provided: object, what: str) -> tuple[str, ...]:
    """Texts, at least one, none of them empty.

    Raises:
        UnsupportedInputError: It says which is not one.
    """
    texts = (provided,) if isinstance(provided, str) else tuple(provided) if hasattr(provided, "__iter__") else None
    if not texts:
        msg = f"{what}s are texts, at least one; not {type(provided).__name__ if texts is None else 'none'}"
        raise UnsupportedInputError(msg)
    for number, text in enumerate(texts):
        if not isinstance(text, str) or not text.strip():
            why = "is empty" if isinstance(text, str) else f"is a {type(text).__name__}, and not a text"
            msg = f"{what} {number} {why}"
            raise UnsupportedInputError(msg)
        check_text(text, f"{what} {number}")
    return texts


def read(query: object, *, documents: Iterable[str] = ()) -> tuple[str, tuple[str, ...]]:
    """What a caller gives, checked."""
    if isinstance(query, (list, tuple)) and not documents and len(query) > 1:
        query, *documents = query  # `pipelex call rerank QUERY DOCUMENT…`
        if len(documents) == 1 and not isinstance(documents[0], str):
            (documents,) = documents  # a query and a list, as a job of `client.map` has them
    if not isinstance(query, str):
        msg = f"a query is a text, not {type(query).__name__}"
        raise UnsupportedInputError(msg)
    (requested,) = texts_of(query, "query")
    return requested, texts_of([documents] if isinstance(documents, str) else documents, "document")


def build(
    what: tuple[str, tuple[str, ...]], spec: ModelSpec, settings: Mapping[str, Any], timeout: float | None
) -> RerankRequest:
    """The request for a model."""
    return RerankRequest(spec=spec, query=what[0], documents=what[1], timeout=timeout, **settings)


def expect(request: RerankRequest) -> Expectation:
    """What a request will use."""
    count = len(request.documents)
    tokens = tokens_of(request.query).times(1, count, count).plus(tokens_of("".join(request.documents)))
    return Expectation(input_tokens=tokens, output_tokens=Guess(), searches=-(-count // _A_SEARCH))


def sample(_spec: ModelSpec | None) -> tuple[str, tuple[str, ...]]:
    """The input of a call on trial."""
    return "Which river is the longest?", ("The Nile is 6,650 km long.", "Paris is a city.")
