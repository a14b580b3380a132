"""Claude, wherever the Messages API is spoken: a request becomes one call, and its answer ours.

`pipelex-backend-vertexai` builds on this module: of this distribution it knows `claude` and `options`, and nothing else.
"""

from __future__ import annotations

from abc import abstractmethod
from contextlib import aclosing
from typing import TYPE_CHECKING, Any, ClassVar

from pipelex_backend_anthropic._answer import object_of_tool, read_answer
from pipelex_backend_anthropic._client import MessagesClient
from pipelex_backend_anthropic._errors import translated_errors
from pipelex_backend_anthropic._pauses import MOST, continued, is_paused, joined
from pipelex_backend_anthropic._request import counted_body, message_body, other_tools
from pipelex_backend_anthropic._stream import StreamedMessage
from pipelex_core.answers import says_something
from pipelex_core.backend import ObjectGenerator, ObjectStreamer, TextGenerator, TextStreamer, TokenCounter
from pipelex_core.errors import CallError
from pipelex_core.requests import ObjectRequest

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, AsyncIterator

    import httpx2

    from pipelex_backend_anthropic._request import Body
    from pipelex_core.backend import Resources
    from pipelex_core.requests import TextRequest
    from pipelex_core.results import TextAnswer


__all__ = ["ClaudeBackend", "MessagesClient", "translated_errors"]


class ClaudeBackend(TextGenerator, TextStreamer, ObjectGenerator, ObjectStreamer, TokenCounter):
    """Claude models, by the Messages API; a subclass connects to whoever serves it.

    The connection pool is core's, and so is closing it.
    """

    loggers: ClassVar[tuple[str, ...]] = ("anthropic",)
    objects_with_tools: ClassVar[bool] = True
    hosted_tools: ClassVar[frozenset[str]] = frozenset({"web_search"})

    _client: MessagesClient

    @abstractmethod
    async def connect(self, http: httpx2.AsyncClient) -> MessagesClient:
        """Make the client on the pool.

        Raises:
            AuthenticationError: There is no key, or no usable credentials.
        """

    def body(self, request: TextRequest) -> Body:
        """What to send."""
        return message_body(request, self.config.options)

    async def open(self, resources: Resources) -> None:
        """Make the SDK's client."""
        self._client = await self.connect(resources.http())

    async def generate_text(self, request: TextRequest) -> TextAnswer:
        """The answer, whole."""
        message, request_id = await self._sent(self.body(request), request)
        answer = read_answer(message, model_id=request.spec.model_id, request_id=request_id)
        return says_something(answer, request, message["stop_reason"])

    async def generate_object(self, request: ObjectRequest) -> TextAnswer:
        """The JSON document: the text of a structured output, or the arguments of the tool that asks for it."""
        body = self.body(request)
        message, request_id = await self._sent(body, request)
        answer = read_answer(message, model_id=request.spec.model_id, request_id=request_id, keeps_cut=True)
        return object_of_tool(answer, other_tools(body, request))

    def read_message(self, message: Any, request: TextRequest) -> TextAnswer:
        """Read a message of a batch as the answer to a request; of an `ObjectRequest`, its text is the JSON document."""
        is_object = isinstance(request, ObjectRequest)
        answer = read_answer(message, model_id=request.spec.model_id, request_id=None, keeps_cut=is_object)
        if isinstance(request, ObjectRequest):
            return object_of_tool(answer, other_tools(self.body(request), request))
        return says_something(answer, request, message["stop_reason"])

    async def _sent(self, body: Body, request: TextRequest) -> tuple[Any, str | None]:
        """The message that answers a request, however often the API pauses it, and the id of the last request."""
        message, request_id = await self._client.send(body, request.timeout)
        for _ in range(MOST):
            if not is_paused(message):
                break
            try:
                more, request_id = await self._client.send(continued(body, message), request.timeout)
            except CallError as error:
                _keep(error, message, request.spec.model_id)
                raise
            message = joined(message, more)
        return message, request_id

    def stream_text(self, request: TextRequest) -> AsyncIterator[str | TextAnswer]:
        """Deltas of text, then the answer."""
        return self._stream(request, self.body(request))

    async def stream_object(self, request: ObjectRequest) -> AsyncIterator[str | TextAnswer]:
        """The JSON document as it comes, in text or in a call, then the answer."""
        body = self.body(request)
        others = other_tools(body, request)
        by_tool = not others and bool(body.get("tools"))
        async with aclosing(self._stream(request, body, by_tool=by_tool, is_object=True)) as events:
            async for event in events:
                yield event if isinstance(event, str) else object_of_tool(event, others)

    async def _stream(
        self, request: TextRequest, body: Body, *, is_object: bool = False, by_tool: bool = False
    ) -> AsyncGenerator[str | TextAnswer, None]:
        """Deltas, then the answer; the stream is read to its end, so that its connection serves again."""
        streamed = StreamedMessage(shows_input=by_tool)
        request_id: str | None = None
        before: dict[str, Any] | None = None  # what came before a pause
        requested = body
        try:
            for _ in range(1 + MOST):
                streamed = StreamedMessage(shows_input=by_tool)
                async with aclosing(self._client.events(requested, request.timeout)) as events:
                    async for event, request_id in events:  # noqa: B007 -- used after the loop
                        delta = streamed.add(event)
                        if delta is not None:
                            yield delta
                message = streamed.message() if before is None else joined(before, streamed.message())
                if not is_paused(message):
                    break
                before, requested = message, continued(body, message)
            answer = read_answer(message, model_id=request.spec.model_id, request_id=request_id, keeps_cut=is_object)
            if not is_object:
                answer = says_something(answer, request, message["stop_reason"])
        except CallError as error:
            if streamed.has_begun:
                error.partial_text = streamed.text
            if before is not None and error.usage is None:
                _keep(error, before, request.spec.model_id, streamed.text)
            error.request_id = error.request_id or request_id
            raise
        yield answer

    async def count_tokens(self, request: TextRequest) -> int:
        """Anthropic's count, which it calls an estimate of its own: it may differ by a few tokens from what is billed."""
        return await self._client.count(counted_body(request, self.config.options), request.timeout)


def _keep(error: CallError, message: dict[str, Any], model_id: str, more: str = "") -> None:
    """Keep what came, and was paid for, before a paused answer failed to go on."""
    before = read_answer(message, model_id=model_id, request_id=None)
    error.usage, error.partial_text = before.usage, before.text + more or None
