"""The events of a stream, without those that hold no data."""

from __future__ import annotations

from codecs import BOM_UTF8
from typing import TYPE_CHECKING

from openai import AsyncStream

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator

    from openai._streaming import ServerSentEvent, SSEBytesDecoder


class Events(AsyncStream[object]):
    """The SDK's stream of events; one without data, such as a `retry:` or a ping of its own, is dropped.

    The standard has it so (https://html.spec.whatwg.org/multipage/server-sent-events.html#dispatchMessage); the SDK
    dispatches it, and fails to parse nothing. Gateways send such events between those of an endpoint.
    """

    async def _iter_events(self) -> AsyncIterator[ServerSentEvent]:
        self._decoder = _Unmarked(self._decoder)
        async for event in super()._iter_events():
            if event.data:
                yield event


class _Unmarked:
    """A decoder of events that takes the byte order mark off the beginning of a stream, as the standard has it."""

    def __init__(self, decoder: SSEBytesDecoder) -> None:
        self._decoder = decoder

    def iter_bytes(self, iterator: Iterator[bytes]) -> Iterator[ServerSentEvent]:
        """Not for streams that are read without a loop; there are none."""
        return self._decoder.iter_bytes(iterator)

    async def aiter_bytes(self, iterator: AsyncIterator[bytes]) -> AsyncIterator[ServerSentEvent]:
        """The events of a stream."""
        async for event in self._decoder.aiter_bytes(_without_mark(iterator)):
            yield event


async def _without_mark(pieces: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    begun = b""
    async for piece in pieces:
        begun += piece
        if len(begun) >= len(BOM_UTF8):
            yield begun.removeprefix(BOM_UTF8)
            break
    else:
        yield begun
    async for piece in pieces:
        yield piece
