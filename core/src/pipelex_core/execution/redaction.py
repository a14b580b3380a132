"""A configured key never leaves this process in an error: the last line of defence, behind every plugin's own care."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from attrs import evolve

from pipelex_core.hiding import hide

if TYPE_CHECKING:
    from pipelex_core.errors import CallError
    from pipelex_core.specs import BackendConfig


def redacted(text: str, config: BackendConfig) -> str:
    """The text with every secret of a backend replaced, as `hide` does."""
    for secret in config.secrets:
        text = hide(text, secret)
    return text


def sealed(digest: bytes, config: BackendConfig) -> bytes:
    """HMAC-SHA256 of a digest, keyed with every secret of a backend."""
    import hmac

    return hmac.digest("\0".join(config.secrets).encode("utf-8", "surrogateescape"), digest, "sha256")


def without_key(answer: Any, config: BackendConfig) -> Any:
    """The answer, whose request's id goes into ledgers and logs; what a provider put there in its place is cleaned."""
    identity = getattr(answer, "request_id", None)
    if type(identity) is not str or (clean := redacted(identity, config)) == identity:
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
    """A text without secrets; likewise the texts in plain data, however deep. An object of an SDK is left as it is."""
    if type(value) is tuple:
        return tuple(_clean(item, config) for item in value)
    top = [value]
    copies: dict[int, Any] = {}
    places: list[tuple[Any, Any]] = [(top, 0)]
    while places:
        owner, place = places.pop()
        item = owner[place]
        if isinstance(item, str):
            owner[place] = redacted(item, config)
        elif type(item) in {dict, list} and id(item) in copies:
            owner[place] = copies[id(item)]
        elif type(item) is dict:
            owner[place] = copies[id(item)] = {_clean(key, config): each for key, each in item.items()}
            places += [(owner[place], key) for key in owner[place]]
        elif type(item) is list:
            owner[place] = copies[id(item)] = list(item)
            places += [(owner[place], number) for number in range(len(item))]
        elif type(item) is tuple:
            owner[place] = _clean(item, config)
    return top[0]
