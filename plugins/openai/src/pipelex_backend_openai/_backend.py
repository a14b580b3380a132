"""The backends: requests and answers go through `_chat`, `_responses` and `_images`; nothing is decided here."""

from __future__ import annotations

from typing import TYPE_CHECKING

from attrs import evolve

from pipelex_backend_openai._chat import chat_body, object_body, streamed
from pipelex_backend_openai._chat_answer import ChatReading
from pipelex_backend_openai._clients import azure_client, openai_client
from pipelex_backend_openai._endpoint import Endpoint
from pipelex_backend_openai._schema import without_nulls
from pipelex_backend_openai._traits import traits_of
from pipelex_core.backend import ModelLister, ObjectGenerator, TextGenerator, TextStreamer
from pipelex_core.errors import ContentFilterError, InvalidAnswerError

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    import httpx2

    from pipelex_backend_openai._clients import Connected
    from pipelex_backend_openai._traits import Traits
    from pipelex_core.backend import Resources
    from pipelex_core.requests import ObjectRequest, TextAnswer, TextRequest
    from pipelex_core.specs import BackendConfig, ModelSpec

_CHAT = "/chat/completions"


class EndpointBackend(ModelLister):
    """What all backends of this plugin have: one endpoint, and its traits."""

    _endpoint: Endpoint

    def __init__(self, config: BackendConfig) -> None:
        super().__init__(config)
        self._traits = traits_of(config.name, config.options)

    async def open(self, resources: Resources) -> None:
        """Make the SDK's client on the shared connection pool."""
        self._endpoint = Endpoint(self._connected(resources.http()))

    async def list_models(self) -> tuple[str, ...]:
        """The ids of `GET /models`."""
        data = await self._endpoint.get("/models")
        models = data.get("data")
        if not isinstance(models, list):
            msg = "the answer is no list of models"
            raise InvalidAnswerError(msg, raw=data)
        return tuple(model["id"] for model in models if isinstance(model, dict) and isinstance(model.get("id"), str))

    def _connected(self, http: httpx2.AsyncClient) -> Connected:
        return openai_client(self.config, http)

    def _traits_for(self, spec: ModelSpec) -> Traits:
        return self._traits.overridden(spec.options) if spec.options else self._traits


class ChatBackend(EndpointBackend, TextGenerator, TextStreamer, ObjectGenerator):
    """Chat completions of OpenAI and of everything compatible."""

    def __init__(self, config: BackendConfig) -> None:
        super().__init__(config)
        self._provider = f"{config.name}/chat"

    async def generate_text(self, request: TextRequest) -> TextAnswer:
        """One chat completion."""
        traits = self._traits_for(request.spec)
        body = chat_body(request, traits, self._provider)
        return await self._endpoint.ask(_CHAT, body, ChatReading(traits, self._provider))

    def stream_text(self, request: TextRequest) -> AsyncIterator[str | TextAnswer]:
        """One chat completion, streamed."""
        traits = self._traits_for(request.spec)
        return self._endpoint.stream(
            _CHAT,
            lambda: streamed(chat_body(request, traits, self._provider), traits),
            ChatReading(traits, self._provider),
        )

    async def generate_object(self, request: ObjectRequest) -> TextAnswer:
        """One chat completion whose text, or whose forced tool call, is the object."""
        traits = self._traits_for(request.spec)
        sent = object_body(request, traits, self._provider)
        reading = ChatReading(traits, self._provider, object_tool=sent.tool)
        answer = await self._endpoint.ask(_CHAT, sent.body, reading)
        return object_answer(answer, sent.nullable)


def object_answer(answer: TextAnswer, nullable: frozenset[str]) -> TextAnswer:
    """The answer as a JSON document; a refusal is an error, because it is none."""
    if answer.finish_reason == "content_filter":
        msg = f"the provider refused to answer: {answer.text}" if answer.text else "the provider withheld the answer"
        raise ContentFilterError(msg, request_id=answer.request_id, raw=answer.raw)
    text = without_nulls(answer.text, nullable)
    return answer if text is answer.text else evolve(answer, text=text)


class AzureChatBackend(ChatBackend):
    """Chat completions of Azure OpenAI and AI Foundry."""

    def _connected(self, http: httpx2.AsyncClient) -> Connected:
        return azure_client(self.config, http)
