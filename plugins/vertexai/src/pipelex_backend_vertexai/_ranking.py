"""The ranking API of Google: https://cloud.google.com/generative-ai-app-builder/docs/ranking.

Its own SDK is a gRPC client that takes seconds to import, for one method: this is that method by REST, through the shared pool,
with the credentials of google-auth.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from pipelex_core.errors import InvalidAnswerError, UnsupportedInputError, error_class_for_status
from pipelex_core.headers import retry_after
from pipelex_core.hiding import hide
from pipelex_core.judging import Ranked, RerankAnswer
from pipelex_core.results import Usage

if TYPE_CHECKING:
    import httpx2

    from pipelex_backend_vertexai._credentials import Caller
    from pipelex_core.judging import RerankRequest

HOST = "https://discoveryengine.googleapis.com"
MOST = 200
"""Documents of a request."""

_A_QUERY = 100
"""Documents that are billed as one query: https://cloud.google.com/generative-ai-app-builder/pricing."""


def rank_body(request: RerankRequest) -> dict[str, Any]:
    """A request in the API's own form, each document by its number.

    Raises:
        UnsupportedInputError: There are more documents than the API ranks at once.
    """
    count = len(request.documents)
    if count > MOST:
        msg = f"model '{request.spec.name}' ranks {MOST} documents at once, not {count}: choose among them first"
        raise UnsupportedInputError(msg)
    body: dict[str, Any] = {
        "model": request.spec.model_id,
        "query": request.query,
        "records": [{"id": str(number), "content": text} for number, text in enumerate(request.documents)],
        "ignoreRecordDetailsInResponse": True,
    }
    if request.top_n is not None:
        body["topN"] = min(request.top_n, count)
    return body


async def rank(
    request: RerankRequest, http: httpx2.AsyncClient, caller: Caller, project: str, endpoint: str | None
) -> RerankAnswer:
    """The ranking of one request.

    Raises:
        CallError: Google refused, or answered with something else than a ranking.
    """
    body = rank_body(request)
    await caller.refresh()
    headers: dict[str, str] = {"x-goog-user-project": project}
    caller.credentials.apply(headers)
    address = f"{endpoint or HOST}/v1/projects/{project}/locations/global/rankingConfigs/default_ranking_config:rank"
    response = await http.post(address, json=body, headers=headers, timeout=None)
    if response.status_code != 200:
        message = hide(_message(response.text), caller.secret.reveal() if caller.secret else "")
        wait = retry_after(response.headers)
        raise error_class_for_status(response.status_code)(message, status=response.status_code, retry_after=wait)
    return ranking(response.text, request)


def ranking(text: str, request: RerankRequest) -> RerankAnswer:
    """The documents, best first.

    Raises:
        InvalidAnswerError: It is something else, or a document is in it twice.
    """
    count = len(request.documents)
    usage = Usage(searches=-(-count // _A_QUERY))
    try:
        data = json.loads(text)
        ranked = [Ranked(int(each["id"]), float(each["score"])) for each in data["records"]]
    except (ValueError, KeyError, TypeError, RecursionError):
        data, ranked = text[:1000], []
    indices = {index for index, _ in ranked if 0 <= index < count}
    if len(indices) != len(ranked) or len(ranked) < min(request.top_n or count, count):
        msg = f"Google answered with something else than a ranking of {count} documents"
        raise InvalidAnswerError(msg, raw=data, usage=usage)
    ranked.sort(key=lambda each: each.score, reverse=True)
    return RerankAnswer(ranking=tuple(ranked), usage=usage, raw=data)


def _message(text: str) -> str:
    try:
        return str(json.loads(text)["error"]["message"])
    except (ValueError, KeyError, TypeError):
        return f"Google refused the ranking: {text[:200]}"
