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

    `retry-after-ms` in milliseconds (OpenAI, Anthropic), else `Retry-After` in seconds or as a date (RFC 9110, 10.2.3),
    which is counted from the answer's own `Date` where it has one: this machine's clock may be wrong.

    Args:
        headers: The answer's headers; their names in lower case, or in a mapping that does not mind the case.
    """
    for name, unit in (("retry-after-ms", 1000.0), ("retry-after", 1.0)):
        value = headers.get(name)
        seconds = None if not value else _number(value)
        if seconds is not None and seconds >= 0:
            return abs(seconds) / unit  # a zero may have a sign
    then = _date(headers.get("retry-after"))
    now = _date(headers.get("date")) or datetime.now(UTC)
    return None if then is None else max(0.0, (then - now).total_seconds())


def _number(text: str) -> float | None:
    try:
        number = float(text)
    except ValueError:
        return None
    return number if isfinite(number) else None


def _date(text: str | None) -> datetime | None:
    try:
        date = parsedate_to_datetime(text or "")
    except ValueError:
        return None
    return date.replace(tzinfo=date.tzinfo or UTC)
