"""Mistral's chat and OCR, wherever they are served: request, call, answer.

`pipelex-backend-vertexai` builds on this module: of this distribution it knows `models` and `options`, and nothing else.
"""

from __future__ import annotations

from abc import abstractmethod
from typing import TYPE_CHECKING, ClassVar

from pipelex_backend_mistral._chat_answer import Gathered, gathered_answer
from pipelex_backend_mistral._chat_request import chat_body, size_of
from pipelex_backend_mistral._client import MistralClient
from pipelex_backend_mistral._ocr import document_answer, ocr_body
from pipelex_core.answers import says_something
from pipelex_core.backend import DocumentExtractor, ObjectGenerator, ObjectStreamer, TextGenerator, TextStreamer
from pipelex_core.deltas import ReasoningDelta
from pipelex_core.errors import CallError, PluginError, ProviderConnectionError
from pipelex_core.requests import ObjectRequest

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    import httpx2

    from pipelex_backend_mistral._errors import Doubt
    from pipelex_core.backend import Resources
    from pipelex_core.requests import ExtractRequest, TextRequest
    from pipelex_core.results import DocumentAnswer, TextAnswer

__all__ = ["MistralClient", "MistralModels"]

# The SDK's names of its operations: its tracing goes by them.
_CHAT = ("/v1/chat/completions", "chat_completion_v1_chat_completions_post")
_STREAM = ("/v1/chat/completions", "stream_chat")
_OCR = ("/v1/ocr", "ocr_v1_ocr_post")


class MistralModels(TextGenerator, TextStreamer, ObjectGenerator, ObjectStreamer, DocumentExtractor):
    """Chat and OCR; a subclass connects to whoever serves them."""

    objects_with_tools: ClassVar[bool] = True
    gives_logprobs: ClassVar[bool] = True
    gives_several: ClassVar[bool] = True

    _opened: MistralClient | None = None

    @abstractmethod
    async def connect(self, http: httpx2.AsyncClient) -> MistralClient:
        """Make the client on the pool.

        Raises:
            AuthenticationError: There is no key, or no usable credentials.
        """

    async def open(self, resources: Resources) -> None:
        """Make the SDK's client on the shared pool."""
        self._opened = await self.connect(resources.http())

    async def close(self) -> None:
        """Let go of it."""
        if self._opened is not None:
            self._opened.close()
            self._opened = None

    @property
    def _client(self) -> MistralClient:
        if self._opened is None:
            msg = f"backend '{self.config.name}' is not open"
            raise PluginError(msg)
        return self._opened

    async def generate_text(self, request: TextRequest) -> TextAnswer:
        """One chat completion."""
        gathered = await self._chat(request)
        return says_something(gathered.answer(), request, gathered.finish_reason)

    async def generate_object(self, request: ObjectRequest) -> TextAnswer:
        """One chat completion with a `response_format`."""
        return (await self._chat(request)).answer()

    def stream_text(self, request: TextRequest) -> AsyncIterator[str | TextAnswer]:
        """One chat completion, streamed."""
        return self._stream(request)

    def stream_object(self, request: ObjectRequest) -> AsyncIterator[str | TextAnswer]:
        """One chat completion with a `response_format`, streamed."""
        return self._stream(request)

    async def _stream(self, request: TextRequest) -> AsyncIterator[str | TextAnswer]:
        """One chat completion, streamed; the chunk with the finish reason is its last."""
        body = chat_body(request, stream=True)
        events = self._client.events(*_STREAM, body, too_long=_may_be_too_long(request))
        gathered = Gathered(request_id=None)
        try:
            async for event in events:
                gathered.request_id = event.request_id
                delta = gathered.take(event.payload, "delta")
                if gathered.thought:
                    yield ReasoningDelta(gathered.thought)
                if delta:
                    yield delta
        except CallError as error:
            error.partial_text = "".join(gathered.text) or None
            if gathered.finish_reason is None or not isinstance(error, ProviderConnectionError):
                raise  # else only the connection's end is missing
        finally:
            await events.aclose()
        if gathered.finish_reason is None:
            msg = "Mistral's stream ended before the answer did"
            partial = "".join(gathered.text) or None
            raise ProviderConnectionError(msg, request_id=gathered.request_id, partial_text=partial)
        answer = gathered.answer()
        yield answer if isinstance(request, ObjectRequest) else says_something(answer, request, gathered.finish_reason)

    async def extract(self, request: ExtractRequest) -> DocumentAnswer:
        """One OCR call, with the document in it."""
        return await self._read(request, request.document.as_url())

    async def _chat(self, request: TextRequest) -> Gathered:
        answered = await self._client.call(*_CHAT, chat_body(request), too_long=_may_be_too_long(request))
        return gathered_answer(answered.payload, answered.request_id)

    async def _read(self, request: ExtractRequest, url: str) -> DocumentAnswer:
        answered = await self._client.call(*_OCR, ocr_body(request, url))
        return document_answer(answered.payload, request, answered.request_id)


def _may_be_too_long(request: TextRequest) -> Doubt:
    """Whether a request has as many characters as its model has tokens of context: only then can it be too long."""
    window = request.spec.context_window
    return lambda: window is not None and size_of(request) >= window
