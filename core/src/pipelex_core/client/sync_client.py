"""`Client`: the calls of `AsyncClient` for synchronous code; both have the same names and arguments.

The two meet here and nowhere else: every method starts the async client's method on one long-lived event-loop thread
and waits, so that a client works from many threads, in notebooks, and inside a running loop.
"""

from __future__ import annotations

from functools import wraps
from typing import TYPE_CHECKING, Any, Concatenate, Literal, ParamSpec, TypeVar, overload

from pipelex_core.client.async_client import AsyncClient
from pipelex_core.client.base_client import BaseClient
from pipelex_core.runtime.loop_thread import LoopThread
from pipelex_core.streams import ObjectStream, RestartingTextStream, SpeechStream, TextStream

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Generator, Iterable, Mapping
    from decimal import Decimal
    from types import TracebackType
    from typing import Self, Unpack

    from pipelex_core.client.arguments import ObjectArguments, SpeakArguments, TextArguments
    from pipelex_core.client.mapping import Done
    from pipelex_core.config import LoadedConfig
    from pipelex_core.deck import ModelDeck
    from pipelex_core.plugins import Plugins
    from pipelex_core.policies import OnInterrupted
    from pipelex_core.prompts import Prompt
    from pipelex_core.results import ObjectResult

T = TypeVar("T")
R = TypeVar("R")
P = ParamSpec("P")


def _waiting(
    method: Callable[Concatenate[AsyncClient, P], Coroutine[Any, Any, R]],
) -> Callable[Concatenate[Client, P], R]:
    """Make the synchronous method of an asynchronous one, with its arguments and documentation: it waits for the result."""

    @wraps(method)
    def wait(self: Any, /, *args: P.args, **kwargs: P.kwargs) -> R:
        return self._thread.run(method(self, *args, **kwargs))  # type: ignore[no-any-return]  # R, as `run` says

    return wait


class Client(BaseClient):
    """Calls models by their handles; see `AsyncClient`, whose methods these are.

    May be used from many threads at once. Close it with `with` or `close()`; one that is not closed ends with the
    process.
    """

    def __init__(
        self,
        deck: ModelDeck,
        plugins: Plugins,
        *,
        config: LoadedConfig | None = None,
        budget_usd: Decimal | float | str | None = None,
    ) -> None:
        super().__init__(deck, plugins, config=config, budget_usd=budget_usd)
        self._thread = LoopThread(self._execution.close)

    generate_text = _waiting(AsyncClient.generate_text)
    extract = _waiting(AsyncClient.extract)
    generate_image = _waiting(AsyncClient.generate_image)
    embed = _waiting(AsyncClient.embed)
    run = _waiting(AsyncClient.run)
    transcribe = _waiting(AsyncClient.transcribe)
    speak = _waiting(AsyncClient.speak)
    rerank = _waiting(AsyncClient.rerank)
    moderate = _waiting(AsyncClient.moderate)
    call = _waiting(AsyncClient.call)

    @overload
    def stream_text(
        self,
        prompt: Prompt,
        *,
        model: str | Mapping[str, Any] | None = None,
        on_interrupted: Literal["error"] = "error",
        **arguments: Unpack[TextArguments],
    ) -> TextStream: ...

    @overload
    def stream_text(
        self,
        prompt: Prompt,
        *,
        model: str | Mapping[str, Any] | None = None,
        on_interrupted: Literal["restart"],
        **arguments: Unpack[TextArguments],
    ) -> RestartingTextStream: ...

    @overload
    def stream_text(
        self,
        prompt: Prompt,
        *,
        model: str | Mapping[str, Any] | None = None,
        on_interrupted: OnInterrupted,
        **arguments: Unpack[TextArguments],
    ) -> TextStream | RestartingTextStream: ...

    def stream_text(
        self,
        prompt: Prompt,
        *,
        model: str | Mapping[str, Any] | None = None,
        on_interrupted: OnInterrupted = "error",
        **arguments: Unpack[TextArguments],
    ) -> TextStream | RestartingTextStream:
        """As `AsyncClient.stream_text`: `with client.stream_text(…) as stream: for delta in stream: …`."""
        stream: Any = self._execution.stream_text(prompt, model, on_interrupted, arguments)
        kind = RestartingTextStream if on_interrupted == "restart" else TextStream
        return kind(stream, self._thread)

    def stream_speech(
        self,
        text: str,
        *,
        model: str | Mapping[str, Any] | None = None,
        **arguments: Unpack[SpeakArguments],
    ) -> SpeechStream:
        """As `AsyncClient.stream_speech`: `with client.stream_speech(…) as stream: for data in stream: …`."""
        return SpeechStream(self._execution.stream_speech(text, model, arguments), self._thread)

    @overload
    def generate_object(
        self,
        prompt: Prompt,
        type: type[T],
        *,
        model: str | Mapping[str, Any] | None = None,
        **arguments: Unpack[ObjectArguments],
    ) -> ObjectResult[T]: ...

    @overload
    def generate_object(
        self,
        prompt: Prompt,
        type: object,
        *,
        model: str | Mapping[str, Any] | None = None,
        **arguments: Unpack[ObjectArguments],
    ) -> ObjectResult[Any]: ...

    def generate_object(
        self,
        prompt: Prompt,
        type: Any,
        *,
        model: str | Mapping[str, Any] | None = None,
        **arguments: Unpack[ObjectArguments],
    ) -> ObjectResult[Any]:
        """As `AsyncClient.generate_object`."""
        return self._thread.run(self._execution.generate_object(prompt, type, model, arguments))

    def map(
        self,
        jobs: Iterable[Any],
        *,
        operation: str = "generate_text",
        concurrency: int = 16,
        ordered: bool = False,
        model: str | Mapping[str, Any] | None = None,
        **arguments: Any,
    ) -> Generator[Done]:
        """As `AsyncClient.map`: `for done in client.map(prompts, model="smart_llm"): …`; jobs are taken in this thread."""
        from pipelex_core.client.mapping import Calls, asking, run_in

        ask = asking(self._execution.operation(operation), model, arguments)
        return run_in(self._thread, Calls(ask, concurrency, ordered=ordered), jobs)

    @overload
    def stream_object(
        self,
        prompt: Prompt,
        type: type[T],
        *,
        model: str | Mapping[str, Any] | None = None,
        **arguments: Unpack[ObjectArguments],
    ) -> ObjectStream[T]: ...

    @overload
    def stream_object(
        self,
        prompt: Prompt,
        type: object,
        *,
        model: str | Mapping[str, Any] | None = None,
        **arguments: Unpack[ObjectArguments],
    ) -> ObjectStream[Any]: ...

    def stream_object(
        self,
        prompt: Prompt,
        type: Any,
        *,
        model: str | Mapping[str, Any] | None = None,
        **arguments: Unpack[ObjectArguments],
    ) -> ObjectStream[Any]:
        """As `AsyncClient.stream_object`: `with client.stream_object(…) as stream: for partial in stream: …`."""
        return ObjectStream(self._execution.stream_object(prompt, type, model, arguments).pieces, self._thread)

    def close(self) -> None:
        """Close every connection, and end the client's thread."""
        self._thread.stop()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()
