"""What HTTP headers of an answer mean, and what a request's can carry, for plugins of every provider."""

from __future__ import annotations

from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from math import isfinite
from typing import TYPE_CHECKING

from pipelex_core.errors import AuthenticationError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pipelex_core.specs import Secret


_GATEWAYS = ("x-litellm-call-id", "x-portkey-trace-id")
"""https://docs.litellm.ai/docs/proxy/response_headers; https://portkey.ai/docs/api-reference/inference-api/headers."""


def check_key(key: Secret | None) -> None:
    """Refuse a key that no header can carry, where an SDK would fail with an error of its own, or send it all the same.

    Raises:
        AuthenticationError: The key is not made of visible ASCII characters; none at all, or an empty one, passes.
    """
    text = "" if key is None else key.reveal()
    if not (text.isascii() and text.isprintable()):
        msg = "the key holds characters that no header can carry: it must be plain ASCII, in one line"
        raise AuthenticationError(msg)


def first_id(headers: Mapping[str, str], *names: str) -> str | None:
    """The id of a request: the provider's, in the first of its headers that is set, else that of a gateway in between."""
    return next((headers[name] for name in (*names, *_GATEWAYS) if headers.get(name)), None)


def retry_after(headers: Mapping[str, str]) -> float | None:
    """The seconds a provider asks to wait before the next request; None where it asks for nothing that can be read.

    `retry-after-ms` in milliseconds (OpenAI, Anthropic), else `Retry-After` in seconds or as a date (RFC 9110, 10.2.3).

    Args:
        headers: The answer's headers; their names in lower case, or in a mapping that does not mind the case.
    """
    for name, unit in (("retry-after-ms", 1000.0), ("retry-after", 1.0)):
        value = headers.get(name)
        seconds = None if not value else _number(value)
        if seconds is not None and seconds >= 0:
            return seconds / unit
    return _seconds_until(headers.get("retry-after") or "")


def _number(text: str) -> float | None:
    try:
        number = float(text)
    except ValueError:
        return None
    return number if isfinite(number) else None


def _seconds_until(date: str) -> float | None:
    try:
        then = parsedate_to_datetime(date)
    except ValueError:
        return None
    return max(0.0, (then.replace(tzinfo=then.tzinfo or UTC) - datetime.now(UTC)).total_seconds())
