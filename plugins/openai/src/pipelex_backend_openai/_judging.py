"""Moderation and reranking: bodies and answers.

https://platform.openai.com/docs/api-reference/moderations, https://docs.cohere.com/reference/rerank,
https://docs.voyageai.com/reference/reranker-api, https://api.jina.ai/redoc, https://docs.vllm.ai (`/rerank`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pipelex_backend_openai._errors import MalformedError
from pipelex_core.answers import count
from pipelex_core.judging import ModerationAnswer, Ranked, RerankAnswer, Verdict
from pipelex_core.results import Usage

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pipelex_backend_openai._traits import Traits
    from pipelex_core.judging import ModerationRequest, RerankRequest


def moderation_body(request: ModerationRequest) -> dict[str, Any]:
    """The body of `moderations`."""
    return {"model": request.spec.model_id, "input": list(request.inputs)}


def verdicts_of(data: Mapping[str, Any], request: ModerationRequest, request_id: str | None) -> ModerationAnswer:
    """A verdict on each text.

    Raises:
        MalformedError: There is not one for each.
    """
    results = data["results"]
    if len(results) != len(request.inputs):
        msg = f"the answer has {len(results)} verdicts on {len(request.inputs)} texts"
        raise MalformedError(msg)
    verdicts = tuple(
        Verdict(
            flagged=bool(each["flagged"]),
            categories={name: bool(is_found) for name, is_found in each["categories"].items()},
            scores={name: float(score) for name, score in each["category_scores"].items()},
        )
        for each in results
    )
    return ModerationAnswer(verdicts=verdicts, usage=_usage(data), request_id=request_id, raw=data)


def rerank_body(request: RerankRequest, traits: Traits) -> dict[str, Any]:
    """The body of `rerank`; the documents do not come back."""
    is_tei = traits.rerank_form == "tei"
    body: dict[str, Any] = {"query": request.query, "texts" if is_tei else "documents": list(request.documents)}
    if not is_tei:
        body["model"] = request.spec.model_id
    if traits.rerank_form in {"jina", "voyage"}:
        body["return_documents"] = False
    if request.top_n is not None and not is_tei:
        body["top_k" if traits.rerank_form == "voyage" else "top_n"] = request.top_n
    return body


def ranking_of(data: Any, request: RerankRequest, request_id: str | None) -> RerankAnswer:
    """The documents, best first, however the endpoint orders them.

    Raises:
        MalformedError: An index is none of the documents', or is there twice.
    """
    listed = data if isinstance(data, list) else data.get("results", data.get("data"))
    ranked = [Ranked(each["index"], float(each.get("relevance_score", each.get("score")))) for each in listed]
    if len({index for index, _ in ranked}) != len(ranked) or not all(
        type(index) is int and 0 <= index < len(request.documents) for index, _ in ranked
    ):
        msg = f"the answer does not rank {len(request.documents)} documents: {ranked!r:.200}"
        raise MalformedError(msg)
    if len(ranked) < min(request.top_n or len(request.documents), len(request.documents)):
        msg = f"the answer ranks {len(ranked)} of {len(request.documents)} documents"
        raise MalformedError(msg)
    ranked.sort(key=lambda each: each.score, reverse=True)
    usage = _usage(data if isinstance(data, dict) else {})
    return RerankAnswer(ranking=tuple(ranked[: request.top_n]), usage=usage, request_id=request_id, raw=data)


def _usage(data: Mapping[str, Any]) -> Usage:
    """Tokens as Jina, Voyage and vLLM tell them; searches and tokens as Cohere does."""
    usage, meta = data.get("usage"), data.get("meta")
    tokens = searches = None
    if isinstance(usage, dict):
        tokens = count(usage.get("total_tokens", usage.get("prompt_tokens")))
    billed = meta.get("billed_units") if isinstance(meta, dict) else None
    if isinstance(billed, dict):
        searches = count(billed.get("search_units"))
        tokens = count(billed.get("input_tokens")) if tokens is None else tokens
    return Usage(input_tokens=tokens, output_tokens=None if tokens is None else 0, searches=searches)
