"""The envelope of an answer: packed, and remembered for a client that drops it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pipelex_serve.kept import envelope, parts_of

if TYPE_CHECKING:
    from pipelex_core.results import TextResult
    from pipelex_serve.exchange import Exchange
    from pipelex_serve.gateway import Gateway


def keep(gateway: Gateway, exchange: Exchange, result: TextResult) -> str | None:
    """The envelope of what the provider of an answer wants back; None where it wants nothing."""
    packed = envelope(parts_of(result))
    if packed is not None and exchange.key is not None:
        gateway.kept.keep(exchange.key.id, result.text, result.tool_calls, packed)
    return packed
