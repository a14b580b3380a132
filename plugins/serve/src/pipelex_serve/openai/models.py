"""`GET /v1/models` and `/v1/models/{id}`: the handles that a key may call, in the form of either protocol."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pipelex_serve.problems import refuse
from pipelex_serve.protocols import ANTHROPIC

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pipelex_core.deck import ModelDeck
    from pipelex_serve.exchange import Exchange
    from pipelex_serve.gateway import Gateway

_CREATED = 1_735_689_600
_CREATED_AT = "2025-01-01T00:00:00Z"


def handles(deck: ModelDeck) -> Iterator[tuple[str, str, str]]:
    """Every handle that can be called: its name, what it is for, and who answers it first."""
    seen: set[str] = set()
    named = [(capability, name) for capability, presets in deck.presets.items() for name in presets]
    named += [(deck.capability_of(alias), alias) for alias in deck.aliases]
    for name, entry in deck.models.items():
        kind = None if entry.spec is None else deck.capabilities.of_type(entry.spec.model_type)
        if entry.available and kind is not None:
            named.append((kind.name, name))
    for capability, name in named:
        if name in seen or capability not in deck.capabilities.names:
            continue
        chosen = deck.resolve(name, capability).chosen
        if chosen is not None and chosen.spec is not None:
            seen.add(name)
            yield name, capability, chosen.spec.backend


async def list_models(gateway: Gateway, exchange: Exchange) -> None:
    """Answer with all of them."""
    key = exchange.key
    found = [each for each in handles(gateway.deck) if key is None or key.may_call(each[0])]
    if exchange.surface is ANTHROPIC:
        data = [_anthropic(name) for name, _, _ in found]
        ends = {"first_id": data[0]["id"] if data else None, "last_id": data[-1]["id"] if data else None}
        await exchange.answer({"data": data, "has_more": False, **ends})
        return
    await exchange.answer({"object": "list", "data": [_openai(*each) for each in found]})


async def one_model(gateway: Gateway, exchange: Exchange) -> None:
    """Answer with one, or with 404."""
    wanted = exchange.scope["path"].removeprefix("/v1/models/")
    key = exchange.key
    for each in handles(gateway.deck):
        if each[0] == wanted and (key is None or key.may_call(wanted)):
            await exchange.answer(_anthropic(wanted) if exchange.surface is ANTHROPIC else _openai(*each))
            return
    msg = f"there is no handle '{wanted:.100}' that this key may call; GET /v1/models lists those that there are"
    raise refuse(404, msg, code="model_not_found", param="model")


def _openai(name: str, capability: str, backend: str) -> dict[str, Any]:
    card = {"id": name, "object": "model", "created": _CREATED, "owned_by": backend, "capability": capability}
    # Mistral's SDK reads the same list: it tells the kinds of models apart by `type`, and wants `capabilities`.
    return card | {"type": "base", "capabilities": {"completion_chat": capability == "llm"}}


def _anthropic(name: str) -> dict[str, Any]:
    return {"type": "model", "id": name, "display_name": name, "created_at": _CREATED_AT}
