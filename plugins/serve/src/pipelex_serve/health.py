"""What those who run it ask: is it alive, can it answer, what does it count."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pipelex_serve.metrics import CONTENT_TYPE
from pipelex_serve.openai.models import handles

if TYPE_CHECKING:
    from pipelex_serve.exchange import Exchange
    from pipelex_serve.gateway import Gateway


async def health(_gateway: Gateway, exchange: Exchange) -> None:
    """It is alive."""
    await exchange.answer({"status": "ok"})


async def ready(gateway: Gateway, exchange: Exchange) -> None:
    """Whether it can answer: the deck is loaded, some handle leads to a model, and it is not about to end."""
    count = sum(1 for _ in handles(gateway.deck))
    faults = []
    if not count:
        faults.append("no handle leads to a model that can be called")
    if gateway.is_draining:
        faults.append("it is about to end")
    reported = {
        "handles": count,
        "deck_version": gateway.decks.version,
        "reload_failed": gateway.decks.fault is not None,
    }
    status = "ready" if not faults else "not ready"
    await exchange.answer({"status": status, "faults": faults, **reported}, 503 if faults else 200)


async def metrics(gateway: Gateway, exchange: Exchange) -> None:
    """The counters, for Prometheus."""
    await exchange.answer_bytes(gateway.metrics.text(), CONTENT_TYPE)
