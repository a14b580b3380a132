"""A configured key never leaves this process in an error: the last line of defence, behind every plugin's own care."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Any

from attrs import evolve

from pipelex_core.specs import Secret

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pipelex_core.errors import CallError
    from pipelex_core.specs import BackendConfig

_SHORTEST = 6
"""Shorter secrets are not searched for: they would blank out ordinary words."""


def redacted(text: str, config: BackendConfig) -> str:
    """The text with every secret of a backend replaced, also in base64, percent-encoded, and escaped as in JSON."""
    for secret in _secrets(config):
        if _SHORTEST <= len(secret) <= len(text):  # no form is shorter than the secret
            for form in _forms_of(secret):
                if form in text:
                    text = text.replace(form, "***")
    return text


def without_key(answer: Any, config: BackendConfig) -> Any:
    """The answer, whose request's id goes into ledgers and logs; what a provider put there in its place is cleaned."""
    told = getattr(answer, "request_id", None)
    if type(told) is not str or (clean := redacted(told, config)) == told:
        return answer
    return evolve(answer, request_id=clean)


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
        setattr(error, name, _clean(getattr(error, name), config))


def _clean(value: Any, config: BackendConfig) -> Any:
    """A text without secrets; likewise the texts in plain data. An object of an SDK is left as it is."""
    if isinstance(value, str):
        return redacted(value, config)
    if type(value) is dict:
        return {_clean(key, config): _clean(item, config) for key, item in value.items()}
    if type(value) in {list, tuple}:
        return type(value)(_clean(item, config) for item in value)
    return value


@lru_cache(maxsize=64)
def _forms_of(secret: str) -> tuple[str, ...]:
    """A secret as it is, as it stands in addresses and JSON, and as base64, alone or amid other data."""
    import json
    import re
    from urllib.parse import quote, quote_plus

    data = secret.encode("utf-8", "surrogateescape")
    encoded = (quote(data, safe=""), quote(data), quote_plus(data))
    lower = (re.sub("%..", lambda code: code[0].lower(), form) for form in encoded)
    escaped = (json.dumps(secret)[1:-1], json.dumps(secret, ensure_ascii=False)[1:-1])
    slashes = (form.replace("/", "\\/") for form in escaped)
    return tuple(dict.fromkeys((secret, *encoded, *lower, *escaped, *slashes, *_in_base64(data))))


def _in_base64(data: bytes) -> Iterator[str]:
    """Base64 of the data alone, then the part that is the same whatever stands before and after it: `user:key`, say."""
    from base64 import b64encode, urlsafe_b64encode

    for encode in (b64encode, urlsafe_b64encode):
        yield encode(data).decode().rstrip("=")
    for before in range(3):
        first, end = -(-8 * before // 6), 8 * (before + len(data)) // 6
        for encode in (b64encode, urlsafe_b64encode):
            yield encode(bytes(before) + data).decode()[first:end]


def _secrets(config: BackendConfig) -> list[str]:
    """The longest first, because a secret may begin with another."""
    found = [value.reveal() for value in (*config.options.values(), *config.hidden) if isinstance(value, Secret)]
    if config.api_key is not None:
        found.append(config.api_key.reveal())
    return sorted(found, key=len, reverse=True) if len(found) > 1 else found
