"""A stream of text, as a caller holds it: in asynchronous and in synchronous code."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pipelex_core.read_ahead import ReadAhead

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator
    from types import TracebackType
    from typing import Self

    from pipelex_core.loop_thread import LoopThread
    from pipelex_core.results import TextResult


class AsyncTextStream:
    """Deltas of text, and after the last one the whole result.

    Nothing is sent before the first delta is asked for. Used with `async with`, leaving early closes the connection.
    """

    def __init__(self, events: AsyncGenerator[str | TextResult, None]) -> None:
        self._events = events
        self._result: TextResult | None = None

    @property
    def result(self) -> TextResult:
        """The whole answer, once the stream has ended.

        Raises:
            RuntimeError: The stream has not ended, or was left early.
        """
        if self._result is None:
            msg = "the stream has not ended: read it to its end before asking for its result"
            raise RuntimeError(msg)
        return self._result

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> str:
        event = await self._events.__anext__()
        if isinstance(event, str):
            return event
        self._result = event
        await self._events.aclose()
        raise StopAsyncIteration

    async def aclose(self) -> None:
        """Close the connection; a stream that was read to its end is closed already."""
        await self._events.aclose()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await self.aclose()


class TextStream:
    """Deltas of text for synchronous code, and after the last one the whole result; see `AsyncTextStream`.

    Used with `with`, leaving early closes the connection; so does letting go of the stream.
    """

    def __init__(self, stream: AsyncTextStream, thread: LoopThread) -> None:
        self._stream = stream
        self._thread = thread
        self._ahead = ReadAhead(stream)

    @property
    def result(self) -> TextResult:
        """The whole answer, once the stream has ended.

        Raises:
            RuntimeError: The stream has not ended, or was left early.
        """
        return self._stream.result

    def __iter__(self) -> Self:
        return self

    def __next__(self) -> str:
        ahead = self._ahead
        while (delta := ahead.take()) is None:
            if not ahead.is_begun:
                self._thread.run(ahead.begin())
            if not ahead.wait():
                raise StopIteration
        return delta

    def close(self) -> None:
        """Close the connection; a stream that was read to its end is closed already."""
        if self._ahead.leave():
            self._thread.run(self._ahead.end())

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    def __del__(self) -> None:
        self._ahead.abandon()
