"""Texts to embed as requests of a batch, one a request, and the vectors that come of them.

https://ai.google.dev/gemini-api/docs/batch-api#batch-embedding ·
https://docs.cloud.google.com/gemini-enterprise-agent-platform/models/embeddings/batch-prediction-genai-embeddings
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pipelex_backend_google._embeddings import embedding_config, embedding_contents
from pipelex_core.answers import count, embeds_all
from pipelex_core.errors import InvalidAnswerError, UnsupportedInputError
from pipelex_core.results import NO_USAGE, EmbeddingAnswer, Usage
from pipelex_core.vectors import Vectors

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pipelex_core.requests import EmbeddingRequest

_CONFIG = "embed_content_config"
"""Where Vertex AI has the settings; AI Studio has them beside the content."""


def embedding_body(request: EmbeddingRequest, model: str, *, vertex: bool) -> dict[str, Any]:
    """The request in the API's own form.

    Raises:
        UnsupportedInputError: It has several texts.
    """
    if len(request.texts) > 1:
        msg = f"a row of a batch has one text to embed at Google, not {len(request.texts)}"
        raise UnsupportedInputError(msg)
    (content,) = embedding_contents(request, model, vertex=vertex)
    body: dict[str, Any] = {"content": content.model_dump(mode="json", by_alias=True, exclude_none=True)}
    config = embedding_config(request, model, vertex=vertex).model_dump(
        mode="json", by_alias=not vertex, exclude_none=True
    )
    return body | ({_CONFIG: config} if vertex else config)


def batch_vector(request: EmbeddingRequest, response: Mapping[str, Any]) -> EmbeddingAnswer:
    """The vector of a response.

    One that is longer than what was requested is cut: batches of Vertex AI have been seen to give all that the model makes, of
    which a shorter vector is the beginning (https://ai.google.dev/gemini-api/docs/embeddings#controlling-embedding-size).

    Raises:
        InvalidAnswerError: It has none.
    """
    usage = _usage(response)
    values = (response.get("embedding") or {}).get("values") or ()
    try:
        vectors = Vectors.of([values[: request.dimensions]])
    except (TypeError, ValueError) as fault:
        msg = f"Google's answer has no vector: {fault}"
        raise InvalidAnswerError(msg, raw=response, usage=usage) from None
    return embeds_all(EmbeddingAnswer(vectors=vectors, usage=usage), request)


def _usage(response: Mapping[str, Any]) -> Usage:
    """Its tokens: `tokenCount`, or those of `usageMetadata`."""
    found = response.get("tokenCount") or (response.get("usageMetadata") or {}).get("promptTokenCount")
    tokens = count(int(found)) if isinstance(found, str) and found.isdecimal() else count(found)
    return NO_USAGE if tokens is None else Usage(input_tokens=tokens, output_tokens=0)
