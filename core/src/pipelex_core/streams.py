"""A stream of text or of speech, as a caller holds it: in asynchronous and in synchronous code."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Generic, Protocol, Self, TypeAlias, TypeVar

from attrs import frozen

from pipelex_core.runtime.read_ahead import ReadAhead

if TYPE_CHECKING:
    import asyncio
    from collections.abc import AsyncGenerator
    from types import TracebackType

    from pipelex_core.errors import CallError, PluginError
    from pipelex_core.results import ObjectResult, Result, TextResult  # noqa: F401 -- named by the classes below
    from pipelex_core.runtime.loop_thread import LoopThread
    from pipelex_core.sound import SpeechResult  # noqa: F401 -- as above
    from pipelex_core.specs import ModelSpec

    class Ledger(Protocol):
        """What a stream tells its call."""

        is_abandoned: bool


E = TypeVar("E")
R = TypeVar("R", bound="Result")
T = TypeVar("T")


@frozen(kw_only=True)
class StreamRestarted:
    """A stream broke off and begins again: what it had given is void, and what follows is another answer, from its start.

    Attributes:
        partial_text: What had come, in all.
        model: Name of the model that broke off.
        backend: Its backend.
        error: Why.
    """

    partial_text: str
    model: str
    backend: str
    error: CallError | PluginError

    @classmethod
    def after(cls, error: CallError | PluginError, spec: ModelSpec, partial_text: str | None) -> StreamRestarted:
        """What tells of a stream of this model that ended with this error."""
        return cls(partial_text=partial_text or "", model=spec.name, backend=spec.backend, error=error)


@frozen
class PartialObject:
    """An object as far as it has come, plain data; or the whole one, of its own type."""

    value: Any


StreamEvent: TypeAlias = "str | bytes | StreamRestarted | PartialObject | Result"


class _AsyncStream(Generic[E, R]):
    """Pieces of an answer, and after the last one the whole result.

    Nothing is sent before the first one is asked for. Used with `async with`, leaving early closes the connection.
    """

    def __init__(self, events: AsyncGenerator[StreamEvent, None], ledger: Ledger) -> None:
        from asyncio import current_task  # a stream is made by a call; importing the package does without

        self._events = events
        self._ledger = ledger
        self._result: R | None = None
        self._current_task = current_task
        self._reading: asyncio.Task[Any] | None = None
        self._closed: asyncio.Future[None] | None = None

    @property
    def result(self) -> R:
        """The whole answer, once the stream has ended.

        Raises:
            RuntimeError: The stream has not ended, or was left early.
        """
        if self._result is None:
            raise RuntimeError("the stream has not ended: read it to its end before asking for its result")
        return self._result

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> E:
        self._reading = self._current_task()
        try:
            event = await self._events.__anext__()
        except BaseException as error:
            if self._is_closed_elsewhere(error):
                raise StopAsyncIteration from None
            raise
        if isinstance(event, str) or isinstance(event, _PIECES):  # noqa: SIM101 -- one class is looked at faster
            return event  # type: ignore[return-value]  # a restart comes where it was asked for
        self._result = event  # type: ignore[assignment]  # of the class that the call gives
        await self._events.aclose()
        raise StopAsyncIteration

    async def aclose(self) -> None:
        """Close the connection; a stream that was read to its end is closed already.

        A task that is waiting for the next piece sees the end of the stream.

        Raises:
            PluginError: A plugin failed to close its part of the stream.
        """
        if self._reading is None or not getattr(self._events, "ag_running", False):
            await self._events.aclose()
            return
        from asyncio import shield

        self._ledger.is_abandoned = True
        if self._closed is None:
            self._closed = self._reading.get_loop().create_future()
            self._reading.cancel()
        await shield(self._closed)

    def _is_closed_elsewhere(self, error: BaseException) -> bool:
        """Whether what ended a step is that another task, which is awake again now, closed the stream."""
        if self._closed is None or self._reading is None or self._closed.done():
            return False
        from asyncio import CancelledError

        self._closed.set_result(None)
        others = self._reading.uncancel()
        return isinstance(error, (CancelledError, GeneratorExit)) and not others

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await self.aclose()


_PIECES = (StreamRestarted, PartialObject, bytes)


class AsyncTextStream(_AsyncStream[str, "TextResult"]):
    """Deltas of text, and after the last one the whole result.

    Nothing is sent before the first delta is asked for. Used with `async with`, leaving early closes the connection.
    """


class AsyncRestartingTextStream(_AsyncStream["str | StreamRestarted", "TextResult"]):
    """As `AsyncTextStream`, of a call with `on_interrupted="restart"`: where it breaks off, it begins again."""


class _ObjectPieces(_AsyncStream[PartialObject, "ObjectResult[T]"], Generic[T]):
    """The objects of a stream, each in its box: a whole one may be None."""


class AsyncObjectStream(_ObjectPieces[T], Generic[T]):
    """Partial objects, plain data, while the JSON comes in; the last one is whole, validated, and of the type asked for.

    Each takes the place of the one before: an answer that has to be repaired, or a model that takes over, begins again. Nothing
    is sent before the first one is asked for. Used with `async with`, leaving early closes the connection.
    """

    @property
    def pieces(self) -> _ObjectPieces[T]:
        """The same stream, each object in a `PartialObject`."""
        return _ObjectPieces(self._events, self._ledger)

    async def __anext__(self) -> Any:
        return (await super().__anext__()).value


class AsyncSpeechStream(_AsyncStream[bytes, "SpeechResult"]):
    """Bytes of encoded speech as they come, and after the last ones the whole result; otherwise as `AsyncTextStream`."""


class _Stream(Generic[E, R]):
    """Pieces of text for synchronous code, and after the last one the whole result; see `AsyncTextStream`.

    Used with `with`, leaving early closes the connection; so does letting go of the stream.
    """

    def __init__(self, stream: _AsyncStream[E, R], thread: LoopThread) -> None:
        self._stream = stream
        self._thread = thread
        self._ahead = ReadAhead(stream)

    @property
    def result(self) -> R:
        """The whole answer, once the stream has ended.

        Raises:
            RuntimeError: The stream has not ended, or was left early.
        """
        return self._stream.result

    def __iter__(self) -> Self:
        return self

    def __next__(self) -> E:
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


class TextStream(_Stream[str, "TextResult"]):
    """Deltas of text for synchronous code, and after the last one the whole result; see `AsyncTextStream`.

    Used with `with`, leaving early closes the connection; so does letting go of the stream.
    """


class RestartingTextStream(_Stream["str | StreamRestarted", "TextResult"]):
    """As `TextStream`, of a call with `on_interrupted="restart"`: where it breaks off, it begins again."""


class ObjectStream(_Stream[PartialObject, "ObjectResult[T]"], Generic[T]):
    """Partial objects for synchronous code, the last one whole and validated; see `AsyncObjectStream`.

    Used with `with`, leaving early closes the connection; so does letting go of the stream.
    """

    def __next__(self) -> Any:
        return super().__next__().value


class SpeechStream(_Stream[bytes, "SpeechResult"]):
    """As `AsyncSpeechStream`, for synchronous code."""
