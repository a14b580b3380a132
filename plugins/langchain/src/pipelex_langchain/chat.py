"""`ChatPipelex`: a chat model of LangChain whose model is a handle."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from typing import Any

from langchain_core.callbacks import AsyncCallbackManagerForLLMRun, CallbackManagerForLLMRun
from langchain_core.language_models import BaseChatModel, LanguageModelInput
from langchain_core.language_models.base import LangSmithParams
from langchain_core.messages import AIMessage, AIMessageChunk, BaseMessage
from langchain_core.outputs import ChatGeneration, ChatGenerationChunk, ChatResult
from langchain_core.runnables import Runnable, RunnableLambda
from langchain_core.tools import BaseTool
from langchain_core.utils.function_calling import convert_to_openai_tool
from pydantic import ConfigDict, Field, PrivateAttr

from pipelex_adapters import Clients
from pipelex_core import AsyncClient, Client
from pipelex_langchain.messages import answer_of, last_chunk_of, prompt_of

_CHOICES = {"any": "required", "required": "required", "auto": "auto", "none": "none", True: "required", False: "none"}


class ChatPipelex(BaseChatModel):
    """A chat model: a preset, alias or model of a deck.

    Attributes:
        model: The handle; None for the deck's default for text.
        temperature: Wins over the preset's.
        max_tokens: Most output tokens.
        settings: Further settings of every call, such as `reasoning_effort`.
        client: A client of pipelex_core; None for one of `project`.
        project: Arguments of `Client.from_project`, such as `config` and `profile`.

    Example:
        >>> from pipelex_langchain import ChatPipelex
        >>> ChatPipelex(model="smart_llm").model
        'smart_llm'
    """

    model_config = ConfigDict(arbitrary_types_allowed=True)

    model: str | None = None
    temperature: float | None = None
    max_tokens: int | None = None
    settings: dict[str, Any] = Field(default_factory=dict)
    client: Client | AsyncClient | None = Field(default=None, exclude=True)
    project: dict[str, Any] = Field(default_factory=dict, exclude=True)
    _clients: Clients = PrivateAttr()

    def model_post_init(self, context: Any, /) -> None:
        """Have the clients ready to be made."""
        super().model_post_init(context)
        self._clients = Clients(self.client, self.project)

    @property
    def _llm_type(self) -> str:
        return "pipelex"

    @property
    def _identifying_params(self) -> Mapping[str, Any]:
        """What an answer depends on: LangChain's cache goes by it."""
        own = {"temperature": self.temperature, "max_tokens": self.max_tokens, **self.settings}
        return {"model": self.model, "project": self._clients.place, **own}

    def _get_ls_params(self, stop: list[str] | None = None, **kwargs: Any) -> LangSmithParams:
        found = super()._get_ls_params(stop=stop, **kwargs)
        found["ls_provider"] = "pipelex"
        found["ls_model_name"] = self.model or "default"
        return found

    def _arguments(self, stop: list[str] | None, further: Mapping[str, Any]) -> dict[str, Any]:
        """The arguments of a call of pipelex-core."""
        own = {"temperature": self.temperature, "max_tokens": self.max_tokens, **self.settings}
        provided = {key: value for key, value in further.items() if not key.startswith("ls_")}
        arguments = {**own, **provided, **({"stop": stop} if stop else {})}
        choice = arguments.pop("tool_choice", None)
        if choice is not None:
            arguments["tool_choice"] = _choice_of(choice)
        return {"model": self.model, **{key: value for key, value in arguments.items() if value is not None}}

    def _generate(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: CallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> ChatResult:
        result = self._clients.sync.generate_text(prompt_of(messages), **self._arguments(stop, kwargs))
        return ChatResult(generations=[ChatGeneration(message=answer_of(result))])

    async def _agenerate(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: AsyncCallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> ChatResult:
        result = await self._clients.asynchronous.generate_text(prompt_of(messages), **self._arguments(stop, kwargs))
        return ChatResult(generations=[ChatGeneration(message=answer_of(result))])

    def _stream(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: CallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> Iterator[ChatGenerationChunk]:
        with self._clients.sync.stream_text(prompt_of(messages), **self._arguments(stop, kwargs)) as stream:
            for delta in stream:
                chunk = ChatGenerationChunk(message=AIMessageChunk(content=delta))
                if run_manager:
                    run_manager.on_llm_new_token(delta, chunk=chunk)
                yield chunk
            yield ChatGenerationChunk(message=last_chunk_of(stream.result))

    async def _astream(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: AsyncCallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> AsyncIterator[ChatGenerationChunk]:
        opened = self._clients.asynchronous.stream_text(prompt_of(messages), **self._arguments(stop, kwargs))
        async with opened as stream:
            async for delta in stream:
                chunk = ChatGenerationChunk(message=AIMessageChunk(content=delta))
                if run_manager:
                    await run_manager.on_llm_new_token(delta, chunk=chunk)
                yield chunk
            yield ChatGenerationChunk(message=last_chunk_of(stream.result))

    def bind_tools(
        self,
        tools: Sequence[dict[str, Any] | type | Callable[..., Any] | BaseTool],
        *,
        tool_choice: str | None = None,
        **kwargs: Any,
    ) -> Runnable[LanguageModelInput, AIMessage]:
        """The model with tools that it may ask for.

        Args:
            tools: Functions, classes, tools of LangChain, or their schemas.
            tool_choice: `auto`, `none`, `any` or a tool's name.
            kwargs: Further settings.
        """
        formatted = [convert_to_openai_tool(tool) for tool in tools]
        choice = {} if tool_choice is None else {"tool_choice": tool_choice}
        return self.bind(tools=formatted, **choice, **kwargs)

    def with_structured_output(
        self, schema: dict[str, Any] | type, *, include_raw: bool = False, **_kwargs: Any
    ) -> Runnable[LanguageModelInput, Any]:
        """The model, answering with an object: checked, and asked again where it does not fit, by pipelex-core.

        Args:
            schema: A pydantic model, a TypedDict, a dataclass, an attrs class, or a JSON schema.
            include_raw: Whether to give `{"raw": message, "parsed": object, "parsing_error": None}`.
        """

        def call(messages: Any) -> Any:
            prompt = prompt_of(self._convert_input(messages).to_messages())
            return _object(self._clients.sync.generate_object(prompt, schema, **self._arguments(None, {})), include_raw)

        async def acall(messages: Any) -> Any:
            prompt = prompt_of(self._convert_input(messages).to_messages())
            made = await self._clients.asynchronous.generate_object(prompt, schema, **self._arguments(None, {}))
            return _object(made, include_raw)

        return RunnableLambda(call, afunc=acall, name="ChatPipelex.with_structured_output")


def _object(result: Any, include_raw: bool) -> Any:
    if not include_raw:
        return result.value
    import json

    raw = AIMessage(content=json.dumps(result.to_dict()["value"], default=str))
    return {"raw": raw, "parsed": result.value, "parsing_error": None}


def _choice_of(choice: Any) -> str:
    """A tool choice as pipelex-core has it."""
    if isinstance(choice, Mapping):
        return str(choice.get("function", choice).get("name"))
    return _CHOICES.get(choice, str(choice))
