"""Embeddings of Amazon Titan and Cohere, by InvokeModel; this runs in worker threads.

https://docs.aws.amazon.com/bedrock/latest/userguide/model-parameters-titan-embed-text.html ·
https://docs.aws.amazon.com/bedrock/latest/userguide/model-parameters-embed.html
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from pipelex_backend_bedrock._answer import request_id_of
from pipelex_backend_bedrock._calls import read_body
from pipelex_core.answers import count, embeds_all
from pipelex_core.errors import InvalidAnswerError, UnsupportedInputError
from pipelex_core.results import EmbeddingAnswer, Usage
from pipelex_core.vectors import Vectors

if TYPE_CHECKING:
    from pipelex_core.requests import EmbeddingRequest

_TOKENS = "x-amzn-bedrock-input-token-count"
_COHERE_PURPOSES = {"query": "search_query", "document": "search_document", None: "search_document"}
"""Cohere's models demand one; texts are documents where a call does not say."""


def embed(client: Any, request: EmbeddingRequest) -> EmbeddingAnswer:
    """The vectors of InvokeModel."""
    response = client.invoke_model(
        modelId=request.spec.model_id,
        body=json.dumps(embedding_body(request)).encode(),
        contentType="application/json",
        accept="application/json",
    )
    identity = request_id_of(response)
    counted = response["ResponseMetadata"]["HTTPHeaders"].get(_TOKENS, "")
    data = _parsed(read_body(response["body"]), identity)
    return embedding_answer(data, request, identity, int(counted) if counted.isdecimal() else None)


def embedding_body(request: EmbeddingRequest) -> dict[str, Any]:
    """The body for the model's family.

    Raises:
        UnsupportedInputError: As of `titan_body`.
    """
    return cohere_body(request) if _is_cohere(request) else titan_body(request)


def embedding_answer(
    data: dict[str, Any], request: EmbeddingRequest, identity: str | None = None, tokens: int | None = None
) -> EmbeddingAnswer:
    """The vectors in an answer; its tokens are those that are counted beside it, else what it says itself.

    Raises:
        InvalidAnswerError: It holds something else.
    """
    usage = Usage(input_tokens=count(data.get("inputTextTokenCount")) if tokens is None else tokens, output_tokens=0)
    try:
        vectors = Vectors.of(_cohere_rows(data) if _is_cohere(request) else [data["embedding"]])
    except (KeyError, TypeError, ValueError) as fault:
        msg = f"Bedrock answered with something else than vectors: {fault}"
        raise InvalidAnswerError(msg, raw=data, request_id=identity, usage=usage) from None
    raw = {name: value for name, value in data.items() if not name.startswith("embedding")}
    return embeds_all(EmbeddingAnswer(vectors=vectors, usage=usage, request_id=identity, raw=raw), request)


def _is_cohere(request: EmbeddingRequest) -> bool:
    return "cohere.embed" in request.spec.model_id


def titan_body(request: EmbeddingRequest) -> dict[str, Any]:
    """The body for a model of Titan, which takes one text; purposes make no difference to it.

    Raises:
        UnsupportedInputError: There are several texts, or the model is of another family.
    """
    if "titan-embed" not in request.spec.model_id:
        msg = f"model '{request.spec.name}' is of no family whose embeddings this plugin can ask Bedrock for: Titan, Cohere"
        raise UnsupportedInputError(msg)
    if len(request.texts) > 1:
        msg = f"model '{request.spec.name}' takes one text a request: write max_inputs = 1 in its spec"
        raise UnsupportedInputError(msg)
    body: dict[str, Any] = {"inputText": request.texts[0]}
    if request.dimensions is not None:
        body["dimensions"] = request.dimensions
    return body


def cohere_body(request: EmbeddingRequest) -> dict[str, Any]:
    """The body for a model of Cohere; a text that is too long is refused, which it would cut."""
    body: dict[str, Any] = {
        "texts": list(request.texts),
        "input_type": _COHERE_PURPOSES[request.purpose],
        "truncate": "NONE",
        "embedding_types": ["float"],
    }
    if request.dimensions is not None:
        body["output_dimension"] = request.dimensions
    return body


def _parsed(content: bytes, identity: str | None) -> dict[str, Any]:
    try:
        data = json.loads(content)
    except (ValueError, RecursionError):
        data = None
    if isinstance(data, dict):
        return data
    msg = "Bedrock answered with something that is not a JSON object: is the endpoint right?"
    raise InvalidAnswerError(msg, raw=content[:1000], request_id=identity)


def _cohere_rows(data: dict[str, Any]) -> Any:
    """The rows: by their type where types were asked for, and bare from older models."""
    found = data["embeddings"]
    return found["float"] if isinstance(found, dict) else found
