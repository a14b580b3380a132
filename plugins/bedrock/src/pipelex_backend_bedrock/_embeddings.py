"""Embeddings of Amazon Titan and Nova, Cohere and TwelveLabs Marengo, by InvokeModel; this runs in worker threads.

https://docs.aws.amazon.com/bedrock/latest/userguide/model-parameters-titan-embed-text.html ·
https://docs.aws.amazon.com/nova/latest/userguide/embeddings-schema.html ·
https://docs.aws.amazon.com/bedrock/latest/userguide/model-parameters-embed.html ·
https://docs.aws.amazon.com/bedrock/latest/userguide/model-parameters-marengo-3.html
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
_NOVA_PURPOSES = {"query": "TEXT_RETRIEVAL", "document": "GENERIC_INDEX", None: "GENERIC_INDEX"}
"""Nova's model demands one, too: a query for texts, or what is to be found by queries of any kind."""


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
        UnsupportedInputError: The model is of no family that is known, or there are several texts for one that takes one.
    """
    model = request.spec.model_id
    family = next((name for name in _FAMILIES if name in model), None)
    if family is None:
        msg = f"model '{request.spec.name}' is of no family whose embeddings this plugin can ask Bedrock for: Titan, Nova, Cohere, Marengo 3"
        raise UnsupportedInputError(msg)
    if family != _COHERE and len(request.texts) > 1:
        msg = f"model '{request.spec.name}' takes one text a request: write max_inputs = 1 in its spec"
        raise UnsupportedInputError(msg)
    return _FAMILIES[family](request)


def embedding_answer(
    data: dict[str, Any], request: EmbeddingRequest, identity: str | None = None, tokens: int | None = None
) -> EmbeddingAnswer:
    """The vectors in an answer; its tokens are those that are counted beside it, else what it says itself.

    Raises:
        InvalidAnswerError: It holds something else.
    """
    usage = Usage(input_tokens=count(data.get("inputTextTokenCount")) if tokens is None else tokens, output_tokens=0)
    try:
        vectors = Vectors.of(_rows(data, request.spec.model_id))
    except (KeyError, TypeError, ValueError) as fault:
        msg = f"Bedrock answered with something else than vectors: {fault}"
        raise InvalidAnswerError(msg, raw=data, request_id=identity, usage=usage) from None
    raw = {name: value for name, value in data.items() if not name.startswith("embedding") and name != "data"}
    return embeds_all(EmbeddingAnswer(vectors=vectors, usage=usage, request_id=identity, raw=raw), request)


def titan_body(request: EmbeddingRequest) -> dict[str, Any]:
    """The body for a model of Titan, which takes one text; purposes make no difference to it."""
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


def nova_body(request: EmbeddingRequest) -> dict[str, Any]:
    """The body for Nova's model, which takes one text; one that is too long is refused, which it would cut."""
    wanted: dict[str, Any] = {
        "embeddingPurpose": _NOVA_PURPOSES[request.purpose],
        "text": {"truncationMode": "NONE", "value": request.texts[0]},
    }
    if request.dimensions is not None:
        wanted["embeddingDimension"] = request.dimensions
    return {
        "schemaVersion": "nova-multimodal-embed-v1",
        "taskType": "SINGLE_EMBEDDING",
        "singleEmbeddingParams": wanted,
    }


def marengo_body(request: EmbeddingRequest) -> dict[str, Any]:
    """The body for Marengo 3, which takes one text, and has one number of dimensions."""
    if request.dimensions is not None:
        msg = f"model '{request.spec.name}' has one number of dimensions: leave `dimensions` out"
        raise UnsupportedInputError(msg)
    return {"inputType": "text", "text": {"inputText": request.texts[0]}}


_COHERE = "cohere.embed"
_FAMILIES = {
    _COHERE: cohere_body,
    "titan-embed": titan_body,
    "nova-2-multimodal-embeddings": nova_body,
    "marengo-embed-3": marengo_body,
}
"""Words in a model's id, and the body for it."""


def _parsed(content: bytes, identity: str | None) -> dict[str, Any]:
    try:
        data = json.loads(content)
    except (ValueError, RecursionError):
        data = None
    if isinstance(data, dict):
        return data
    msg = "Bedrock answered with something that is not a JSON object: is the endpoint right?"
    raise InvalidAnswerError(msg, raw=content[:1000], request_id=identity)


def _rows(data: dict[str, Any], model: str) -> Any:
    """The rows, wherever the family has them; Cohere's by their type where types were asked for, and bare from older models."""
    if "marengo" in model:
        found = data["data"]
        return [each["embedding"] for each in (found if isinstance(found, list) else [found])]
    if "nova-" in model:
        return [each["embedding"] for each in data["embeddings"]]
    if _COHERE not in model:
        return [data["embedding"]]
    found = data["embeddings"]
    return found["float"] if isinstance(found, dict) else found
