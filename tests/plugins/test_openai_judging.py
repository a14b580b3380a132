"""Moderation and reranking at OpenAI and compatible endpoints: what is sent, and what comes of the answers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from pipelex_core import errors
from pipelex_core.judging import ModerationRequest, Ranked, RerankRequest, Verdict
from pipelex_core.results import Usage
from tests.plugins.openai_calls import config, spec, with_backend
from tests.servers.base import Reply, Server

if TYPE_CHECKING:
    from pipelex_core.judging import ModerationAnswer, RerankAnswer

HEADERS = {"x-request-id": "req_test"}
FOUND: dict[str, Any] = {
    "flagged": True,
    "categories": {"violence": True, "hate": False},
    "category_scores": {"violence": 0.9, "hate": 0},
}
HARMLESS: dict[str, Any] = {"flagged": False, "categories": {"violence": False}, "category_scores": {"violence": 0.01}}
DOCUMENTS = ("Paris is a city.", "The Nile is a river.", "The Amazon is a river.")
RANKED: list[dict[str, Any]] = [
    {"index": 1, "relevance_score": 0.9},
    {"index": 2, "relevance_score": 0.8},
    {"index": 0, "relevance_score": 0},
]


def moderated(reply: Reply, *inputs: str) -> tuple[ModerationAnswer, Any]:
    """The answer to texts, and the request they became."""

    async def use(backend: Any, server: Server) -> Any:
        model = spec(model_type="moderator", model_id="omni-moderation-latest")
        request = ModerationRequest(spec=model, inputs=inputs or ("I will hurt you.", "Hello."))
        return await backend.moderate(request), server.received[0]

    answer, received = with_backend(use, reply)
    return answer, received


def ranked(reply: Reply, name: str = "my_server", **fields: Any) -> tuple[RerankAnswer, Any]:
    """The answer to a query, and the request it became."""
    options = fields.pop("options", {})

    async def use(backend: Any, server: Server) -> Any:
        model = spec(model_type="reranker", model_id="rerank-1", options=options)
        request = RerankRequest(spec=model, query="Which are rivers?", documents=DOCUMENTS, **fields)
        return await backend.rerank(request), server.received[0]

    answer, received = with_backend(use, reply, make=lambda url: config(url, name))
    return answer, received


def test_texts_are_sent_as_a_list_and_each_has_its_verdict() -> None:
    """The provider's categories, whether each holds, and how sure it is."""
    answer, received = moderated(Reply.json({"id": "m", "results": [FOUND, HARMLESS]}, headers=HEADERS))
    assert (received.path, received.json) == (
        "/v1/moderations",
        {"model": "omni-moderation-latest", "input": ["I will hurt you.", "Hello."]},
    )
    assert answer.verdicts[0] == Verdict(
        flagged=True, categories={"violence": True, "hate": False}, scores={"violence": 0.9, "hate": 0.0}
    )
    assert ([verdict.flagged for verdict in answer.verdicts], answer.request_id) == ([True, False], "req_test")


@pytest.mark.parametrize("body", [{"results": [FOUND]}, {"results": "x"}, {"id": "m"}, {"results": [{}, {}]}])
def test_an_answer_without_a_verdict_on_each_is_an_error(body: dict[str, Any]) -> None:
    """One verdict on two texts could be that of either."""
    with pytest.raises(errors.InvalidAnswerError) as caught:
        moderated(Reply.json(body))
    assert caught.value.raw == body


@pytest.mark.parametrize(
    ("options", "requested", "body", "usage"),
    [
        ({}, {"top_n": 2}, {"results": RANKED, "meta": {"billed_units": {"search_units": 1}}}, Usage(searches=1)),
        (
            {"rerank_form": "jina"},
            {"top_n": 2, "return_documents": False},
            {"results": RANKED, "usage": {"total_tokens": 31}},
            Usage(input_tokens=31, output_tokens=0),
        ),
        (
            {"rerank_form": "voyage"},
            {"top_k": 2, "return_documents": False},
            {"object": "list", "data": RANKED, "usage": {"total_tokens": 26}},
            Usage(input_tokens=26, output_tokens=0),
        ),
        (
            {},
            {"top_n": 2},
            {"id": "rerank-1", "results": [{**each, "document": {"text": "…"}} for each in reversed(RANKED)]},
            Usage(),
        ),
        (
            {"rerank_form": "tei"},
            {},
            [{"index": each["index"], "score": each["relevance_score"]} for each in RANKED],
            Usage(),
        ),
    ],
    ids=["cohere", "jina", "voyage", "vllm", "tei"],
)
def test_each_form_of_a_request_to_rank(
    options: dict[str, Any], requested: dict[str, Any], body: Any, usage: Usage
) -> None:
    """Cohere's, which vLLM and llama.cpp took over, Jina's, Voyage's, and that of text-embeddings-inference."""
    answer, received = ranked(Reply.json(body, headers=HEADERS), options=options, top_n=2)
    common = {"query": "Which are rivers?"}
    if options.get("rerank_form") == "tei":
        assert received.json == {**common, "texts": list(DOCUMENTS)}
    else:
        assert received.json == {**common, "model": "rerank-1", "documents": list(DOCUMENTS), **requested}
    assert received.path == "/v1/rerank"
    assert (answer.ranking, answer.usage) == ((Ranked(1, 0.9), Ranked(2, 0.8)), usage)
    assert (answer.score, answer.request_id) == ("relevance", "req_test")


def test_another_path_and_scores_without_a_bound() -> None:
    """llama.cpp gives logits, below zero too; a backend's options may say where its reranker is."""
    logits = [
        {"index": 0, "relevance_score": -3.5},
        {"index": 1, "relevance_score": 4.5},
        {"index": 2, "relevance_score": 1},
    ]
    answer, received = ranked(Reply.json({"results": logits}), options={"rerank_path": "/reranking"})
    assert received.path == "/v1/reranking"
    assert answer.ranking == (Ranked(1, 4.5), Ranked(2, 1.0), Ranked(0, -3.5))


@pytest.mark.parametrize(
    "body",
    [
        {"results": RANKED[:1]},
        {"results": [*RANKED, RANKED[0]]},
        {"results": [{"index": 7, "relevance_score": 1}, *RANKED[1:]]},
        {"results": [{"index": True, "relevance_score": 1}, *RANKED[1:]]},
        {"results": [{"index": 0}]},
        {"answer": 1},
    ],
)
def test_a_ranking_that_is_not_of_the_documents_is_an_error(body: dict[str, Any]) -> None:
    """An index that there is not, or is there twice; fewer documents than were asked for."""
    with pytest.raises(errors.InvalidAnswerError):
        ranked(Reply.json(body))
