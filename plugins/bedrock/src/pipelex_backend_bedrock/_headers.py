"""What the headers of an answer say."""

from __future__ import annotations

from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING

from pipelex_core.errors import InvalidAnswerError

if TYPE_CHECKING:
    from collections.abc import Mapping

_EVENT_STREAM = "application/vnd.amazon.eventstream"


def retry_after(headers: Mapping[str, str]) -> float | None:
    """The seconds the provider asks to wait; its header holds seconds or a date."""
    value = headers.get("retry-after")
    if not value:
        return None
    try:
        seconds = float(value)
    except ValueError:
        try:
            when = parsedate_to_datetime(value)
        except ValueError:
            return None
        seconds = (when.replace(tzinfo=when.tzinfo or UTC) - datetime.now(UTC)).total_seconds()
    return max(0.0, seconds) if seconds < float("inf") else None


def check_event_stream(headers: Mapping[str, str]) -> None:
    """See that an answer is an event stream; one without a content type may be.

    Raises:
        InvalidAnswerError: It is a web page, a JSON document, or anything else.
    """
    kind = headers.get("content-type", _EVENT_STREAM).partition(";")[0].strip()
    if kind != _EVENT_STREAM:
        msg = f"Bedrock answered with {kind}, not with an event stream"
        raise InvalidAnswerError(msg)
