"""`POST /v1/moderations`: https://platform.openai.com/docs/api-reference/moderations/create."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pipelex_core.execution.plan import make_plan
from pipelex_serve import fields
from pipelex_serve.problems import refuse
from pipelex_serve.running import Running, check_handle

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pipelex_core.judging import ModerationResult, Verdict
    from pipelex_serve.exchange import Exchange
    from pipelex_serve.gateway import Gateway

_KNOWN = frozenset({"model", "input", "user"})


async def moderations(gateway: Gateway, exchange: Exchange) -> None:
    """Answer with a verdict on each text; a request that names no model is for the deck's default."""
    body = await exchange.json()
    handle = fields.model(body) if body.get("model") is not None else None
    if handle is not None:
        check_handle(exchange, handle)
    deck = gateway.deck
    capability = deck.capabilities["moderate"]
    what = capability.read(_texts(body))
    plan = make_plan(deck, capability, what, handle=handle)
    if handle is None:
        handle = plan.handle
        check_handle(exchange, handle)
    exchange.add_headers(gateway.notes_of(fields.unused(body, _KNOWN)))
    async with Running(gateway, exchange, handle, plan, what) as running:
        result: ModerationResult = await running.ask()
    exchange.add_headers(running.headers())
    answer = {"id": f"modr-{exchange.id}", "model": handle, "results": [_result(each) for each in result.verdicts]}
    await exchange.answer(answer)


def _result(verdict: Verdict) -> dict[str, Any]:
    """A verdict, in the provider's own categories; each was found in text, which is all that is moderated."""
    return {
        "flagged": verdict.flagged,
        "categories": dict(verdict.categories),
        "category_scores": dict(verdict.scores),
        "category_applied_input_types": {name: ["text"] for name in verdict.categories},
    }


def _texts(body: Mapping[str, Any]) -> list[str]:
    """The texts: strings, or the one text among parts, which make one input together."""
    found = body.get("input")
    if isinstance(found, str):
        return [found]
    if isinstance(found, list) and found and all(isinstance(text, str) for text in found):
        return found
    if isinstance(found, list) and found and all(isinstance(part, dict) for part in found):
        text = found[0].get("text")
        if len(found) == 1 and found[0].get("type") == "text" and isinstance(text, str):
            return [text]
        msg = "'input' must be text: images are not moderated here, and several texts are a list of strings"
        raise refuse(400, msg, code="unsupported_value", param="input")
    return fields.wrong("input", "a string, or a list of strings that is not empty", found)
