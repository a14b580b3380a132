"""What the headers of an answer say."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pipelex_core.errors import InvalidAnswerError

if TYPE_CHECKING:
    from collections.abc import Mapping

_EVENT_STREAM = "application/vnd.amazon.eventstream"


def check_event_stream(headers: Mapping[str, str]) -> None:
    """See that an answer is an event stream; one without a content type may be.

    Raises:
        InvalidAnswerError: It is a web page, a JSON document, or anything else.
    """
    kind = headers.get("content-type", _EVENT_STREAM).partition(";")[0].strip()
    if kind != _EVENT_STREAM:
        msg = f"Bedrock answered with {kind}, not with an event stream"
        raise InvalidAnswerError(msg)
