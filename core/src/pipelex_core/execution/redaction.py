"""A configured key never leaves this process in an error: the last line of defence, behind every plugin's own care."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pipelex_core.specs import Secret

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pipelex_core.errors import CallError
    from pipelex_core.specs import BackendConfig

_SHORTEST = 6
"""Shorter secrets are not searched for: they would blank out ordinary words."""


def redacted(text: str, config: BackendConfig) -> str:
    """The text with every secret of a backend replaced, also in base64 and percent-encoded form."""
    for form in _forms(config):
        if form in text:
            text = text.replace(form, "***")
    return text


def redact_error(error: CallError, config: BackendConfig) -> None:
    """Take a backend's secrets out of an error: its message, text and notes, and those of what caused it."""
    seen: set[int] = set()
    current: BaseException | None = error
    while current is not None and id(current) not in seen:
        seen.add(id(current))
        current.args = tuple(_clean(arg, config) for arg in current.args)
        notes = getattr(current, "__notes__", None)
        if notes:
            notes[:] = [redacted(note, config) for note in notes]
        if current.__suppress_context__:
            current.__context__ = None  # nobody is shown it, and it may hold the provider's words
        current = current.__cause__ or current.__context__
    error.message = redacted(error.message, config)
    for name in ("partial_text", "request_id", "raw"):
        value = getattr(error, name)
        if isinstance(value, str):
            setattr(error, name, redacted(value, config))


def _clean(value: Any, config: BackendConfig) -> Any:
    return redacted(value, config) if isinstance(value, str) else value


def _forms(config: BackendConfig) -> Iterator[str]:
    from base64 import b64encode
    from urllib.parse import quote

    for secret in _secrets(config):
        if len(secret) >= _SHORTEST:
            encoded = b64encode(secret.encode()).decode().rstrip("=")
            yield from dict.fromkeys((secret, quote(secret, safe=""), encoded))


def _secrets(config: BackendConfig) -> Iterator[str]:
    if config.api_key is not None:
        yield config.api_key.reveal()
    for value in config.options.values():
        if isinstance(value, Secret):
            yield value.reveal()
