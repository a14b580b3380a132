"""Embeddings of Mistral, Google, Vertex AI and Bedrock: what is sent, what is read, and what their SDKs do by themselves."""

from __future__ import annotations

import asyncio
import json
from array import array
from typing import TYPE_CHECKING, Any

import httpx2
import pytest
from google import genai
from google.genai import types
from mistralai.client import Mistral
from mistralai.client.errors import ResponseValidationError

from pipelex_backend_vertexai import pipelex_backends as vertex_backends
from pipelex_core import errors
from pipelex_core.execution.resources import LoopResources
from pipelex_core.requests import EmbeddingRequest
from pipelex_core.results import NO_USAGE, EmbeddingAnswer, Usage
from pipelex_core.specs import BackendConfig, ModelSpec, Secret
from pipelex_core.vectors import Vectors
from tests.plugins import test_google as google
from tests.servers import bedrock, mistral
from tests.servers.base import Reply, vector_of
from tests.servers.bedrock import served
from tests.servers.google import KEY, GoogleServer
from tests.servers.mistral import MistralServer

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

clean_aws = bedrock.clean_aws
pytestmark = pytest.mark.usefixtures("clean_aws")

TEXTS = ("a river", "the sea")
TITAN = "amazon.titan-embed-text-v2:0"
COHERE = "us.cohere.embed-v4:0"
NOVA = "amazon.nova-2-multimodal-embeddings-v1:0"
MARENGO = "us.twelvelabs.marengo-embed-3-0-v1:0"


def wish(model_id: str, texts: tuple[str, ...] = TEXTS, **fields: Any) -> EmbeddingRequest:
    """A request for vectors."""
    spec = ModelSpec(name="vectors", backend="b", sdk="s", model_id=model_id, model_type="embedding")
    return EmbeddingRequest(spec=spec, texts=texts, **fields)


def expected(*texts: str, dimensions: int = 8) -> Vectors:
    """What the servers make of texts."""
    return Vectors.of(array("f", vector_of(text, dimensions)) for text in texts)


# ── Mistral ───────────────────────────────────────────────────────────────────────────────────────────────────────


def of_mistral(request: EmbeddingRequest, *replies: Reply) -> tuple[EmbeddingAnswer, Any]:
    """The answer, and the request that was sent."""

    async def main() -> Any:
        async with MistralServer() as server, mistral.opened(mistral.config(server.url)) as backend:
            server.queue(*replies)
            return await backend.embed(request), server.bodies("/v1/embeddings")[0]

    answer, sent = asyncio.run(main())
    return answer, sent


def test_mistral_is_asked_for_numbers() -> None:
    """Its dimensions have a name of their own; a purpose makes no difference to its models."""
    answer, sent = of_mistral(wish("mistral-embed", dimensions=4, purpose="query"))
    assert sent == {"model": "mistral-embed", "input": list(TEXTS), "output_dimension": 4}
    assert answer.vectors == expected(*TEXTS, dimensions=4)
    assert (answer.usage, answer.request_id) == (Usage(input_tokens=4, output_tokens=0), mistral.REQUEST_ID)
    assert "data" not in answer.raw


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (None, "no vectors"),
        ([1], "no vectors"),
        ([{"embedding": [1.0]}], "1 vectors came"),
        ([{"embedding": [1.0]}, {"embedding": [1.0, 2.0]}], "another length"),
        ([{"embedding": "AAAA"}, {"embedding": "AAAA"}], "something else than vectors"),
        ([{}, {}], "embedding"),
    ],
)
def test_an_answer_of_mistral_without_all_vectors_is_an_error(data: Any, words: str) -> None:
    """What it used counts all the same."""
    usage = {"prompt_tokens": 4, "total_tokens": 4}
    with pytest.raises(errors.InvalidAnswerError, match=words):
        of_mistral(wish("mistral-embed"), Reply.json({"data": data, "usage": usage}))


def test_vectors_of_mistral_stand_by_their_index() -> None:
    """Whatever the order of the answer is."""
    data = [{"index": 1, "embedding": [1.0]}, {"index": 0, "embedding": [0.0]}]
    answer, _ = of_mistral(wish("mistral-embed"), Reply.json({"data": data}))
    assert answer.vectors.tolist() == [[0.0], [1.0]]


def test_mistrals_sdk_cannot_read_the_base64_that_it_can_ask_for() -> None:
    """So that the plugin names no format."""

    async def main() -> None:
        async with MistralServer() as server:
            async with Mistral(api_key=mistral.KEY, server_url=server.url) as client:
                requested = {"model": "mistral-embed", "inputs": list(TEXTS)}
                assert len((await client.embeddings.create_async(**requested)).data) == 2
                with pytest.raises(ResponseValidationError):
                    await client.embeddings.create_async(**requested, encoding_format="base64")

    asyncio.run(main())


# ── Google ────────────────────────────────────────────────────────────────────────────────────────────────────────


def of_google(request: EmbeddingRequest, *replies: Reply) -> tuple[EmbeddingAnswer, Any]:
    """The answer of AI Studio, and the request that was sent."""

    async def main() -> Any:
        async with GoogleServer() as server, google.opened(server) as backend:
            server.queue(*replies)
            return await backend.embed(request), server.received[0]

    answer, received = asyncio.run(main())
    return answer, received


def of_vertex(request: EmbeddingRequest, *replies: Reply) -> tuple[EmbeddingAnswer, Any]:
    """The answer of Vertex AI in express mode, and the request that was sent."""

    async def main() -> Any:
        async with GoogleServer() as server:
            server.queue(*replies)
            config = BackendConfig(name="vertexai", endpoint=server.url, api_key=Secret(KEY))
            backend: Any = vertex_backends()["vertexai"](config)
            resources = LoopResources()
            await backend.open(resources)
            try:
                return await backend.embed(request), server.received[0]
            finally:
                await backend.close()
                await resources.close()

    answer, received = asyncio.run(main())
    return answer, received


def test_ai_studio_makes_a_vector_of_each_text() -> None:
    """Each is a request of its own in the batch, with its task and its dimensions."""
    answer, received = of_google(wish("gemini-embedding-001", purpose="query", dimensions=4))
    assert received.path == "/v1beta/models/gemini-embedding-001:batchEmbedContents"
    assert received.json["requests"] == [
        {
            "content": {"parts": [{"text": text}]},
            "model": "models/gemini-embedding-001",
            "taskType": "RETRIEVAL_QUERY",
            "outputDimensionality": 4,
        }
        for text in TEXTS
    ]
    assert answer.vectors == expected(*TEXTS, dimensions=4)
    assert answer.usage == NO_USAGE  # the SDK drops it


@pytest.mark.parametrize(
    ("purpose", "before"),
    [("query", "task: search result | query: "), ("document", "title: none | text: "), (None, "")],
)
def test_gemini_embedding_2_has_its_purpose_in_the_text(purpose: Any, before: str) -> None:
    """It takes no task type; each text still gets a vector of its own."""
    answer, received = of_google(wish("gemini-embedding-2", purpose=purpose))
    sent = received.json["requests"]
    assert [each["content"]["parts"] for each in sent] == [[{"text": before + text}] for text in TEXTS]
    assert all("taskType" not in each for each in sent)
    assert answer.vectors == expected(*(before + text for text in TEXTS))


def in_sdk(use: Callable[[Any], Awaitable[Any]], *, vertex: bool) -> Any:
    """What the SDK does, and what it sent."""

    async def main() -> Any:
        async with GoogleServer() as server, httpx2.AsyncClient() as http:
            options = types.HttpOptions(base_url=server.url, httpx_async_client=http)
            client = genai.Client(vertexai=vertex, api_key=KEY, http_options=options)
            try:
                return await use(client.aio.models), [received.json for received in server.received]
            finally:
                await client.aio.aclose()
                client.close()

    return asyncio.run(main())


def test_googles_sdk_makes_one_vector_of_a_list_of_strings_with_gemini_embedding_2() -> None:
    """At both of Google's backends: at AI Studio silently, at Vertex AI too; only contents are embedded one by one."""
    texts: Any = list(TEXTS)

    async def requested(models: Any) -> Any:
        return await models.embed_content(model="gemini-embedding-2", contents=texts)

    answer, (sent,) = in_sdk(requested, vertex=False)
    assert (len(answer.embeddings), len(sent["requests"])) == (1, 1)
    assert sent["requests"][0]["content"]["parts"] == [{"text": text} for text in TEXTS]
    answer, (sent,) = in_sdk(requested, vertex=True)
    assert len(answer.embeddings) == 1
    assert sent["content"]["parts"] == [{"text": text} for text in TEXTS]


def test_vertex_is_asked_not_to_cut_texts() -> None:
    """The older models take several texts, and count the tokens of each."""
    answer, received = of_vertex(wish("text-embedding-005", purpose="document", dimensions=4))
    assert received.path.endswith("publishers/google/models/text-embedding-005:predict")
    assert received.json == {
        "instances": [{"content": text, "task_type": "RETRIEVAL_DOCUMENT"} for text in TEXTS],
        "parameters": {"outputDimensionality": 4, "autoTruncate": False},
    }
    assert (answer.vectors, answer.usage) == (
        expected(*TEXTS, dimensions=4),
        Usage(input_tokens=4, output_tokens=0),
    )


def test_the_newer_models_of_vertex_take_one_text() -> None:
    """Several are refused before the SDK makes one vector of them."""
    answer, received = of_vertex(wish("gemini-embedding-2", TEXTS[:1], dimensions=4))
    assert received.path.endswith("gemini-embedding-2:embedContent")
    assert received.json["embedContentConfig"] == {"outputDimensionality": 4, "autoTruncate": False}
    assert (answer.vectors, answer.usage.input_tokens) == (expected(*TEXTS[:1], dimensions=4), 3)
    with pytest.raises(errors.UnsupportedInputError, match="max_inputs = 1"):
        of_vertex(wish("gemini-embedding-2"))


def test_a_text_that_vertex_cut_all_the_same_is_an_error() -> None:
    """Its vector would be of something else."""
    reply = Reply.json({"embedding": {"values": [1.0]}, "usageMetadata": {"promptTokenCount": 9}, "truncated": True})
    with pytest.raises(errors.InvalidAnswerError, match="cut the text of 7 characters") as caught:
        of_vertex(wish("gemini-embedding-2", TEXTS[:1]), reply)
    assert caught.value.usage == Usage(input_tokens=9, output_tokens=0)


@pytest.mark.parametrize(
    "body", [{}, {"embeddings": []}, {"embeddings": [{"values": [1.0]}]}, {"embeddings": [{}, {}]}]
)
def test_an_answer_of_google_without_all_vectors_is_an_error(body: dict[str, Any]) -> None:
    """None at all, or one of two."""
    with pytest.raises(errors.InvalidAnswerError):
        of_google(wish("gemini-embedding-001"), Reply.json(body))


# ── Bedrock ───────────────────────────────────────────────────────────────────────────────────────────────────────


def of_bedrock(request: EmbeddingRequest, body: Any, *, tokens: str | None = "5") -> tuple[EmbeddingAnswer, Any]:
    """The answer to this body of InvokeModel, and the request that was sent."""
    headers = {"x-amzn-RequestId": "req-1"} | ({"x-amzn-bedrock-input-token-count": tokens} if tokens else {})
    reply = Reply.json(body, headers=headers)

    async def main() -> Any:
        async with served(reply) as (server, backend):
            return await backend.embed(request), server.received[0]

    answer, received = asyncio.run(main())
    return answer, received


def test_titan_takes_one_text() -> None:
    """With its dimensions; tokens are counted by Bedrock, in a header."""
    answer, received = of_bedrock(wish(TITAN, TEXTS[:1], dimensions=256), {"embedding": [0.6] * 256})
    assert received.path == "/model/amazon.titan-embed-text-v2:0/invoke"
    assert received.json == {"inputText": TEXTS[0], "dimensions": 256}
    assert (len(answer.vectors), answer.vectors.dimensions, answer.request_id) == (1, 256, "req-1")
    assert answer.usage == Usage(input_tokens=5, output_tokens=0)
    answer, _ = of_bedrock(wish(TITAN, TEXTS[:1]), {"embedding": [0.6], "inputTextTokenCount": 7}, tokens=None)
    assert answer.usage.input_tokens == 7
    with pytest.raises(errors.UnsupportedInputError, match="max_inputs = 1"):
        of_bedrock(wish(TITAN), {})


@pytest.mark.parametrize(
    ("purpose", "sent"), [("query", "search_query"), ("document", "search_document"), (None, "search_document")]
)
@pytest.mark.parametrize("form", ["by type", "bare"])
def test_cohere_is_told_the_purpose_and_not_to_cut(purpose: Any, sent: str, form: str) -> None:
    """Its models demand one; the answer has its vectors by their type, or bare."""
    rows = [[1.0, 0.0], [0.0, 1.0]]
    body = {"embeddings": {"float": rows} if form == "by type" else rows, "id": "x"}
    answer, received = of_bedrock(wish(COHERE, purpose=purpose, dimensions=2), body)
    assert received.json == {
        "texts": list(TEXTS),
        "input_type": sent,
        "truncate": "NONE",
        "embedding_types": ["float"],
        "output_dimension": 2,
    }
    assert (answer.vectors.tolist(), answer.raw) == (rows, {"id": "x"})


@pytest.mark.parametrize(
    ("model_id", "texts", "body"),
    [
        (TITAN, TEXTS[:1], {"message": "hm"}),
        (TITAN, TEXTS[:1], []),
        (TITAN, TEXTS[:1], {"embedding": ["a"]}),
        (COHERE, TEXTS, {"embeddings": {"int8": [[1]]}}),
        (COHERE, TEXTS, {"embeddings": [[1.0]]}),
        (NOVA, TEXTS[:1], {"embeddings": []}),
        (NOVA, TEXTS[:1], {"embedding": [1.0]}),
        (MARENGO, TEXTS[:1], {"data": [{}]}),
        (MARENGO, TEXTS[:1], {"embedding": [1.0]}),
    ],
)
def test_an_answer_of_bedrock_without_all_vectors_is_an_error(model_id: str, texts: tuple[str, ...], body: Any) -> None:
    """Of another form, or one vector of two."""
    with pytest.raises(errors.InvalidAnswerError):
        of_bedrock(wish(model_id, texts), body)


@pytest.mark.parametrize(
    ("purpose", "sent"), [("query", "TEXT_RETRIEVAL"), ("document", "GENERIC_INDEX"), (None, "GENERIC_INDEX")]
)
def test_nova_is_told_the_purpose_and_not_to_cut(purpose: Any, sent: str) -> None:
    """It takes one text, and its answer has one vector, with the kind of its input."""
    body = {"embeddings": [{"embeddingType": "TEXT", "embedding": [1.0] * 256}]}
    answer, received = of_bedrock(wish(NOVA, TEXTS[:1], purpose=purpose, dimensions=256), body)
    wanted = {
        "embeddingPurpose": sent,
        "embeddingDimension": 256,
        "text": {"truncationMode": "NONE", "value": TEXTS[0]},
    }
    assert received.path == f"/model/{NOVA}/invoke"
    assert received.json == {
        "schemaVersion": "nova-multimodal-embed-v1",
        "taskType": "SINGLE_EMBEDDING",
        "singleEmbeddingParams": wanted,
    }
    assert (len(answer.vectors), answer.vectors.dimensions, answer.raw) == (1, 256, {})
    assert answer.usage == Usage(input_tokens=5, output_tokens=0)
    with pytest.raises(errors.UnsupportedInputError, match="max_inputs = 1"):
        of_bedrock(wish(NOVA), body)


@pytest.mark.parametrize("data", [[{"embedding": [0.5, 0.5]}], {"embedding": [0.5, 0.5]}], ids=["list", "object"])
def test_marengo_takes_one_text(data: Any) -> None:
    """In a table of its own; it has one number of dimensions."""
    answer, received = of_bedrock(wish(MARENGO, TEXTS[:1]), {"data": data})
    assert received.json == {"inputType": "text", "text": {"inputText": TEXTS[0]}}
    assert (answer.vectors.tolist(), answer.raw) == ([[0.5, 0.5]], {})
    with pytest.raises(errors.UnsupportedInputError, match="one number of dimensions"):
        of_bedrock(wish(MARENGO, TEXTS[:1], dimensions=256), {})


def test_a_family_that_bedrock_has_and_the_plugin_does_not_know_is_refused() -> None:
    """Each has a request of its own; Marengo 2.7, which is retired, had another."""
    with pytest.raises(errors.UnsupportedInputError, match="Titan, Nova, Cohere, Marengo 3"):
        of_bedrock(wish("twelvelabs.marengo-embed-2-7-v1:0", TEXTS[:1]), {})


def test_errors_of_bedrock_are_ours() -> None:
    """A text that is too long for Cohere is a bad request, which costs nothing."""
    reply = Reply(
        status=400,
        chunks=(json.dumps({"message": "too many tokens"}).encode(),),
        headers={"x-amzn-ErrorType": "ValidationException"},
        content_type="application/json",
    )

    async def main() -> None:
        async with served(reply) as (_, backend):
            with pytest.raises(errors.BadRequestError, match="too many tokens"):
                await backend.embed(wish(COHERE))

    asyncio.run(main())
