"""Embeddings, at AI Studio (`batchEmbedContents`) and at Vertex AI (`predict`, or `embedContent` for the newer models).

https://ai.google.dev/gemini-api/docs/embeddings ·
https://cloud.google.com/vertex-ai/generative-ai/docs/embeddings/get-text-embeddings
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from google.genai import types

from pipelex_core.answers import count, embeds_all
from pipelex_core.errors import InvalidAnswerError, UnsupportedInputError
from pipelex_core.results import NO_USAGE, EmbeddingAnswer, Usage
from pipelex_core.vectors import Vectors

if TYPE_CHECKING:
    from pipelex_core.requests import EmbeddingRequest

_TASKS = {"query": "RETRIEVAL_QUERY", "document": "RETRIEVAL_DOCUMENT"}
_PREFIXES = {"query": "task: search result | query: ", "document": "title: none | text: "}
"""How gemini-embedding-2 learns what a vector is for: it takes no task type
(https://ai.google.dev/gemini-api/docs/embeddings#task-types)."""

_PREFIXED = "gemini-embedding-2"


def embedding_contents(request: EmbeddingRequest, model: str, *, vertex: bool) -> list[types.Content]:
    """The texts, each a content of its own: of a list of strings, the SDK makes one content, and the API one vector.

    Raises:
        UnsupportedInputError: The model makes one vector a request at Vertex AI, and there are several texts.
    """
    texts = request.texts
    if vertex and len(texts) > 1 and "gemini" in model:
        msg = f"model '{request.spec.name}' takes one text a request at Vertex AI: write max_inputs = 1 in its spec"
        raise UnsupportedInputError(msg)
    prefix = _PREFIXES[request.purpose] if request.purpose and model.startswith(_PREFIXED) else ""
    return [types.Content(parts=[types.Part(text=prefix + text)]) for text in texts]


def embedding_config(request: EmbeddingRequest, model: str, *, vertex: bool) -> types.EmbedContentConfig:
    """What goes with the texts. Vertex AI is asked to refuse a text that is too long, which it would cut; AI Studio cannot be."""
    task = _TASKS[request.purpose] if request.purpose and not model.startswith(_PREFIXED) else None
    return types.EmbedContentConfig(
        task_type=task,
        output_dimensionality=request.dimensions,
        auto_truncate=False if vertex else None,
    )


def embedding_answer(response: Any, request: EmbeddingRequest, request_id: str | None) -> EmbeddingAnswer:
    """The vectors of an answer.

    Raises:
        InvalidAnswerError: It has not one for each text, or one is of a text that was cut.
    """
    found = response.embeddings or ()
    usage = _usage(found)
    cut = next((at for at, each in enumerate(found) if each.statistics and each.statistics.truncated), None)
    try:
        vectors = Vectors.of(each.values or () for each in found)
    except ValueError as fault:
        msg = f"Google's answer has no vectors: {fault}"
        raise InvalidAnswerError(msg, raw=response, request_id=request_id, usage=usage) from None
    if cut is not None:
        msg = f"Google cut the text of {len(request.texts[cut]):,} characters: it is too long"
        raise InvalidAnswerError(msg, request_id=request_id, usage=usage)
    raw = response.model_copy(update={"embeddings": None})
    return embeds_all(EmbeddingAnswer(vectors=vectors, usage=usage, request_id=request_id, raw=raw), request)


def _usage(found: Any) -> Usage:
    """Tokens, where Vertex AI counts them with each vector; the SDK drops what AI Studio says."""
    counts = [count(each.statistics.token_count) if each.statistics else None for each in found]
    if not counts or None in counts:
        return NO_USAGE
    return Usage(input_tokens=sum(each for each in counts if each is not None), output_tokens=0)
