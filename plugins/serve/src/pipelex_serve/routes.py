"""Which path is answered by what."""

from __future__ import annotations

from enum import Enum
from typing import TYPE_CHECKING

from attrs import frozen

from pipelex_serve import health, page
from pipelex_serve.anthropic import messages
from pipelex_serve.openai import (
    chat,
    completions,
    embeddings,
    images,
    models,
    moderations,
    rerank,
    responses,
    speech,
    transcriptions,
)
from pipelex_serve.openai.lacking import PATHS, lacking
from pipelex_serve.problems import Problem, RefusedError, refuse

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from pipelex_serve.exchange import Exchange
    from pipelex_serve.gateway import Gateway

    Answer = Callable[[Gateway, Exchange], Awaitable[None]]


class Access(Enum):
    """Who may ask."""

    OPEN = "everybody"
    CALL = "whoever has a key"
    ADMIN = "whoever has the admin key"


OPEN = Access.OPEN


@frozen
class Route:
    """A route.

    Attributes:
        name: For the metrics.
        answer: What answers it.
        access: Who may ask.
    """

    name: str
    answer: Answer
    access: Access = Access.CALL


_ROUTES: dict[str, dict[str, Route]] = {
    "/v1/chat/completions": {"POST": Route("chat", chat.chat)},
    "/v1/messages": {"POST": Route("messages", messages.messages)},
    "/v1/responses": {"POST": Route("responses", responses.responses)},
    "/v1/embeddings": {"POST": Route("embeddings", embeddings.embeddings)},
    "/v1/images/generations": {"POST": Route("images", images.images)},
    "/v1/images/edits": {"POST": Route("images", images.edits)},
    "/v1/moderations": {"POST": Route("moderations", moderations.moderations)},
    "/v1/audio/transcriptions": {"POST": Route("transcriptions", transcriptions.transcriptions)},
    "/v1/audio/speech": {"POST": Route("speech", speech.speech)},
    "/v1/rerank": {"POST": Route("rerank", rerank.rerank)},
    "/v2/rerank": {"POST": Route("rerank", rerank.rerank)},
    "/v1/completions": {"POST": Route("completions", completions.completions)},
    "/v1/messages/count_tokens": {"POST": Route("count_tokens", messages.count_tokens)},
    "/v1/responses/input_tokens": {"POST": Route("input_tokens", responses.count_input)},
    "/v1/models": {"GET": Route("models", models.list_models)},
    "/health": {"GET": Route("health", health.health, OPEN)},
    "/ready": {"GET": Route("ready", health.ready, OPEN)},
    "/metrics": {"GET": Route("metrics", health.metrics, Access.ADMIN)},
    **{path: {"GET": Route("page", page.page, OPEN)} for path in page.PATHS},
    "/admin/figures": {"GET": Route("figures", page.figures, Access.ADMIN)},
    **{path: {"POST": Route("lacking", lacking(what))} for path, what in PATHS.items()},
}
_MODEL = {"GET": Route("model", models.one_model)}


def find_route(path: str, method: str) -> Route:
    """The route of a request; HEAD is answered as GET is, whose body the server leaves out.

    Raises:
        RefusedError: 404 or 405.
    """
    methods = _ROUTES.get(path) or (_MODEL if path.startswith("/v1/models/") else None)
    if methods is None:
        msg = f"there is nothing at {path:.100}"
        raise refuse(404, msg, code="unknown_url")
    route = methods.get("GET" if method == "HEAD" else method)
    if route is None:
        msg = f"{path:.100} takes {' or '.join(methods)}, not {method:.20}"
        raise RefusedError(Problem(status=405, message=msg, code="method_not_allowed", allowed=tuple(methods)))
    return route
