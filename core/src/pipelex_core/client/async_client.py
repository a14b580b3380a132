"""`AsyncClient`: a deck, its plugins, and the calls one can make."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal, TypeVar, overload

from pipelex_core.client.client_parts import ClientParts

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
    from pipelex_core.streams import AsyncRestartingTextStream, AsyncTextStream

T = TypeVar("T")


class AsyncClient(ClientParts):
    """Calls models by their handles.

    One client may be used from several event loops, one after the other or at the same time: what belongs to a loop is
    kept per loop. Close it with `async with` or `aclose()`; what a loop opened is also closed when the loop ends.
    """

    def __init__(
        self,
        deck: ModelDeck,
        plugins: Plugins,
        *,
        config: LoadedConfig | None = None,
        budget_usd: Decimal | float | str | None = None,
    ) -> None:
        from pipelex_core.execution.walk import Execution  # what calls need, importing the package does not

        self._execution = Execution(deck, plugins, budget_usd=budget_usd)
        super().__init__(deck, plugins, config, self._execution.total_budget)

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
        """A client for the nearest `.pipelex` from `root` (or the working directory) upwards.

        Args:
            root: Where to begin looking; a project's folder.
            config: The `.pipelex` folder or its `inference/` itself, instead of looking.
            profile: Another routing profile than the active one.
            environ: Variables, instead of the process's.
            env_file: A `.env` file, instead of the one beside `.pipelex`.
            plugins: Plugins made by hand, instead of the installed ones that the project's plugin lock knows.
            strict: Whether it is an error that an enabled backend lacks a variable and no other backend has its key; one
                key is enough. False keeps loading whatever is lacking: the models concerned are unavailable.
            budget_usd: US$ that all calls of the client may cost together; None for as much as they do.

        Raises:
            ConfigError: Every fault of the configuration, in `.problems`.
        """
        from pipelex_core.config import load

        if plugins is None:
            from pipelex_core.config.locate import locate, plugin_lock_of
            from pipelex_core.plugins import discover

            plugins = discover(lock=plugin_lock_of(locate(root, config=config, environ=environ)))
        loaded = load(
            root,
            config=config,
            profile=profile,
            environ=environ,
            env_file=env_file,
            plugins=plugins,
            strict=strict,
            one_key_is_enough=True,
        )
        return cls(loaded.deck, plugins, config=loaded, budget_usd=budget_usd)

    async def generate_text(
        self,
        prompt: Prompt,
        *,
        model: str | Mapping[str, Any] | None = None,
        **arguments: Unpack[TextArguments],
    ) -> TextResult:
        """A text.

        Args:
            prompt: What to say: a string, or the messages of a conversation (see `messages.py`).
            model: A preset, alias or model, or `{"model": …, **settings}`; None for the deck's default for text.
            system: System prompt.
            images: Paths, bytes, URLs or data URLs of PNG, JPEG, GIF or WebP images.
            documents: The same of PDFs; and paths, URLs and data URLs of other documents that the model's provider takes.
            tools: Tools the model may ask for: `Tool`s or `{"name", "description", "parameters"}`.
            tool_choice: `auto`, `none`, `required`, or a tool's name.
            deadline: Seconds the whole call may take.
            idle_timeout: Seconds the provider may be silent: between two signs of life in a stream, until the answer
                otherwise.
            retries: How often a model is asked again after an error that may pass; None for what its backend says.
            fallback_on: What lets a chain move on, see `RetryPolicy`; None for what the model's backend says.
            settings: Win over those of the preset.

        Raises:
            CallError: The call failed; see its subclasses in `errors.py`.
            ConfigError: The handle leads to nothing that can be called.
        """
        result: TextResult = await self._execution.call("llm", prompt, model, arguments)
        return result

    @overload
    def stream_text(
        self,
        prompt: Prompt,
        *,
        model: str | Mapping[str, Any] | None = None,
        on_interrupted: Literal["error"] = "error",
        **arguments: Unpack[TextArguments],
    ) -> AsyncTextStream: ...

    @overload
    def stream_text(
        self,
        prompt: Prompt,
        *,
        model: str | Mapping[str, Any] | None = None,
        on_interrupted: Literal["restart"],
        **arguments: Unpack[TextArguments],
    ) -> AsyncRestartingTextStream: ...

    @overload
    def stream_text(
        self,
        prompt: Prompt,
        *,
        model: str | Mapping[str, Any] | None = None,
        on_interrupted: OnInterrupted,
        **arguments: Unpack[TextArguments],
    ) -> AsyncTextStream | AsyncRestartingTextStream: ...

    def stream_text(
        self,
        prompt: Prompt,
        *,
        model: str | Mapping[str, Any] | None = None,
        on_interrupted: OnInterrupted = "error",
        **arguments: Unpack[TextArguments],
    ) -> AsyncTextStream | AsyncRestartingTextStream:
        """A text, piece by piece: `async with client.stream_text(…) as stream: async for delta in stream: …`.

        After the last delta, `stream.result` is the `TextResult`; leaving early closes the connection. Arguments and
        errors as for `generate_text`.

        Until the first delta, another model may take over as in any call. After it, a stream that breaks off ends with
        an error, its `partial_text` kept; with `on_interrupted="restart"` it begins again instead, and a
        `StreamRestarted` among the deltas says that those before it are void.
        """
        return self._execution.stream_text(prompt, model, on_interrupted, arguments)

    @overload
    async def generate_object(
        self,
        prompt: Prompt,
        type: type[T],
        *,
        model: str | Mapping[str, Any] | None = None,
        **arguments: Unpack[ObjectArguments],
    ) -> ObjectResult[T]: ...

    @overload
    async def generate_object(
        self,
        prompt: Prompt,
        type: object,
        *,
        model: str | Mapping[str, Any] | None = None,
        **arguments: Unpack[ObjectArguments],
    ) -> ObjectResult[Any]: ...

    async def generate_object(
        self,
        prompt: Prompt,
        type: Any,
        *,
        model: str | Mapping[str, Any] | None = None,
        **arguments: Unpack[ObjectArguments],
    ) -> ObjectResult[Any]:
        """A typed object, validated; an invalid answer gets one repair request before it is an error.

        Args:
            prompt: As for `generate_text`.
            type: An attrs class, dataclass, TypedDict, pydantic model, or a JSON schema.
            model: As for `generate_text`; None for the deck's default for objects.
            system: System prompt.
            images: As for `generate_text`.
            documents: As for `generate_text`.
            deadline: Seconds the whole call may take, the repair included.
            idle_timeout: As for `generate_text`.
            retries: As for `generate_text`.
            fallback_on: As for `generate_text`.
            settings: Win over those of the preset.

        Raises:
            InvalidAnswerError: No valid object came; `raw` keeps the text.
            CallError: The call failed.
            ConfigError: The handle leads to nothing that can be called.
        """
        result: ObjectResult[Any] = await self._execution.generate_object(prompt, type, model, arguments)
        return result

    async def extract(
        self,
        source: MediaSource,
        *,
        model: str | Mapping[str, Any] | None = None,
        **arguments: Unpack[ExtractArguments],
    ) -> DocumentResult:
        """The pages of a document: their text and images.

        Args:
            source: Path, bytes, URL or data URL of a PDF or an image.
            model: A handle; None for the deck's default for extraction.
            deadline: Seconds the whole call may take.
            idle_timeout: As for `generate_text`.
            retries: As for `generate_text`.
            fallback_on: As for `generate_text`.
            settings: Win over those of the preset.

        Raises:
            CallError: The call failed; `UnsupportedInputError` for what is no PDF or image.
            ConfigError: The handle leads to nothing that can be called.
        """
        result: DocumentResult = await self._execution.call("extract", source, model, arguments)
        return result

    async def generate_image(
        self,
        prompt: str,
        *,
        model: str | Mapping[str, Any] | None = None,
        **arguments: Unpack[ImageArguments],
    ) -> ImageResult:
        """Images.

        Args:
            prompt: What to show.
            model: A handle; None for the deck's default for images.
            deadline: Seconds the whole call may take.
            idle_timeout: As for `generate_text`.
            retries: As for `generate_text`.
            fallback_on: As for `generate_text`.
            settings: Win over those of the preset; `number=` says how many.

        Raises:
            CallError: The call failed.
            ConfigError: The handle leads to nothing that can be called.
        """
        result: ImageResult = await self._execution.call("img_gen", prompt, model, arguments)
        return result

    async def call(
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
        """Call a capability by its name: for those that plugins bring, which have no method here.

        Args:
            capability: Its name, such as `llm`; the installed ones are in `deck.capabilities.names`.
            source: What the call is about, as the capability takes it: a prompt, a document.
            model: A handle; None for the deck's default for this capability.
            deadline: Seconds the whole call may take.
            idle_timeout: As for `generate_text`.
            retries: As for `generate_text`.
            fallback_on: As for `generate_text`.
            arguments: What goes with `source`, and settings, which win over those of the preset.

        Returns:
            The capability's result, a subclass of `Result`.

        Raises:
            UnsupportedInputError: There is no such capability.
            CallError: The call failed.
            ConfigError: The handle leads to nothing that can be called.
        """
        terms = {"deadline": deadline, "idle_timeout": idle_timeout, "retries": retries, "fallback_on": fallback_on}
        return await self._execution.call(capability, source, model, terms | arguments)

    def explain(self, handle: str | Mapping[str, Any], *, capability: str = "llm") -> Explanation:
        """The whole way of a handle, with the origin of every value: what `pipelex explain` prints."""
        from pipelex_core.explain import explain

        return explain(handle, capability, deck=self.deck, plugins=self.plugins, config=self.config)

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
        """What a call would use and cost, member by member of its chain; nothing is sent.

        Args:
            prompt: The call's prompt; for `capability="extract"`, its source.
            model: As in the call.
            capability: Name of a capability, such as `llm` or `extract`.
            system: As in the call.
            images: As in the call.
            documents: As in the call.
            tools: As in the call.
            settings: As in the call; `max_tokens` bounds the answer.

        Raises:
            CallError: The call would be refused.
            ConfigError: The handle leads to nothing that can be called.
        """
        from pipelex_core.estimates.estimate import estimate

        given = {"system": system, "images": images, "documents": documents, "tools": tools}
        settings |= {name: value for name, value in given.items() if value is not None and value != ()}
        return estimate(self.deck, prompt, model=model, capability=capability, **settings)

    def budget(self, *, usd: Decimal | float | str, unknown: Unknown = "refuse") -> Budget:
        """A budget for the calls begun in its `with` block: `with client.budget(usd=0.5) as budget: …`.

        Args:
            usd: What they may cost together. A request that may cost more than is left is not sent.
            unknown: Whether to `refuse` or `allow` a request where nobody knows what it may cost.

        Raises:
            UnsupportedInputError: The amount is none.
        """
        return self._execution.budget(usd, unknown)

    async def aclose(self) -> None:
        """Close what this client opened in the running loop."""
        await self._execution.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await self.aclose()
