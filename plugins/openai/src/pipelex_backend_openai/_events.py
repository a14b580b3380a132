"""The events of a stream, without those that hold no data."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from openai import AsyncStream
from openai._streaming import ServerSentEvent, SSEDecoder

from pipelex_backend_openai._json import loads

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

_MARK = "\N{ZERO WIDTH NO-BREAK SPACE}"
"""The byte order mark."""


class Events(AsyncStream[object]):
    """The SDK's stream of events, read by a decoder that goes by the standard where the SDK's does not."""

    def __init__(self, **settings: Any) -> None:
        super().__init__(**settings)
        self._decoder = _Decoder()

    def __aiter__(self) -> AsyncIterator[object]:
        """The SDK's iterator itself, which it takes through a further generator."""
        return self._iterator


class _Decoder(SSEDecoder):
    """Takes the byte order mark off the beginning of a stream, and leaves out an event without data, such as a `retry:` or a ping.

    The standard has it so (https://html.spec.whatwg.org/multipage/server-sent-events.html#dispatchMessage); the SDK
    dispatches such an event, and fails to parse nothing. Gateways send some between those of an endpoint.
    """

    _has_begun = False

    def decode(self, line: str) -> ServerSentEvent | None:
        """The event that a line ends, if it does."""
        if not self._has_begun:
            self._has_begun = True
            line = line.removeprefix(_MARK)
        event = super().decode(line)
        return _Event(event=event.event, data=event.data) if event is not None and event.data else None


class _Event(ServerSentEvent):
    """An event; the SDK reads its data by this method."""

    def json(self) -> Any:
        """The data."""
        return loads(self.data)
