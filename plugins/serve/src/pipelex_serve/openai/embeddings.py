"""`POST /v1/embeddings`: https://platform.openai.com/docs/api-reference/embeddings/create."""

from __future__ import annotations

import sys
from base64 import b64encode
from typing import TYPE_CHECKING, Any

from pipelex_core.execution.plan import make_plan
from pipelex_serve import fields
from pipelex_serve.problems import refuse
from pipelex_serve.running import Running, check_handle

if TYPE_CHECKING:
    from array import array
    from collections.abc import Mapping

    from pipelex_core.results import EmbeddingResult
    from pipelex_serve.exchange import Exchange
    from pipelex_serve.gateway import Gateway

_KNOWN = frozenset({"model", "input", "encoding_format", "dimensions", "user", "input_type"})
_PURPOSES = {
    "query": "query",
    "search_query": "query",
    "document": "document",
    "passage": "document",
    "search_document": "document",
}


async def embeddings(gateway: Gateway, exchange: Exchange) -> None:
    """Answer with a vector of each text."""
    body = await exchange.json()
    handle, form = fields.model(body), body.get("encoding_format") or "float"
    if form not in ("float", "base64"):
        fields.wrong("encoding_format", "float or base64", form)
    check_handle(exchange, handle)
    deck = gateway.deck
    capability = deck.capabilities["embed"]
    what = capability.read(_texts(body))
    purpose = body.get("input_type")
    settings = fields.settings_of(
        (
            ("dimensions", fields.whole(body, "dimensions")),
            ("purpose", _PURPOSES.get(purpose) if isinstance(purpose, str) else None),
        )
    )
    plan = make_plan(deck, capability, what, handle=handle, settings=settings)
    exchange.add_headers(gateway.notes_of(fields.unused(body, _KNOWN)))
    async with Running(gateway, exchange, handle, plan, what) as running:
        result: EmbeddingResult = await running.ask()
    exchange.add_headers(running.headers())
    written = _as_base64 if form == "base64" else _as_numbers
    data = [
        {"object": "embedding", "index": index, "embedding": written(vector)}
        for index, vector in enumerate(result.vectors)
    ]
    tokens = result.usage.input_tokens or 0
    usage: dict[str, Any] = {"prompt_tokens": tokens, "total_tokens": tokens}
    if result.cost is not None:
        usage["cost"] = result.cost.amount
    # Mistral's clients want an id, as Mistral's own answers have one.
    await exchange.answer(
        {"id": f"embd-{exchange.id}", "object": "list", "data": data, "model": handle, "usage": usage}
    )


def _texts(body: Mapping[str, Any]) -> list[str]:
    """The texts; what a client has made tokens of already is the text of one tokenizer, which no other model knows."""
    provided = body.get("input")
    if isinstance(provided, str):
        return [provided]
    if isinstance(provided, list) and provided and all(isinstance(text, str) for text in provided):
        return provided
    if isinstance(provided, list) and provided and isinstance(provided[0], (int, list)):
        msg = (
            "'input' must be text: these are tokens, which mean nothing to any other model than the one whose tokenizer made "
            "them; switch the client's own tokenizer off (LangChain: check_embedding_ctx_length=False)"
        )
        raise refuse(400, msg, code="unsupported_value", param="input")
    return fields.wrong("input", "a string, or a list of strings that is not empty", provided)


def _as_numbers(vector: array[float]) -> list[float]:
    return vector.tolist()


def _as_base64(vector: array[float]) -> str:
    """Little-endian numbers of 32 bits."""
    if sys.byteorder == "big":
        vector = vector[:]
        vector.byteswap()
    return b64encode(vector.tobytes()).decode("ascii")
