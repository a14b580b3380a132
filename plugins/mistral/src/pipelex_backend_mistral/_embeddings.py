"""Embeddings: `POST /v1/embeddings`, https://docs.mistral.ai/api/endpoint/embeddings.

No format is named, so that numbers come: the SDK knows a parameter for base64, and cannot read the answer to it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from attrs import evolve

from pipelex_backend_mistral._chat_answer import invalid, usage_of
from pipelex_core.answers import embeds_all
from pipelex_core.results import NO_USAGE, EmbeddingAnswer
from pipelex_core.vectors import Vectors

if TYPE_CHECKING:
    from pipelex_core.requests import EmbeddingRequest


def embedding_body(request: EmbeddingRequest) -> dict[str, Any]:
    """What to send; Mistral's models make no difference between purposes."""
    body: dict[str, Any] = {"model": request.spec.model_id, "input": list(request.texts)}
    if request.dimensions is not None:
        body["output_dimension"] = request.dimensions
    return body


def embedding_answer(payload: Any, request: EmbeddingRequest, request_id: str | None) -> EmbeddingAnswer:
    """The vectors of an answer, by their index.

    Raises:
        InvalidAnswerError: It has not one for each text.
    """
    data = payload.get("data") if isinstance(payload, dict) else None
    if not isinstance(data, list) or not all(isinstance(row, dict) for row in data):
        why = "it has no vectors"
        raise invalid(why, payload, request_id)
    counts = payload.get("usage")
    usage = usage_of(counts) if isinstance(counts, dict) else NO_USAGE
    if usage.input_tokens is not None:
        usage = evolve(usage, output_tokens=usage.output_tokens or 0)
    rows = [row for _, row in sorted(enumerate(data), key=lambda each: _place(*each))]
    try:
        vectors = Vectors.of(row["embedding"] for row in rows)
    except (KeyError, TypeError, ValueError) as fault:
        error = invalid(f"it has something else than vectors: {fault}", payload, request_id)
        error.usage = usage
        raise error from None
    raw = {name: value for name, value in payload.items() if name != "data"}
    answer = EmbeddingAnswer(vectors=vectors, usage=usage, request_id=request_id, raw=raw)
    return embeds_all(answer, request)


def _place(at: int, row: dict[str, Any]) -> int:
    index = row.get("index")
    return index if isinstance(index, int) else at
