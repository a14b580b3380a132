"""`POST /v1/rerank` and `/v2/rerank`, in the form that Cohere and Jina share.

Cohere: https://docs.cohere.com/reference/rerank; Jina: https://api.jina.ai/redoc#tag/rerank.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pipelex_core.execution.plan import make_plan
from pipelex_serve import fields
from pipelex_serve.running import Running, check_handle

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pipelex_core.judging import RerankResult
    from pipelex_serve.exchange import Exchange
    from pipelex_serve.gateway import Gateway

_KNOWN = frozenset({"model", "query", "documents", "top_n", "return_documents"})


async def rerank(gateway: Gateway, exchange: Exchange) -> None:
    """Answer with the documents' places, the best first; the documents themselves where they are wanted back."""
    body = await exchange.json()
    handle = fields.model(body)
    check_handle(exchange, handle)
    documents = _documents(body)
    wants_documents = fields.flag(body, "return_documents")
    deck = gateway.deck
    capability = deck.capabilities["rerank"]
    what = capability.read(fields.text(body, "query"), documents=documents)
    settings = fields.settings_of((("top_n", fields.whole(body, "top_n")),))
    plan = make_plan(deck, capability, what, handle=handle, settings=settings)
    exchange.add_headers(gateway.notes_of(fields.unused(body, _KNOWN)))
    async with Running(gateway, exchange, handle, plan, what) as running:
        result: RerankResult = await running.ask()
    exchange.add_headers(running.headers())
    ranked: list[dict[str, Any]] = []
    for index, score in result.ranking:
        ranked.append({"index": index, "relevance_score": score})
        if wants_documents:
            ranked[-1]["document"] = {"text": documents[index]}
    await exchange.answer(
        {
            "id": f"rerank-{exchange.id}",
            "object": "list",
            "model": handle,
            "results": ranked,
            **_counted(result),
        }
    )


def _counted(result: RerankResult) -> dict[str, Any]:
    """What it used: tokens as Jina counts them, searches as Cohere does."""
    usage: dict[str, Any] = {}
    if result.usage.input_tokens is not None:
        usage = {"prompt_tokens": result.usage.input_tokens, "total_tokens": result.usage.input_tokens}
    if result.cost is not None:
        usage["cost"] = result.cost.amount
    searches = result.usage.searches
    return (
        {"usage": usage} if searches is None else {"usage": usage, "meta": {"billed_units": {"search_units": searches}}}
    )


def _documents(body: Mapping[str, Any]) -> list[str]:
    """The texts; older forms have each in an object of its own."""
    found = body.get("documents")
    if not isinstance(found, list) or not found:
        return fields.wrong("documents", "a list of strings that is not empty", found)
    texts: list[Any] = [each.get("text") if isinstance(each, dict) else each for each in found]
    if not all(isinstance(text, str) for text in texts):
        return fields.wrong("documents", "a list of strings, or of objects with a 'text'", found)
    return texts
