"""The events of a stream, without those that hold no data."""

from __future__ import annotations

from typing import TYPE_CHECKING

from openai import AsyncStream

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from openai._streaming import ServerSentEvent


class Events(AsyncStream[object]):
    """The SDK's stream of events; one without data, such as a `retry:` or a ping of its own, is none.

    The standard has it so (https://html.spec.whatwg.org/multipage/server-sent-events.html#dispatchMessage); the SDK
    dispatches it, and fails to parse nothing. Gateways send such events between those of an endpoint.
    """

    async def _iter_events(self) -> AsyncIterator[ServerSentEvent]:
        async for event in super()._iter_events():
            if event.data:
                yield event
