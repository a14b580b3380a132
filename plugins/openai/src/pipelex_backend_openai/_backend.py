"""The backends: requests and answers go through `_chat`, `_responses` and `_images`; nothing is decided here."""

from __future__ import annotations

from contextlib import aclosing
from functools import partial
from typing import TYPE_CHECKING, Any, ClassVar, TypeVar

from pipelex_backend_openai._batches import BatchingBackend, RequestBody
from pipelex_backend_openai._chat import chat_body, object_body, streamed
from pipelex_backend_openai._chat_answer import ChatReading
from pipelex_backend_openai._clients import azure_client, azure_has_responses
from pipelex_backend_openai._endpoint_backend import CHAT, EmbeddingBackend, EndpointBackend, ImageBackend
from pipelex_backend_openai._fetch import with_documents
from pipelex_backend_openai._further import FurtherCalls
from pipelex_backend_openai._objects import object_answer
from pipelex_backend_openai._responses import response_body, response_object_body
from pipelex_backend_openai._responses_answer import ResponseReading
from pipelex_backend_openai._traits import traits_of
from pipelex_core.answers import says_something
from pipelex_core.backend import (
    ObjectGenerator,
    ObjectStreamer,
    TextGenerator,
    TextStreamer,
    TokenCounter,
)
from pipelex_core.errors import InvalidAnswerError
from pipelex_core.requests import ObjectRequest

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, AsyncIterator

    import httpx2

    from pipelex_backend_openai._clients import Connected
    from pipelex_backend_openai._objects import ObjectBody
    from pipelex_backend_openai._traits import Traits
    from pipelex_core.requests import TextRequest
    from pipelex_core.results import TextAnswer
    from pipelex_core.specs import BackendConfig

RequestT = TypeVar("RequestT", bound="TextRequest")

_RESPONSES = "/responses"
_COUNT = "/responses/input_tokens"
_COUNTED = frozenset({"input", "instructions", "model", "reasoning", "text", "tool_choice", "tools"})
"""What has tokens: https://platform.openai.com/docs/api-reference/responses/input-tokens."""


class ResponsesBackend(
    EndpointBackend, BatchingBackend, TextGenerator, TextStreamer, ObjectGenerator, ObjectStreamer, TokenCounter
):
    """The Responses API of OpenAI and of everything compatible."""

    hosted_tools: ClassVar[frozenset[str]] = frozenset({"web_search"})
    gives_logprobs: ClassVar[bool] = True

    def __init__(self, config: BackendConfig) -> None:
        super().__init__(config)
        self._responses_provider = f"{config.name}/responses"

    async def generate_text(self, request: TextRequest) -> TextAnswer:
        """One response."""
        body = response_body(request, self._traits_for(request.spec), self._responses_provider)
        return says_something(
            await self._endpoint.ask(_RESPONSES, body, partial(ResponseReading, self._responses_provider)), request
        )

    def stream_text(self, request: TextRequest) -> AsyncIterator[str | TextAnswer]:
        """One response, streamed."""
        traits = self._traits_for(request.spec)

        async def body() -> dict[str, Any]:
            return {**response_body(request, traits, self._responses_provider), "stream": True}

        return self._endpoint.stream(_RESPONSES, body, ResponseReading(self._responses_provider), request)

    async def generate_object(self, request: ObjectRequest) -> TextAnswer:
        """One response whose text, or whose forced call of a tool, is the object."""
        requested = response_object_body(request, self._traits_for(request.spec), self._responses_provider)
        reads = partial(ResponseReading, self._responses_provider, object_tool=requested.tool, others=requested.others)
        return object_answer(await self._endpoint.ask(_RESPONSES, requested.body, reads), requested.sent)

    async def stream_object(self, request: ObjectRequest) -> AsyncGenerator[str | TextAnswer, None]:
        """The same, streamed."""
        requested = response_object_body(request, self._traits_for(request.spec), self._responses_provider)

        async def body() -> dict[str, Any]:
            return {**requested.body, "stream": True}

        reading = ResponseReading(self._responses_provider, object_tool=requested.tool, others=requested.others)
        finish = partial(_object_of, requested)
        async with aclosing(self._endpoint.stream(_RESPONSES, body, reading, request, finish)) as events:
            async for event in events:
                yield event

    async def count_tokens(self, request: TextRequest) -> int:
        """OpenAI's count of a response's input, which chat completions have none of; most compatible endpoints have neither."""
        traits, provider = self._traits_for(request.spec), self._responses_provider
        if isinstance(request, ObjectRequest):
            body = response_object_body(request, traits, provider).body
        else:
            body = response_body(request, traits, provider)
        data, identity = await self._endpoint.post(_COUNT, {name: body[name] for name in body if name in _COUNTED})
        if not isinstance(tokens := data.get("input_tokens"), int):
            msg = "the answer has no count of tokens"
            raise InvalidAnswerError(msg, raw=data, request_id=identity)
        return tokens

    def requested_body(self, request: TextRequest) -> RequestBody:
        """One response, as a line of a batch."""
        traits, provider = self._traits_for(request.spec), self._responses_provider
        if not isinstance(request, ObjectRequest):
            return RequestBody(
                path=_RESPONSES, body=response_body(request, traits, provider), reading=ResponseReading(provider)
            )
        requested = response_object_body(request, traits, provider)
        reading = ResponseReading(provider, object_tool=requested.tool, others=requested.others)
        return RequestBody(path=_RESPONSES, body=requested.body, reading=reading, sent=requested.sent)


class ChatBackend(ImageBackend, EmbeddingBackend, ResponsesBackend, FurtherCalls):
    """Chat completions of OpenAI and of everything compatible, and all else: a spec may use one sdk for them.

    A model whose spec says so has the Responses API for requests that chat completions refuse.

    Attributes:
        has_responses: Whether the endpoint has that API beside the other.
    """

    has_responses: bool = True
    gives_several: ClassVar[bool] = True

    def __init__(self, config: BackendConfig) -> None:
        super().__init__(config)
        self._provider = f"{config.name}/chat"

    async def generate_text(self, request: TextRequest) -> TextAnswer:
        """One chat completion."""
        traits = self._traits_for(request.spec)
        if self._asks_responses(request, traits):
            return await super().generate_text(request)
        request = await self._prepared(request, traits)
        body = chat_body(request, traits, self._provider)
        answer = await self._endpoint.ask(CHAT, body, partial(ChatReading, traits, self._provider))
        return says_something(answer, request)

    def stream_text(self, request: TextRequest) -> AsyncIterator[str | TextAnswer]:
        """One chat completion, streamed."""
        traits = self._traits_for(request.spec)
        if self._asks_responses(request, traits):
            return super().stream_text(request)

        async def body() -> dict[str, Any]:
            return streamed(chat_body(await self._prepared(request, traits), traits, self._provider), traits)

        return self._endpoint.stream(CHAT, body, ChatReading(traits, self._provider), request)

    async def generate_object(self, request: ObjectRequest) -> TextAnswer:
        """One chat completion whose text, or whose forced call of a tool, is the object."""
        traits = self._traits_for(request.spec)
        if self._asks_responses(request, traits):
            return await super().generate_object(request)
        request = await self._prepared(request, traits)
        requested = object_body(request, traits, self._provider)
        reads = partial(ChatReading, traits, self._provider, object_tool=requested.tool, others=requested.others)
        return object_answer(await self._endpoint.ask(CHAT, requested.body, reads), requested.sent)

    async def stream_object(self, request: ObjectRequest) -> AsyncGenerator[str | TextAnswer, None]:
        """The same, streamed."""
        traits = self._traits_for(request.spec)
        if self._asks_responses(request, traits):
            streamed_object = super().stream_object(request)
        else:
            requested = object_body(await self._prepared(request, traits), traits, self._provider)

            async def body() -> dict[str, Any]:
                return streamed(requested.body, traits)

            reading = ChatReading(traits, self._provider, object_tool=requested.tool, others=requested.others)
            finish = partial(_object_of, requested)
            streamed_object = self._endpoint.stream(CHAT, body, reading, request, finish)
        async with aclosing(streamed_object) as events:
            async for event in events:
                yield event

    def requested_body(self, request: TextRequest) -> RequestBody:
        """One chat completion, as a line of a batch."""
        traits = self._traits_for(request.spec)
        if self._asks_responses(request, traits):
            return super().requested_body(request)
        if not isinstance(request, ObjectRequest):
            body = chat_body(request, traits, self._provider)
            return RequestBody(path=CHAT, body=body, reading=ChatReading(traits, self._provider))
        requested = object_body(request, traits, self._provider)
        reading = ChatReading(traits, self._provider, object_tool=requested.tool, others=requested.others)
        return RequestBody(path=CHAT, body=requested.body, reading=reading, sent=requested.sent)

    async def prepared(self, request: TextRequest) -> TextRequest:
        """The request with its documents as bytes, where the endpoint fetches none."""
        return await self._prepared(request, self._traits_for(request.spec))

    def _asks_responses(self, request: TextRequest, traits: Traits) -> bool:
        """Whether chat completions refuse the request for what is in it, and the endpoint's Responses API takes it.

        https://platform.openai.com/docs/guides/migrate-to-responses
        """
        needed = traits.responses_for
        return self.has_responses and (
            bool(request.hosted_tools)
            or ("tools" in needed and bool(request.tools))
            or ("effort" in needed and request.reasoning_effort is not None)
        )

    async def _prepared(self, request: RequestT, traits: Traits) -> RequestT:
        """The request as the endpoint can take it: documents as bytes, where it fetches none."""
        return await with_documents(request, self._download) if traits.documents == "file" else request


def _object_of(requested: ObjectBody, answer: TextAnswer, _request: TextRequest) -> TextAnswer:
    return object_answer(answer, requested.sent)


class AzureChatBackend(ChatBackend):
    """Chat completions of Azure OpenAI and AI Foundry."""

    batch_prefix: ClassVar[str] = ""  # https://learn.microsoft.com/azure/ai-foundry/openai/how-to/batch
    lists_ids: ClassVar[bool] = False  # it lists models, and calls name deployments

    def _connected(self, http: httpx2.AsyncClient) -> Connected:
        self.has_responses = azure_has_responses(self.config)
        return azure_client(self.config, http)


class AzureResponsesBackend(ResponsesBackend):
    """The Responses API of Azure OpenAI."""

    batch_prefix: ClassVar[str] = ""  # as above
    lists_ids: ClassVar[bool] = False  # it lists models, and calls name deployments

    def _connected(self, http: httpx2.AsyncClient) -> Connected:
        return azure_client(self.config, http)


class BytesOnlyChatBackend(ChatBackend):
    """Chat completions of endpoints that download nothing: core turns URLs into bytes for them."""

    fetches_urls: ClassVar[bool] = False


def chat_backend(config: BackendConfig) -> ChatBackend:
    """The backend of sdk `openai`; whether it fetches URLs is a trait."""
    fetches_urls = traits_of(config.name, config.options).fetches_urls
    return ChatBackend(config) if fetches_urls else BytesOnlyChatBackend(config)
