"""`AsyncClient`: a deck, its plugins, and the calls one can make."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal, TypeVar, overload

from pipelex_core.client.base_client import BaseClient

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, AsyncIterable, Iterable, Mapping
    from decimal import Decimal
    from types import TracebackType
    from typing import Self, Unpack

    from pipelex_core.client.arguments import (
        EmbedArguments,
        ExtractArguments,
        ImageArguments,
        ModerateArguments,
        ObjectArguments,
        RerankArguments,
        RunArguments,
        RunTool,
        SpeakArguments,
        TextArguments,
        TranscribeArguments,
    )
    from pipelex_core.client.mapping import Done
    from pipelex_core.judging import ModerationResult, RerankResult
    from pipelex_core.media import MediaSource
    from pipelex_core.policies import FallbackOn, OnInterrupted
    from pipelex_core.prompts import Prompt
    from pipelex_core.results import (
        DocumentResult,
        EmbeddingResult,
        ImageResult,
        ObjectResult,
        RunResult,
        TextResult,
    )
    from pipelex_core.sound import Recording, SpeechResult, TranscriptResult
    from pipelex_core.streams import AsyncObjectStream, AsyncRestartingTextStream, AsyncSpeechStream, AsyncTextStream

T = TypeVar("T")


class AsyncClient(BaseClient):
    """Calls models by their handles.

    One client may be used from several event loops, one after the other or at the same time: what belongs to a loop is
    kept per loop. Close it with `async with` or `aclose()`; what a loop opened is also closed when the loop ends.
    """

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
            audio: The same of recordings, for models that hear (see `transcribe` for the kinds).
            tools: Tools the model may ask for: `Tool`s or `{"name", "description", "parameters"}`.
            tool_choice: `auto`, `none`, `required`, or a tool's name.
            hosted_tools: Tools that the provider runs itself: `("web_search",)`; the sources are in `citations`.
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
            audio: As for `generate_text`.
            tools: As for `generate_text`, where the provider takes both: the model asks for some of them, and `value` is None and
                `tool_calls` has them; or it gives the object.
            tool_choice: As for `generate_text`.
            hosted_tools: As for `generate_text`.
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

    @overload
    def stream_object(
        self,
        prompt: Prompt,
        type: type[T],
        *,
        model: str | Mapping[str, Any] | None = None,
        **arguments: Unpack[ObjectArguments],
    ) -> AsyncObjectStream[T]: ...

    @overload
    def stream_object(
        self,
        prompt: Prompt,
        type: object,
        *,
        model: str | Mapping[str, Any] | None = None,
        **arguments: Unpack[ObjectArguments],
    ) -> AsyncObjectStream[Any]: ...

    def stream_object(
        self,
        prompt: Prompt,
        type: Any,
        *,
        model: str | Mapping[str, Any] | None = None,
        **arguments: Unpack[ObjectArguments],
    ) -> AsyncObjectStream[Any]:
        """A typed object while it comes: `async with client.stream_object(…) as stream: async for partial in stream: …`.

        Each partial object is plain data, with unfinished strings as they are, and takes the place of the one before; the last is
        the validated one, and `stream.result` the `ObjectResult`. Arguments, repair and errors as for `generate_object`; a model
        that breaks off is followed by the next as in any call, and the objects begin again. Leaving early closes the connection.
        """
        return self._execution.stream_object(prompt, type, model, arguments)

    async def run(
        self,
        prompt: Prompt,
        *,
        tools: Iterable[RunTool],
        model: str | Mapping[str, Any] | None = None,
        max_turns: int = 8,
        tool_timeout: float | None = 60.0,
        budget_usd: Decimal | float | str | None = None,
        **arguments: Unpack[RunArguments],
    ) -> RunResult:
        """A text, after as many turns as it takes: the tools that the model asks for run, and it goes on with their results.

        Args:
            prompt: As for `generate_text`. A conversation that ends with calls of tools goes on with running them.
            tools: What the model may ask for: Python functions, whose annotations and docstrings are its instructions;
                `RunnableTool`s; `ToolSource`s; and addresses that a plugin knows, such as `mcp:…`.
            model: As for `generate_text`.
            max_turns: How often the model may answer.
            tool_timeout: Seconds one tool may take; the model reads of one that takes longer. None for any time.
            budget_usd: US$ that all turns may cost together; None for as much as they do.
            system: As for `generate_text`.
            images: As for `generate_text`.
            documents: As for `generate_text`.
            audio: As for `generate_text`.
            tool_choice: As for `generate_text`, for the first turn.
            hosted_tools: As for `generate_text`.
            deadline: Seconds the whole run may take, tools included.
            idle_timeout: As for `generate_text`.
            retries: As for `generate_text`.
            fallback_on: As for `generate_text`.
            settings: Win over those of the preset.

        Raises:
            UnsupportedInputError: A tool cannot be run: a parameter without annotation, two tools of one name.
            TurnLimitError: The model still asks for tools after `max_turns` answers.
            PluginError: What runs tools is not installed.
            CallError: A turn failed. `messages` has the conversation so far, and `attempts` those of all turns.
            ConfigError: The handle leads to nothing that can be called.
        """
        from pipelex_core.first_party import RUN, brought

        run = brought("pipelex_core.run", RUN, "`client.run` comes with a distribution that is not installed")
        result: RunResult = await run(
            self,
            lambda messages, requested: self._execution.call("llm", messages, model, requested),
            prompt,
            tools,
            max_turns=max_turns,
            tool_timeout=tool_timeout,
            budget_usd=budget_usd,
            **arguments,
        )
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
            CallError: The call failed; `UnsupportedInputError` for what is not a PDF or image.
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
        """Images, made or changed.

        Args:
            prompt: What to show, or how to change the pictures.
            model: A handle; None for the deck's default for images.
            images: Pictures to change or to follow: paths, bytes, URLs or data URLs of PNG, JPEG, GIF or WebP.
            mask: A PNG of the size of the first picture: only where it is transparent may the picture change.
            deadline: Seconds the whole call may take.
            idle_timeout: As for `generate_text`.
            retries: As for `generate_text`.
            fallback_on: As for `generate_text`.
            settings: Win over those of the preset; `number=` says how many.

        Raises:
            CallError: The call failed; `UnsupportedInputError` for pictures or a mask that the model does not take, or a mask
                of another size.
            ConfigError: The handle leads to nothing that can be called.
        """
        result: ImageResult = await self._execution.call("img_gen", prompt, model, arguments)
        return result

    async def embed(
        self,
        inputs: str | Iterable[str],
        *,
        model: str | Mapping[str, Any] | None = None,
        **arguments: Unpack[EmbedArguments],
    ) -> EmbeddingResult:
        """Vectors of texts, in their order; as many requests are made as the provider's limits need.

        Args:
            inputs: A text, or any number of them.
            model: A handle; None for the deck's default for embeddings.
            purpose: `query` for texts to search with, `document` for those to be found, where the model makes a difference.
            dimensions: Numbers in a vector, where the model has a choice.
            resume: The `partial` of the error that a call for the same texts ended with: only what is missing is made.
            deadline: Seconds the whole call may take.
            idle_timeout: As for `generate_text`.
            retries: As for `generate_text`; of several requests, only those that failed are made again.
            fallback_on: As for `generate_text`.

        Raises:
            CallError: The call failed; its `partial` has the vectors that were made before.
            ConfigError: The handle leads to nothing that can be called.
        """
        result: EmbeddingResult = await self._execution.call("embed", inputs, model, arguments)
        return result

    async def transcribe(
        self,
        source: MediaSource | Recording,
        *,
        model: str | Mapping[str, Any] | None = None,
        **arguments: Unpack[TranscribeArguments],
    ) -> TranscriptResult:
        """Transcribe a recording. A file is read as it is sent, and never whole into memory.

        Args:
            source: Path, bytes, URL or data URL of MP3, WAV, FLAC, OGG, M4A, WebM, AAC, AIFF or AMR.
            model: A handle; None for the deck's default for transcription.
            deadline: Seconds the whole call may take, the upload included.
            idle_timeout: As for `generate_text`.
            retries: As for `generate_text`.
            fallback_on: As for `generate_text`.
            settings: Win over those of the preset: `language`, `timestamps`, `speakers`, `prompt`.

        Raises:
            CallError: The call failed; `UnsupportedInputError` for what is not sound, before anything is sent.
            ConfigError: The handle leads to nothing that can be called.
        """
        result: TranscriptResult = await self._execution.call("transcribe", source, model, arguments)
        return result

    async def speak(
        self,
        text: str,
        *,
        model: str | Mapping[str, Any] | None = None,
        **arguments: Unpack[SpeakArguments],
    ) -> SpeechResult:
        """A text, spoken.

        Args:
            text: What to say.
            model: A handle; None for the deck's default for speech.
            deadline: Seconds the whole call may take.
            idle_timeout: As for `generate_text`.
            retries: As for `generate_text`.
            fallback_on: As for `generate_text`.
            settings: Win over those of the preset: `voice`, `format`, `speed`, `instructions`.

        Raises:
            CallError: The call failed; `UnsupportedInputError` for an empty text, or a voice that the model does not have.
            ConfigError: The handle leads to nothing that can be called.
        """
        result: SpeechResult = await self._execution.call("speak", text, model, arguments)
        return result

    def stream_speech(
        self,
        text: str,
        *,
        model: str | Mapping[str, Any] | None = None,
        **arguments: Unpack[SpeakArguments],
    ) -> AsyncSpeechStream:
        """Speech as it is made: `async with client.stream_speech(…) as stream: async for data in stream: …`.

        After the last bytes, `stream.result` is the `SpeechResult`; leaving early closes the connection. Arguments and errors
        as for `speak`. Until the first bytes, another model may take over as in any call.
        """
        return self._execution.stream_speech(text, model, arguments)

    async def rerank(
        self,
        query: str,
        documents: Iterable[str],
        *,
        model: str | Mapping[str, Any] | None = None,
        **arguments: Unpack[RerankArguments],
    ) -> RerankResult:
        """Documents in the order of how well they answer a query.

        Args:
            query: The question.
            documents: The texts, none of them empty.
            model: A handle; None for the deck's default for reranking.
            deadline: Seconds the whole call may take.
            idle_timeout: As for `generate_text`.
            retries: As for `generate_text`.
            fallback_on: As for `generate_text`.
            settings: Win over those of the preset: `top_n`, the most documents to rank.

        Raises:
            CallError: The call failed; `UnsupportedInputError` names a document that is empty.
            ConfigError: The handle leads to nothing that can be called.
        """
        provided = {**arguments, "documents": documents}
        result: RerankResult = await self._execution.call("rerank", query, model, provided)
        return result

    async def moderate(
        self,
        inputs: str | Iterable[str],
        *,
        model: str | Mapping[str, Any] | None = None,
        **arguments: Unpack[ModerateArguments],
    ) -> ModerationResult:
        """What is harmful in texts: a verdict on each, with the provider's categories and scores.

        Args:
            inputs: A text or several, none of them empty.
            model: A handle; None for the deck's default for moderation.
            deadline: Seconds the whole call may take.
            idle_timeout: As for `generate_text`.
            retries: As for `generate_text`.
            fallback_on: As for `generate_text`.

        Raises:
            CallError: The call failed.
            ConfigError: The handle leads to nothing that can be called.
        """
        result: ModerationResult = await self._execution.call("moderate", inputs, model, arguments)
        return result

    async def call(
        self,
        /,
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

    def map(
        self,
        jobs: Iterable[Any] | AsyncIterable[Any],
        *,
        operation: str = "generate_text",
        concurrency: int = 16,
        ordered: bool = False,
        model: str | Mapping[str, Any] | None = None,
        **arguments: Any,
    ) -> AsyncGenerator[Done]:
        """Call an operation for many jobs: `async for done in client.map(prompts, model="smart_llm"): …`.

        At most `concurrency` jobs are under way or wait to be handed out: neither the jobs nor the calls run ahead of a
        slow reader. A call that fails is an outcome like any other. Closing the iterator cancels the calls under way.

        Args:
            jobs: What each call is about, such as a prompt; or a `Job`, which has arguments of its own. A synchronous
                iterable is read in the event loop.
            operation: `generate_text`, `generate_object`, `extract`, `generate_image`, or what a plugin's capability
                adds; the name of a capability stands for its first operation.
            concurrency: How many calls are under way at most.
            ordered: Whether outcomes come in the order of the jobs, instead of that in which calls end.
            model: A handle; None for the deck's default.
            arguments: Those of the operation, for all jobs; for `generate_object`, its `type` too.

        Raises:
            UnsupportedInputError: There is no such operation, or it streams.
        """
        from pipelex_core.client.mapping import Calls, asking, run

        ask = asking(self._execution.operation(operation), model, arguments)
        return run(Calls(ask, concurrency, ordered=ordered), jobs)

    async def aclose(self) -> None:
        """Close what this client opened in the running loop."""
        await self._execution.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await self.aclose()
