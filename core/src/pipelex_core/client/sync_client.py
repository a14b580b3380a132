"""`Client`: the calls of `AsyncClient` for synchronous code; both have the same names and arguments.

The two meet here and nowhere else: every method starts the async client's method on one long-lived event-loop thread
and waits, so that a client works from many threads, in notebooks, and inside a running loop.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal, TypeVar, overload

from pipelex_core.client.async_client import AsyncClient
from pipelex_core.client.client_parts import ClientParts
from pipelex_core.runtime.loop_thread import LoopThread
from pipelex_core.streams import RestartingTextStream, TextStream

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from decimal import Decimal
    from pathlib import Path
    from types import TracebackType
    from typing import Self, Unpack

    from pipelex_core.client.arguments import ExtractArguments, ImageArguments, ObjectArguments, TextArguments
    from pipelex_core.config import LoadedConfig
    from pipelex_core.deck import ModelDeck
    from pipelex_core.estimates.estimate import Estimate
    from pipelex_core.execution.budgets import Budget, Unknown
    from pipelex_core.explain import Explanation
    from pipelex_core.media import MediaSource
    from pipelex_core.plugins import Plugins
    from pipelex_core.policies import FallbackOn, OnInterrupted
    from pipelex_core.prompts import Prompt, ToolLike
    from pipelex_core.results import DocumentResult, ImageResult, ObjectResult, TextResult

T = TypeVar("T")


class Client(ClientParts):
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
        self._client = AsyncClient(deck, plugins, config=config, budget_usd=budget_usd)
        self._thread = LoopThread(self._client.aclose)
        super().__init__(deck, plugins, config, self._client.total_budget)

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
        budget_usd: Decimal | float | str | None = None,
    ) -> Self:
        """As `AsyncClient.from_project`."""
        made = AsyncClient.from_project(
            root, config=config, profile=profile, environ=environ, env_file=env_file, plugins=plugins, strict=strict
        )
        return cls(made.deck, made.plugins, config=made.config, budget_usd=budget_usd)

    def generate_text(
        self,
        prompt: Prompt,
        *,
        model: str | Mapping[str, Any] | None = None,
        **arguments: Unpack[TextArguments],
    ) -> TextResult:
        """As `AsyncClient.generate_text`."""
        return self._thread.run(self._client.generate_text(prompt, model=model, **arguments))

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
        stream: Any = self._client.stream_text(prompt, model=model, on_interrupted=on_interrupted, **arguments)
        kind = RestartingTextStream if on_interrupted == "restart" else TextStream
        return kind(stream, self._thread)

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
        return self._thread.run(self._client.generate_object(prompt, type, model=model, **arguments))

    def extract(
        self,
        source: MediaSource,
        *,
        model: str | Mapping[str, Any] | None = None,
        **arguments: Unpack[ExtractArguments],
    ) -> DocumentResult:
        """As `AsyncClient.extract`."""
        return self._thread.run(self._client.extract(source, model=model, **arguments))

    def generate_image(
        self,
        prompt: str,
        *,
        model: str | Mapping[str, Any] | None = None,
        **arguments: Unpack[ImageArguments],
    ) -> ImageResult:
        """As `AsyncClient.generate_image`."""
        return self._thread.run(self._client.generate_image(prompt, model=model, **arguments))

    def call(
        self,
        capability: str,
        source: Any,
        *,
        model: str | Mapping[str, Any] | None = None,
        deadline: float | None = None,
        idle_timeout: float | None = None,
        retries: int | None = None,
        fallback_on: FallbackOn | None = None,
        **arguments: Any,
    ) -> Any:
        """As `AsyncClient.call`."""
        return self._thread.run(
            self._client.call(
                capability,
                source,
                model=model,
                deadline=deadline,
                idle_timeout=idle_timeout,
                retries=retries,
                fallback_on=fallback_on,
                **arguments,
            )
        )

    def explain(self, handle: str | Mapping[str, Any], *, capability: str = "llm") -> Explanation:
        """As `AsyncClient.explain`."""
        return self._client.explain(handle, capability=capability)

    def estimate(
        self,
        prompt: Any,
        *,
        model: str | Mapping[str, Any] | None = None,
        capability: str = "llm",
        system: str | None = None,
        images: Iterable[MediaSource] = (),
        documents: Iterable[MediaSource] = (),
        tools: Iterable[ToolLike] = (),
        **settings: Any,
    ) -> Estimate:
        """As `AsyncClient.estimate`."""
        return self._client.estimate(
            prompt,
            model=model,
            capability=capability,
            system=system,
            images=images,
            documents=documents,
            tools=tools,
            **settings,
        )

    def budget(self, *, usd: Decimal | float | str, unknown: Unknown = "refuse") -> Budget:
        """As `AsyncClient.budget`."""
        return self._client.budget(usd=usd, unknown=unknown)

    def close(self) -> None:
        """Close every connection, and end the client's thread."""
        self._thread.stop()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()
