"""The page at `/`."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pipelex_serve.exchange import Exchange
    from pipelex_serve.gateway import Gateway


async def page(_gateway: Gateway, exchange: Exchange) -> None:
    """The page."""
    await exchange.answer({"name": "pipelex-serve"})
