"""Paths that clients know, and that this gateway has no capability for: refused in a sentence that helps."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pipelex_serve.problems import refuse

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from pipelex_serve.exchange import Exchange
    from pipelex_serve.gateway import Gateway

PATHS = {
    "/v1/audio/translations": "translates speech",
    "/v1/images/variations": "varies images",
    "/v1/batches": "runs batches",
    "/v1/files": "keeps files",
}
"""Path -> what no handle does."""


def lacking(what: str) -> Callable[[Gateway, Exchange], Awaitable[None]]:
    """What answers such a path."""

    async def answer(_gateway: Gateway, _exchange: Exchange) -> None:
        msg = f"no handle of this gateway {what}; GET /v1/models lists what there is"
        raise refuse(501, msg, code="not_supported")

    return answer
