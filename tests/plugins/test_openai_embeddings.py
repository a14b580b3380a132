"""Embeddings of OpenAI and compatible endpoints: what is sent, how every form of answer is read, and what the SDK does itself."""

from __future__ import annotations

import asyncio
import base64
import json
import struct
from typing import Any

import openai
import pytest

from pipelex_core import errors
from pipelex_core.requests import EmbeddingRequest
from pipelex_core.results import EmbeddingAnswer, Usage
from pipelex_core.specs import ModelType, Secret
from pipelex_core.vectors import Vectors
from tests.plugins.openai_calls import KEY, config, spec, with_backend
from tests.servers.base import Reply, Server
from tests.servers.openai_server import OpenAIServer, row_of

TEXTS = ("a river", "the sea", "naïve ☃")


def wish(texts: tuple[str, ...] = TEXTS, **fields: Any) -> EmbeddingRequest:
    """A request for vectors."""
    options = fields.pop("options", {})
    model = spec(fields.pop("sdk", "openai"), model_type=ModelType.EMBEDDING, options=options)
    return EmbeddingRequest(spec=model, texts=texts, **fields)


def made(*replies: Reply, name: str = "openai", **fields: Any) -> tuple[EmbeddingAnswer, Any]:
    """The answer to a request, and the request that was sent."""

    async def use(backend: Any, server: Server) -> Any:
        return await backend.embed(wish(**fields)), server.received[0]

    answer, received = with_backend(use, *replies, make=lambda url: config(url, name))
    return answer, received


def body(*vectors: Any, **fields: Any) -> Reply:
    """An answer with vectors, as an endpoint writes it."""
    data = [{"object": "embedding", "index": at, "embedding": each} for at, each in enumerate(vectors)]
    return Reply.json({"object": "list", "data": data, "model": "m", **fields})


def test_texts_are_sent_and_base64_is_asked_for() -> None:
    """The smallest form of an answer, of which each number is a float32 already."""
    answer, received = made()
    assert received.path == "/v1/embeddings"
    assert received.json == {"model": "gpt-test", "input": list(TEXTS), "encoding_format": "base64"}
    assert answer.vectors == Vectors(b"".join(row_of(text, 8).tobytes() for text in TEXTS), 8)
    assert (answer.usage, answer.request_id) == (Usage(input_tokens=6, output_tokens=0), "req_test")
    assert answer.raw == {"object": "list", "model": "gpt-test", "usage": {"prompt_tokens": 6, "total_tokens": 6}}


def test_dimensions_are_sent_where_they_are_asked_for() -> None:
    """Under the name that the endpoint has for them."""
    answer, received = made(dimensions=4)
    assert (received.json["dimensions"], answer.vectors.dimensions) == (4, 4)
    voyage = {"dimensions_parameter": "output_dimension", "embedding_format": "float"}
    numbers = [[0.5] * 4] * 3
    _, received = made(body(*numbers), name="voyage", dimensions=4, options=voyage)
    assert (received.json["output_dimension"], received.json["encoding_format"]) == (4, "float")


@pytest.mark.parametrize(
    ("options", "purpose", "sent"),
    [
        ({}, "query", {}),
        ({"purpose_parameter": "input_type"}, "document", {"input_type": "document"}),
        ({"purpose_parameter": "task"}, "document", {"task": "retrieval.passage"}),
        ({"purpose_parameter": "task"}, None, {}),
        ({"query_prefix": "query: ", "document_prefix": "passage: "}, "query", {"input": ["query: a"]}),
        ({"query_prefix": "query: ", "document_prefix": "passage: "}, "document", {"input": ["passage: a"]}),
        ({"query_prefix": "query: "}, None, {"input": ["a"]}),
    ],
)
def test_what_vectors_are_for_is_sent_as_the_endpoint_takes_it(
    options: dict[str, Any], purpose: Any, sent: dict[str, Any]
) -> None:
    """As a parameter, or as words before the text; where it makes no difference, not at all."""
    _, received = made(body([1.0, 0.0]), name="other", texts=("a",), purpose=purpose, options=options)
    usual = {"model": "gpt-test", "input": ["a"], "encoding_format": "base64"}
    assert received.json == {**usual, **sent}


@pytest.mark.parametrize("form", ["base64", "base64 with escaped slashes", "numbers", "whole numbers"])
def test_every_form_of_a_vector_is_read(form: str) -> None:
    """An endpoint may not know base64, and an encoder of JSON may escape a slash."""
    rows = [[1.0, -2.0], [3.0, 4.0], [0.25, 1e-20]]
    if form.startswith("base64"):
        vectors: list[Any] = [base64.b64encode(struct.pack("<2f", *row)).decode() for row in rows]
    else:
        vectors = [
            [int(number) if form == "whole numbers" and number > 1 else number for number in row] for row in rows
        ]
    reply = body(*vectors)
    if "escaped" in form:
        slash = base64.b64encode(b"\xff\xff\xff\x3f" * 2).decode()
        written = json.dumps({"data": [{"embedding": slash}] * 3}).replace("/", "\\/")
        reply, rows = Reply(chunks=(written.encode(),), content_type="application/json"), []
    answer, _ = made(reply)
    assert answer.vectors == (Vectors.of(rows) if rows else Vectors(b"\xff\xff\xff\x3f" * 6, 2))


def test_vectors_stand_in_the_order_of_their_texts() -> None:
    """Whatever the order of the answer is: each has its index."""
    data = [{"index": at, "embedding": [float(at), 1.0]} for at in (2, 0, 1)]
    answer, _ = made(Reply.json({"data": data}))
    assert answer.vectors.tolist() == [[0.0, 1.0], [1.0, 1.0], [2.0, 1.0]]


@pytest.mark.parametrize(
    ("reply", "error", "words"),
    [
        (body([1.0], [2.0]), errors.InvalidAnswerError, "3 texts were sent, and 2 vectors came"),
        (body([1.0], [2.0], [3.0, 4.0]), errors.InvalidAnswerError, "another length"),
        (body("AAAA", "AAAA", "AAAA"), errors.InvalidAnswerError, "not a row"),
        (body("AAAAAA==", "AAA?AA==", "AAAAAA=="), errors.InvalidAnswerError, "neither base64"),
        (body(["a"], ["b"], ["c"]), errors.InvalidAnswerError, "float"),
        (body(None, None, None), errors.InvalidAnswerError, "null"),
        (body(), errors.InvalidAnswerError, "no vectors"),
        (Reply.json({"object": "list"}), errors.InvalidAnswerError, "form of embeddings"),
        (Reply.json({"data": [], "error": {"message": "down", "code": 503}}), errors.OverloadedError, "down"),
        (Reply.json({"error": {"message": "slow down", "code": 429}}), errors.RateLimitError, "slow down"),
        (Reply(chunks=(b"<html>",), content_type="text/html"), errors.InvalidAnswerError, "not JSON"),
        (Reply.json({"error": {"message": "bad"}}, status=400), errors.BadRequestError, "bad"),
    ],
)
def test_an_answer_without_all_vectors_is_an_error(reply: Reply, error: type[errors.CallError], words: str) -> None:
    """Of the class that says what it means for the call, and without the key."""
    with pytest.raises(error, match=words) as caught:
        made(reply)
    assert type(caught.value) is error
    assert KEY not in str(caught.value)


def test_a_broken_answer_that_was_paid_says_what_it_used() -> None:
    """So that a budget counts it."""
    with pytest.raises(errors.InvalidAnswerError) as caught:
        made(body("?", "?", "?", usage={"prompt_tokens": 7, "total_tokens": 7}))
    assert caught.value.usage is not None
    assert caught.value.usage.input_tokens == 7


@pytest.mark.parametrize("name", ["openai", "azure_openai", "ollama", "openrouter", "some_server"])
def test_every_endpoint_has_embeddings(name: str) -> None:
    """By the sdk that its chat models have."""
    if name == "azure_openai":

        async def use(backend: Any, server: Server) -> Any:
            return await backend.embed(wish(sdk="azure_openai")), server.received[0]

        def azure(url: str) -> Any:
            return config(url, name, options={"api_version": "v1"}, api_key=Secret(KEY))

        answer, _ = with_backend(use, sdk="azure_openai", make=azure)
    else:
        answer, _ = made(name=name)
    assert len(answer.vectors) == 3


def of_the_sdk(**arguments: Any) -> Any:
    """What the SDK's own method gives."""

    async def main() -> Any:
        async with OpenAIServer() as server:
            async with openai.AsyncOpenAI(base_url=f"{server.url}/v1", api_key=KEY, max_retries=0) as client:
                answer = await client.embeddings.create(model="gpt-test", input=list(TEXTS), **arguments)
            return answer, server.received[0].json

    return asyncio.run(main())


def test_the_sdk_decodes_base64_only_where_no_format_is_named() -> None:
    """Then it asks for base64 by itself; where base64 is named, its vectors are strings, though they are typed as numbers."""
    answer, sent = of_the_sdk()
    assert sent["encoding_format"] == "base64"
    assert isinstance(answer.data[0].embedding, list)
    answer, _ = of_the_sdk(encoding_format="base64")
    assert isinstance(answer.data[0].embedding, str)


def test_vectors_are_those_of_the_sdk_bit_for_bit() -> None:
    """Its Python numbers are the same float32."""
    answer, _ = made()
    theirs, _ = of_the_sdk()
    assert [row.tolist() for row in answer.vectors] == [row.embedding for row in theirs.data]
