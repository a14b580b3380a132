"""Endpoints that are not addresses: every call would fail."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from pipelex_core.config import ReadConfig


def check_endpoints(read: ReadConfig) -> None:
    """Warn of every endpoint of an enabled backend that is not an http address; the address itself may hold a key."""
    for config in read.loaded.deck.backends.values():
        wrong = None if config.endpoint is None else _wrong_with(config.endpoint)
        if wrong is not None:
            message = f"the endpoint of backend '{config.name}' {wrong}"
            expected = "an address such as https://llm.example.org/v1"
            read.faults.warning("bad-endpoint", message, config.source.child("endpoint"), expected=expected)


def _wrong_with(endpoint: str) -> str | None:
    """What is wrong with an address, as it follows its name in a sentence; None for nothing."""
    if endpoint != endpoint.strip() or any(char.isspace() for char in endpoint):
        return "has space in it"
    try:
        parts = urlsplit(endpoint)
        port = parts.port
    except ValueError:
        return "has an invalid port or host"
    if parts.scheme not in {"http", "https"}:
        return "does not begin with https:// or http://"
    if not parts.hostname or port == 0:
        return "names no host"
    return "ends in a query or fragment, which paths cannot be added to" if parts.query or parts.fragment else None
