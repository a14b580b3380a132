"""`Pipelex`: an LLM of LlamaIndex whose model is a handle."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Generator, Mapping, Sequence
from typing import Any

from llama_index.core.base.llms.generic_utils import (
    achat_to_completion_decorator,
    astream_chat_to_completion_decorator,
    chat_to_completion_decorator,
    stream_chat_to_completion_decorator,
)
from llama_index.core.base.llms.types import (
    ChatMessage,
    ChatResponse,
    CompletionResponse,
    LLMMetadata,
    MessageRole,
    TextBlock,
    ToolCallBlock,
)
from llama_index.core.llms.callbacks import llm_chat_callback, llm_completion_callback
from llama_index.core.llms.function_calling import FunctionCallingLLM
from llama_index.core.llms.llm import ToolSelection
from llama_index.core.prompts import PromptTemplate
from llama_index.core.tools.types import BaseTool
from pydantic import Field, PrivateAttr

from pipelex_adapters import Clients
from pipelex_core import AsyncClient, Client
from pipelex_llamaindex.messages import prompt_of, response_of


class Pipelex(FunctionCallingLLM):
    """An LLM: a preset, alias or model of a deck, with its chain, retries, limits, budgets and prices.

    Args:
        model: The handle; None for the deck's default for text.
        client: A client of pipelex_core; None for one of `project`.
        project: Arguments of `Client.from_project`, such as `config` and `profile`.
        settings: `temperature`, `max_tokens`, `arguments` of every call of pipelex-core, and LlamaIndex's own.
    """

    model: str | None = Field(default=None, description="The handle")
    temperature: float | None = Field(default=None, description="Wins over the preset's")
    max_tokens: int | None = Field(default=None, description="Most output tokens")
    arguments: dict[str, Any] = Field(default_factory=dict, description="Of every call of pipelex-core")
    _clients: Clients = PrivateAttr()

    def __init__(
        self,
        model: str | None = None,
        *,
        client: Client | AsyncClient | None = None,
        project: dict[str, Any] | None = None,
        **settings: Any,
    ) -> None:
        super().__init__(**{"model": model, **settings})
        self._clients = Clients(client, project or {})

    @classmethod
    def class_name(cls) -> str:
        """What LlamaIndex calls it."""
        return "Pipelex"

    @property
    def metadata(self) -> LLMMetadata:
        """What LlamaIndex cuts prompts by: limits of the model that would be asked first."""
        deck = self._clients.sync.deck
        chosen = deck.resolve(self.model or deck.default("llm.for_text")).chosen
        spec = chosen.spec if chosen is not None else None
        known = {
            "context_window": getattr(spec, "context_window", None),
            "num_output": self.max_tokens or getattr(spec, "max_tokens", None),
        }
        return LLMMetadata(
            **{name: value for name, value in known.items() if value is not None},
            is_chat_model=True,
            is_function_calling_model=True,
            model_name=self.model or "default",
        )

    def _call(self, further: Mapping[str, Any]) -> dict[str, Any]:
        """The arguments of a call."""
        own = {"temperature": self.temperature, "max_tokens": self.max_tokens, **self.arguments, **further}
        return {"model": self.model, **{key: value for key, value in own.items() if value is not None}}

    @llm_chat_callback()
    def chat(self, messages: Sequence[ChatMessage], **kwargs: Any) -> ChatResponse:
        """One answer."""
        return response_of(self._clients.sync.generate_text(prompt_of(messages), **self._call(kwargs)))

    @llm_chat_callback()
    async def achat(self, messages: Sequence[ChatMessage], **kwargs: Any) -> ChatResponse:
        """One answer."""
        return response_of(await self._clients.asynchronous.generate_text(prompt_of(messages), **self._call(kwargs)))

    @llm_chat_callback()
    def stream_chat(self, messages: Sequence[ChatMessage], **kwargs: Any) -> Generator[ChatResponse, None, None]:
        """One answer, piece by piece; the last has all the rest."""

        def pieces() -> Generator[ChatResponse, None, None]:
            with self._clients.sync.stream_text(prompt_of(messages), **self._call(kwargs)) as stream:
                text = ""
                for delta in stream:
                    text += delta
                    yield _so_far(text, delta)
                yield response_of(stream.result, "")

        return pieces()

    @llm_chat_callback()
    async def astream_chat(self, messages: Sequence[ChatMessage], **kwargs: Any) -> AsyncGenerator[ChatResponse, None]:
        """One answer, piece by piece; the last has all the rest."""

        async def pieces() -> AsyncGenerator[ChatResponse, None]:
            opened = self._clients.asynchronous.stream_text(prompt_of(messages), **self._call(kwargs))
            async with opened as stream:
                text = ""
                async for delta in stream:
                    text += delta
                    yield _so_far(text, delta)
                yield response_of(stream.result, "")

        return pieces()

    @llm_completion_callback()
    def complete(self, prompt: str, formatted: bool = False, **kwargs: Any) -> CompletionResponse:
        """One answer to a prompt."""
        return chat_to_completion_decorator(self.chat)(prompt, **kwargs)

    @llm_completion_callback()
    async def acomplete(self, prompt: str, formatted: bool = False, **kwargs: Any) -> CompletionResponse:
        """One answer to a prompt."""
        return await achat_to_completion_decorator(self.achat)(prompt, **kwargs)

    @llm_completion_callback()
    def stream_complete(
        self, prompt: str, formatted: bool = False, **kwargs: Any
    ) -> Generator[CompletionResponse, None, None]:
        """One answer to a prompt, piece by piece."""
        answered: Generator[CompletionResponse, None, None]
        answered = stream_chat_to_completion_decorator(self.stream_chat)(prompt, **kwargs)
        return answered

    @llm_completion_callback()
    async def astream_complete(
        self, prompt: str, formatted: bool = False, **kwargs: Any
    ) -> AsyncGenerator[CompletionResponse, None]:
        """One answer to a prompt, piece by piece."""
        answered: AsyncGenerator[CompletionResponse, None]
        answered = await astream_chat_to_completion_decorator(self.astream_chat)(prompt, **kwargs)
        return answered

    def _prepare_chat_with_tools(  # noqa: PLR0917 -- as its base class has it
        self,
        tools: Sequence[BaseTool],
        user_msg: str | ChatMessage | None = None,
        chat_history: list[ChatMessage] | None = None,
        verbose: bool = False,
        allow_parallel_tool_calls: bool = False,
        tool_required: bool = False,
        **kwargs: Any,
    ) -> dict[str, Any]:
        messages = [*(chat_history or [])]
        if user_msg is not None:
            stated = (
                user_msg if isinstance(user_msg, ChatMessage) else ChatMessage(role=MessageRole.USER, content=user_msg)
            )
            messages.append(stated)
        described = [tool.metadata.to_openai_tool(skip_length_check=True) for tool in tools]
        choice = {"tool_choice": "required" if tool_required else "auto"} if described else {}
        return {"messages": messages, "tools": described or None, **choice, **kwargs}

    def _validate_chat_with_tools_response(
        self,
        response: ChatResponse,
        tools: Sequence[BaseTool],
        allow_parallel_tool_calls: bool = False,
        **kwargs: Any,
    ) -> ChatResponse:
        """One call alone, where several at a time are not wanted."""
        calls = [block for block in response.message.blocks if isinstance(block, ToolCallBlock)]
        if not allow_parallel_tool_calls and len(calls) > 1:
            response.message.blocks = [block for block in response.message.blocks if block not in calls[1:]]
        return response

    def get_tool_calls_from_response(
        self, response: ChatResponse, error_on_no_tool_call: bool = True, **kwargs: Any
    ) -> list[ToolSelection]:
        """The calls of tools that an answer asks for.

        Raises:
            ValueError: There are none, and there should be.
        """
        calls = [block for block in response.message.blocks if isinstance(block, ToolCallBlock)]
        if not calls and error_on_no_tool_call:
            msg = "the model asked for no tool"
            raise ValueError(msg)
        return [
            ToolSelection(tool_id=call.tool_call_id or "", tool_name=call.tool_name, tool_kwargs=call.tool_kwargs)
            for call in calls
        ]

    def structured_predict(
        self, output_cls: Any, prompt: PromptTemplate, llm_kwargs: dict[str, Any] | None = None, **prompt_args: Any
    ) -> Any:
        """An object, checked and asked for again where it does not fit, by pipelex-core."""
        messages = self._extend_messages(prompt.format_messages(**prompt_args))
        arguments = self._call(llm_kwargs or {})
        return self._clients.sync.generate_object(prompt_of(messages), output_cls, **arguments).value

    async def astructured_predict(
        self, output_cls: Any, prompt: PromptTemplate, llm_kwargs: dict[str, Any] | None = None, **prompt_args: Any
    ) -> Any:
        """An object, checked and asked for again where it does not fit, by pipelex-core."""
        messages = self._extend_messages(prompt.format_messages(**prompt_args))
        arguments = self._call(llm_kwargs or {})
        return (await self._clients.asynchronous.generate_object(prompt_of(messages), output_cls, **arguments)).value


def _so_far(text: str, delta: str) -> ChatResponse:
    message = ChatMessage(role=MessageRole.ASSISTANT, blocks=[TextBlock(text=text)])
    return ChatResponse(message=message, delta=delta)
