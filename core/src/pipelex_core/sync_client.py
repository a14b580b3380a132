"""`Client`: the calls of `AsyncClient` for synchronous code; both have the same names and arguments.

The two meet here and nowhere else: every method starts the async client's method on one long-lived event-loop thread
and waits, so that a client works from many threads, in notebooks, and inside a running loop.
"""

from __future__ import annotations

from collections import deque
from functools import partial
from threading import Condition
from typing import TYPE_CHECKING, Any, TypeVar, overload

from pipelex_core.client import AsyncClient
from pipelex_core.loop_thread import LoopThread

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from pathlib import Path
    from types import TracebackType
    from typing import Self, Unpack

    from pipelex_core.call_settings import ExtractSettings, ImgGenSettings, LLMSettings
    from pipelex_core.config import LoadedConfig
    from pipelex_core.deck import ModelDeck
    from pipelex_core.explain import Explanation
    from pipelex_core.media import MediaSource
    from pipelex_core.plugins import Plugins
    from pipelex_core.prompts import Prompt, ToolLike
    from pipelex_core.requests import DocumentResult, ImageResult, ObjectResult, TextResult
    from pipelex_core.specs import Capability
    from pipelex_core.streams import AsyncTextStream

T = TypeVar("T")

_AHEAD = 256
"""How many deltas a stream may be ahead of its reader."""


class Client:
    """Calls models by their handles; see `AsyncClient`, whose methods these are.

    May be used from many threads at once. Close it with `with` or `close()`; one that is not closed ends with the
    process.

    Attributes:
        deck: The handles, and what they mean.
        plugins: The plugins in use, and those that are not.
        config: What was loaded, for a client made by `from_project`; None for one made by hand.
    """

    def __init__(self, deck: ModelDeck, plugins: Plugins, *, config: LoadedConfig | None = None) -> None:
        self._client = AsyncClient(deck, plugins, config=config)
        self._thread = LoopThread(self._client.aclose)
        self.deck = deck
        self.plugins = plugins
        self.config = config

    @classmethod
    def from_project(
        cls,
        root: str | Path | None = None,
        *,
        config: str | Path | None = None,
        profile: str | None = None,
        environ: Mapping[str, str] | None = None,
        env_file: str | Path | None = None,
        plugins: Plugins | None = None,
        strict: bool = True,
    ) -> Self:
        """As `AsyncClient.from_project`."""
        made = AsyncClient.from_project(
            root, config=config, profile=profile, environ=environ, env_file=env_file, plugins=plugins, strict=strict
        )
        return cls(made.deck, made.plugins, config=made.config)

    def generate_text(
        self,
        prompt: Prompt,
        *,
        model: str | Mapping[str, Any] | None = None,
        system: str | None = None,
        images: Iterable[MediaSource] = (),
        documents: Iterable[MediaSource] = (),
        tools: Iterable[ToolLike] = (),
        tool_choice: str | None = None,
        deadline: float | None = None,
        **settings: Unpack[LLMSettings],
    ) -> TextResult:
        """As `AsyncClient.generate_text`."""
        return self._thread.run(
            self._client.generate_text(
                prompt,
                model=model,
                system=system,
                images=images,
                documents=documents,
                tools=tools,
                tool_choice=tool_choice,
                deadline=deadline,
                **settings,
            )
        )

    def stream_text(
        self,
        prompt: Prompt,
        *,
        model: str | Mapping[str, Any] | None = None,
        system: str | None = None,
        images: Iterable[MediaSource] = (),
        documents: Iterable[MediaSource] = (),
        tools: Iterable[ToolLike] = (),
        tool_choice: str | None = None,
        deadline: float | None = None,
        **settings: Unpack[LLMSettings],
    ) -> TextStream:
        """As `AsyncClient.stream_text`: `with client.stream_text(…) as stream: for delta in stream: …`."""
        stream = self._client.stream_text(
            prompt,
            model=model,
            system=system,
            images=images,
            documents=documents,
            tools=tools,
            tool_choice=tool_choice,
            deadline=deadline,
            **settings,
        )
        return TextStream(stream, self._thread)

    @overload
    def generate_object(
        self,
        prompt: Prompt,
        type: type[T],
        *,
        model: str | Mapping[str, Any] | None = None,
        system: str | None = None,
        images: Iterable[MediaSource] = (),
        documents: Iterable[MediaSource] = (),
        deadline: float | None = None,
        **settings: Unpack[LLMSettings],
    ) -> ObjectResult[T]: ...

    @overload
    def generate_object(
        self,
        prompt: Prompt,
        type: Mapping[str, Any],
        *,
        model: str | Mapping[str, Any] | None = None,
        system: str | None = None,
        images: Iterable[MediaSource] = (),
        documents: Iterable[MediaSource] = (),
        deadline: float | None = None,
        **settings: Unpack[LLMSettings],
    ) -> ObjectResult[Any]: ...

    def generate_object(
        self,
        prompt: Prompt,
        type: Any,
        *,
        model: str | Mapping[str, Any] | None = None,
        system: str | None = None,
        images: Iterable[MediaSource] = (),
        documents: Iterable[MediaSource] = (),
        deadline: float | None = None,
        **settings: Unpack[LLMSettings],
    ) -> ObjectResult[Any]:
        """As `AsyncClient.generate_object`."""
        return self._thread.run(
            self._client.generate_object(
                prompt,
                type,
                model=model,
                system=system,
                images=images,
                documents=documents,
                deadline=deadline,
                **settings,
            )
        )

    def extract(
        self,
        source: MediaSource,
        *,
        model: str | Mapping[str, Any] | None = None,
        deadline: float | None = None,
        **settings: Unpack[ExtractSettings],
    ) -> DocumentResult:
        """As `AsyncClient.extract`."""
        return self._thread.run(self._client.extract(source, model=model, deadline=deadline, **settings))

    def generate_image(
        self,
        prompt: str,
        *,
        model: str | Mapping[str, Any] | None = None,
        deadline: float | None = None,
        **settings: Unpack[ImgGenSettings],
    ) -> ImageResult:
        """As `AsyncClient.generate_image`."""
        return self._thread.run(self._client.generate_image(prompt, model=model, deadline=deadline, **settings))

    def explain(self, handle: str | Mapping[str, Any], *, capability: Capability = "llm") -> Explanation:
        """As `AsyncClient.explain`."""
        return self._client.explain(handle, capability=capability)

    def close(self) -> None:
        """Close every connection, and end the client's thread."""
        self._thread.stop()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()


class TextStream:
    """Deltas of text for synchronous code, and after the last one the whole result; see `AsyncTextStream`."""

    def __init__(self, stream: AsyncTextStream, thread: LoopThread) -> None:
        self._stream = stream
        self._thread = thread
        self._deltas: deque[str] = deque()
        self._changed = Condition()
        self._reading: Any = None
        self._resume: Callable[[], object] | None = None
        self._ended = False
        self._error: Exception | None = None

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
        if self._deltas:
            return self._taken()
        if self._reading is None and not self._ended:
            self._thread.run(self._start())
        with self._changed:
            while not self._deltas and not self._ended:
                self._changed.wait()
        if self._deltas:
            return self._taken()
        error, self._error = self._error, None
        if error is not None:
            raise error
        raise StopIteration

    def close(self) -> None:
        """Close the connection; a stream that was read to its end is closed already."""
        self._ended = True
        self._thread.run(self._close())

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    def _taken(self) -> str:
        delta = self._deltas.popleft()
        resume = self._resume
        if resume is not None and len(self._deltas) <= _AHEAD // 2:
            self._resume = None
            resume()
        return delta

    async def _start(self) -> None:
        import asyncio

        self._reading = asyncio.create_task(self._read())

    async def _close(self) -> None:
        import asyncio

        if self._reading is not None:
            self._reading.cancel()
            await asyncio.wait([self._reading])
        await self._stream.aclose()

    async def _read(self) -> None:
        """Runs in the client's loop: reads ahead, and pauses where the reader is slow."""
        import asyncio

        loop = asyncio.get_running_loop()
        try:
            async for delta in self._stream:
                self._deltas.append(delta)
                if len(self._deltas) == 1:
                    self._notify()
                if len(self._deltas) >= _AHEAD:
                    room = asyncio.Event()
                    self._resume = partial(loop.call_soon_threadsafe, room.set)
                    if len(self._deltas) >= _AHEAD:
                        await room.wait()
        except Exception as error:  # noqa: BLE001 -- raised where the deltas are read
            self._error = error
        finally:
            self._ended = True
            self._notify()

    def _notify(self) -> None:
        with self._changed:
            self._changed.notify_all()
