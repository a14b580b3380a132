"""What an endpoint says of an error: the forms that bodies of errors have."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from attrs import frozen

if TYPE_CHECKING:
    from collections.abc import Mapping

    import httpx2

_TOO_LONG = "context_length_exceeded"

_FLAGGED_BY_OTHERS = "invalid_prompt"
"""For OpenRouter, a message of a wrong form; for OpenAI, one that was flagged."""


@frozen(kw_only=True)
class Facts:
    """What an endpoint says of an error, whichever of the known forms it has."""

    message: str = ""
    codes: tuple[str, ...] = ()
    status: int | None = None


def body_of(response: httpx2.Response) -> Any:
    """The JSON of an error's body, or its text; of a web page, that it is one."""
    try:
        return json.loads(response.content)
    except (ValueError, RecursionError):
        kind = response.headers.get("content-type", "")
        return "the provider answered with a web page" if "html" in kind else response.text


def facts_of(body: Any) -> Facts:
    """What a body says; the forms: `{"error": {…}}`, `{"error": "…", "code": …}`, `{"detail": …}`, a list, text."""
    if isinstance(body, list) and body:
        body = body[0]
    if not isinstance(body, dict):
        return Facts(message=str(body))
    error = body.get("error")
    if isinstance(error, dict):
        inner = error.get("innererror") or error.get("inner_error")
        codes = [error.get("code"), error.get("type"), inner.get("code") if isinstance(inner, dict) else None]
        message = error.get("message")
        metadata = error.get("metadata")
        if isinstance(metadata, dict):
            facts = _metadata(metadata)
            codes += facts.codes
            message = f"{message}: {facts.message}" if facts.message else message
        status = error.get("status_code") or error.get("code")
    else:
        codes = [body.get("code"), body.get("type")]
        message = error or body.get("message") or body.get("detail")
        status = body.get("status_code") or body.get("code")
    return Facts(
        message=message if isinstance(message, str) else json.dumps(message) if message else "",
        codes=tuple(str(code) for code in codes if code),
        status=_as_status(status),
    )


def _metadata(metadata: Mapping[str, Any]) -> Facts:
    """What OpenRouter says of an error besides its status: its own word for it, and what the provider behind it answered.

    https://openrouter.ai/docs/api/reference/errors-and-debugging
    """
    word, raw = metadata.get("error_type"), metadata.get("raw")
    codes = [word] if isinstance(word, str) and word != _FLAGGED_BY_OTHERS else []
    if metadata.get("flagged_input") is not None:
        codes.append("content_filter")
    if isinstance(raw, str):
        try:
            raw = json.loads(raw)
        except (ValueError, RecursionError):
            return Facts(message=raw, codes=tuple(codes))
    facts = facts_of(raw) if isinstance(raw, dict) else Facts()
    return Facts(message=facts.message, codes=(*codes, *(code for code in facts.codes if code == _TOO_LONG)))


def _as_status(value: Any) -> int | None:
    """An HTTP status of an error, which some endpoints put where others have a word."""
    text = str(value)
    return int(text) if len(text) == 3 and text.isdecimal() and text[0] in "45" else None
