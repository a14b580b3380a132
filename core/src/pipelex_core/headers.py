"""What HTTP headers of an answer mean, for plugins of every provider."""

from __future__ import annotations

from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from math import isfinite
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping


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
