"""Reranking of Amazon and Cohere, by InvokeModel; this runs in worker threads.

https://docs.aws.amazon.com/bedrock/latest/userguide/rerank-supported.html
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from pipelex_backend_bedrock._answer import request_id_of
from pipelex_backend_bedrock._calls import read_body
from pipelex_core.errors import InvalidAnswerError
from pipelex_core.judging import Ranked, RerankAnswer
from pipelex_core.results import Usage

if TYPE_CHECKING:
    from pipelex_core.judging import RerankRequest

_A_SEARCH = 100
"""Documents of a query that are billed as one: https://aws.amazon.com/bedrock/pricing/."""


def rerank(client: Any, request: RerankRequest) -> RerankAnswer:
    """The ranking of InvokeModel."""
    response = client.invoke_model(
        modelId=request.spec.model_id,
        body=json.dumps(rerank_body(request)).encode(),
        contentType="application/json",
        accept="application/json",
    )
    identity = request_id_of(response)
    content = read_body(response["body"])
    count = len(request.documents)
    usage = Usage(searches=-(-count // _A_SEARCH))
    try:
        data = json.loads(content)
        ranked = [Ranked(each["index"], float(each["relevance_score"])) for each in data["results"]]
        indices = {index for index, _ in ranked if type(index) is int and 0 <= index < count}
    except (ValueError, KeyError, TypeError, RecursionError):
        ranked, indices = [], set()
    if len(indices) != len(ranked) or len(ranked) < min(request.top_n or count, count):
        msg = f"Bedrock answered with something else than a ranking of {count} documents"
        raise InvalidAnswerError(msg, raw=content[:1000], request_id=identity, usage=usage)
    ranked.sort(key=lambda each: each.score, reverse=True)
    return RerankAnswer(ranking=tuple(ranked[: request.top_n]), usage=usage, request_id=identity, raw=data)


def rerank_body(request: RerankRequest) -> dict[str, Any]:
    """The body, the same for both families but for the version that Cohere's wants."""
    body: dict[str, Any] = {"query": request.query, "documents": list(request.documents)}
    if request.top_n is not None:
        body["top_n"] = min(request.top_n, len(request.documents))
    if "cohere." in request.spec.model_id:
        body["api_version"] = 2
    return body
