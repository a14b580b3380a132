"""`PipelexModel`: a model of pydantic-ai whose name is a handle."""

from __future__ import annotations

from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

from pydantic_ai.exceptions import UserError
from pydantic_ai.models import Model, check_allow_model_requests
from pydantic_ai.profiles import ModelProfile
from pydantic_ai.settings import ToolOrOutput

from pipelex_adapters import Clients
from pipelex_pydantic_ai.messages import prompt_of, response_of
from pipelex_pydantic_ai.streams import PipelexStream

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping

    from pydantic_ai import RunContext
    from pydantic_ai.messages import ModelMessage, ModelResponse
    from pydantic_ai.models import ModelRequestParameters, StreamedResponse
    from pydantic_ai.settings import ModelSettings

    from pipelex_core import AsyncClient, Client, ObjectResult, TextResult

_PROFILE = ModelProfile(
    supports_tools=True,
    supports_json_schema_output=True,
    supports_thinking=True,
    default_structured_output_mode="tool",
)
_SETTINGS = {
    "max_tokens": "max_tokens",
    "temperature": "temperature",
    "top_p": "top_p",
    "seed": "seed",
    "stop_sequences": "stop",
}


class PipelexModel(Model[Any]):
    """A model: a preset, alias or model of a deck, with its chain, retries, limits, budgets and prices.

    Args:
        model: The handle; None for the deck's default for text.
        client: A client of pipelex_core; None for one of `project`.
        project: Arguments of `Client.from_project`, such as `config` and `profile`.
        arguments: Further arguments of every call of pipelex-core, such as `{"reasoning_budget": 2000}`.
        settings: pydantic-ai's settings of every call.

    Example:
        >>> from pipelex_pydantic_ai import PipelexModel
        >>> PipelexModel("smart_llm").model_name
        'smart_llm'
    """

    unsupported_settings = frozenset({"extra_body", "extra_headers", "max_retries", "parallel_tool_calls"})

    def __init__(
        self,
        model: str | None = None,
        *,
        client: Client | AsyncClient | None = None,
        project: dict[str, Any] | None = None,
        arguments: Mapping[str, Any] | None = None,
        settings: ModelSettings | None = None,
    ) -> None:
        super().__init__(settings=settings, profile=_PROFILE)
        self._model = model
        self._arguments = dict(arguments or {})
        self._clients = Clients(client, project or {})

    @property
    def model_name(self) -> str:
        """The handle."""
        return self._model or "default"

    @property
    def system(self) -> str:
        """What observability calls the provider."""
        return "pipelex"

    async def request(
        self,
        messages: list[ModelMessage],
        model_settings: ModelSettings | None,
        model_request_parameters: ModelRequestParameters,
    ) -> ModelResponse:
        """One answer.

        Raises:
            CallError: As from any call of pipelex-core.
            UserError: A setting or a part of a message that pipelex-core has not.
        """
        check_allow_model_requests()
        settings, parameters = self.prepare_request(model_settings, model_request_parameters)
        prompt, arguments = self._call(messages, settings, parameters)
        return response_of(await self._ask(prompt, arguments, parameters))

    @asynccontextmanager
    async def request_stream(
        self,
        messages: list[ModelMessage],
        model_settings: ModelSettings | None,
        model_request_parameters: ModelRequestParameters,
        run_context: RunContext[Any] | None = None,  # noqa: ARG002 -- as the base class has it
    ) -> AsyncIterator[StreamedResponse]:
        """One answer, piece by piece; an object of the provider's own mode comes in one piece."""
        check_allow_model_requests()
        settings, parameters = self.prepare_request(model_settings, model_request_parameters)
        prompt, arguments = self._call(messages, settings, parameters)
        name = self.model_name
        if parameters.output_mode == "native":
            whole = await self._ask(prompt, arguments, parameters)
            yield PipelexStream(model_request_parameters=parameters, name=name, whole=whole)
            return
        async with self._clients.asynchronous.stream_text(prompt, model=self._model, **arguments) as stream:
            yield PipelexStream(model_request_parameters=parameters, name=name, stream=stream)

    async def _ask(
        self, prompt: list[Any], arguments: dict[str, Any], parameters: ModelRequestParameters
    ) -> TextResult | ObjectResult[Any]:
        client, wanted = self._clients.asynchronous, parameters.output_object
        if parameters.output_mode != "native" or wanted is None:
            return await client.generate_text(prompt, model=self._model, **arguments)
        return await client.generate_object(prompt, wanted.json_schema, model=self._model, **arguments)

    def _call(
        self, messages: list[ModelMessage], settings: ModelSettings | None, parameters: ModelRequestParameters
    ) -> tuple[list[Any], dict[str, Any]]:
        """The prompt and the arguments of a call."""
        provided: Mapping[str, Any] = settings or {}
        arguments = {ours: provided[theirs] for theirs, ours in _SETTINGS.items() if provided.get(theirs) is not None}
        if isinstance(provided.get("timeout"), (int, float)):
            arguments["deadline"] = float(provided["timeout"])
        if parameters.thinking is not None:
            arguments["reasoning_effort"] = _effort(parameters.thinking)
        arguments |= self._arguments | _tools(provided.get("tool_choice"), parameters)
        instructions = [part.content for part in self._get_instruction_parts(messages, parameters) or ()]
        return prompt_of(messages, instructions), arguments


def _effort(thinking: Any) -> str:
    """pydantic-ai's level of thinking as an effort: true is the middle, false none at all."""
    if isinstance(thinking, bool):
        return "medium" if thinking else "none"
    return str(thinking)


def _tools(choice: Any, parameters: ModelRequestParameters) -> dict[str, Any]:
    """The tools of a request, and which of them the model may or must ask for."""
    tools = {tool.name: tool for tool in (*parameters.function_tools, *parameters.output_tools)}
    how = "auto" if parameters.allow_text_output else "required"
    if choice in ("none", []):
        tools = {tool.name: tool for tool in parameters.output_tools}
    elif choice == "required":
        how = "required"
        tools = {tool.name: tool for tool in parameters.function_tools}
    elif isinstance(choice, (list, ToolOrOutput)):
        named = choice if isinstance(choice, list) else choice.function_tools
        if unknown := [name for name in named if name not in tools]:
            msg = f"tool_choice names {', '.join(unknown)}, and there is no such tool"
            raise UserError(msg)
        also = [] if isinstance(choice, list) else [tool.name for tool in parameters.output_tools]
        tools = {name: tools[name] for name in (*named, *also)}
        how = "required" if isinstance(choice, list) else how
    if not tools:
        return {}
    described = [
        {"name": tool.name, "description": tool.description or "", "parameters": tool.parameters_json_schema}
        for tool in tools.values()
    ]
    return {"tools": described, "tool_choice": next(iter(tools)) if how == "required" and len(tools) == 1 else how}
