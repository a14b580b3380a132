"""Embeddings: a request as the body of `embeddings`, and its answer as float32 rows, read without a list of numbers.

The SDK's own method makes a Python number of each float32, and a model of each vector; here, base64 is decoded in place
in the answer. https://platform.openai.com/docs/api-reference/embeddings/create
"""

from __future__ import annotations

import binascii
from typing import TYPE_CHECKING, Any

import msgspec
from attrs import evolve

from pipelex_backend_openai._errors import MalformedError
from pipelex_backend_openai._usage import chat_usage
from pipelex_core.results import EmbeddingAnswer
from pipelex_core.vectors import Vectors

if TYPE_CHECKING:
    from pipelex_backend_openai._traits import Traits
    from pipelex_core.requests import EmbeddingRequest

_PURPOSES: dict[str, dict[str, str]] = {
    "input_type": {"query": "query", "document": "document"},
    "task": {"query": "retrieval.query", "document": "retrieval.passage"},
}
"""The parameter that says what the vectors are for, and its words: Voyage's, and Jina's.

https://docs.voyageai.com/reference/embeddings-api · https://jina.ai/embeddings/
"""


class _Row(msgspec.Struct):
    embedding: msgspec.Raw
    index: int | None = None


class _Body(msgspec.Struct, omit_defaults=True):
    data: list[_Row]
    id: Any = None
    object: Any = None
    model: Any = None
    usage: Any = None
    error: Any = None


_DECODER = msgspec.json.Decoder(_Body)
_NUMBERS = msgspec.json.Decoder(list[float])
_TEXT = msgspec.json.Decoder(str)


def embedding_body(request: EmbeddingRequest, traits: Traits) -> dict[str, Any]:
    """The body of `embeddings`; a prefix that the model wants for a purpose is put before each text."""
    texts = request.texts
    prefix = {"query": traits.query_prefix, "document": traits.document_prefix}.get(request.purpose or "", "")
    body: dict[str, Any] = {
        "model": request.spec.model_id,
        "input": [prefix + text for text in texts] if prefix else list(texts),
    }
    if traits.embedding_format is not None:
        body["encoding_format"] = traits.embedding_format
    if request.dimensions is not None:
        body[traits.dimensions_parameter] = request.dimensions
    if request.purpose is not None and traits.purpose_parameter is not None:
        body[traits.purpose_parameter] = _PURPOSES[traits.purpose_parameter][request.purpose]
    return body


def read_embeddings(content: bytes, traits: Traits) -> EmbeddingAnswer:
    """The answer in the bytes of a response.

    Raises:
        MalformedError: It is not of the form of the API, or a vector is malformed.
    """
    try:
        body = _DECODER.decode(content)
    except msgspec.DecodeError as error:
        msg = f"the answer is not of the form of embeddings: {error}"
        raise MalformedError(msg) from None
    rows = body.data
    if body.error or not rows:
        msg = "the answer has no vectors"
        raise MalformedError(msg)
    if any(row.index not in {None, place} for place, row in enumerate(rows)):
        rows = sorted(rows, key=lambda row: row.index or 0)
    usage = chat_usage(body.usage, traits)
    if usage.input_tokens is not None and usage.output_tokens is None:
        usage = evolve(usage, output_tokens=0)
    raw = {name: value for name in ("id", "object", "model", "usage") if (value := getattr(body, name)) is not None}
    return EmbeddingAnswer(vectors=_vectors(rows), usage=usage, raw=raw)


def _vectors(rows: list[_Row]) -> Vectors:
    """Base64 of little-endian float32, or lists of numbers where the endpoint knows no other form."""
    if bytes(memoryview(rows[0].embedding)[:1]) != b'"':
        try:
            return Vectors.of(_NUMBERS.decode(row.embedding) for row in rows)
        except (ValueError, msgspec.DecodeError) as error:
            raise MalformedError(str(error)) from None
    size = 0
    decoded = []
    for row in rows:
        data = _decoded(memoryview(row.embedding))
        size = size or len(data)
        if len(data) != size or size % 4 or not size:
            msg = "a vector is not a row of float32 numbers, or has another length than the first"
            raise MalformedError(msg)
        decoded.append(data)
    return Vectors(b"".join(decoded), size // 4)


def _decoded(written: memoryview) -> bytes:
    """The bytes of a string of base64 in JSON."""
    try:
        return binascii.a2b_base64(written[1:-1], strict_mode=True)
    except binascii.Error:
        pass  # an encoder of JSON may write a slash as a backslash and a slash
    try:
        return binascii.a2b_base64(_TEXT.decode(written), strict_mode=True)
    except (ValueError, msgspec.DecodeError):
        msg = "a vector is neither base64 nor a list of numbers"
        raise MalformedError(msg) from None
