"""A small sound backend of a provider that speaks OpenAI's chat completions, on core's connection pool."""

from __future__ import annotations

import codecs
import json
from contextlib import aclosing
from typing import TYPE_CHECKING, Any

import httpx2

from pipelex_core.answers import says_something
from pipelex_core.backend import ObjectGenerator, TextGenerator, TextStreamer
from pipelex_core.errors import (
    CallError,
    ContentFilterError,
    ContextTooLongError,
    InvalidAnswerError,
    ProviderConnectionError,
    error_class_for_status,
)
from pipelex_core.headers import retry_after
from pipelex_core.parts import TextPart
from pipelex_core.results import TextAnswer, Usage

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, AsyncIterator, Mapping

    from pipelex_core.backend import Resources
    from pipelex_core.requests import ObjectRequest, TextRequest

_WRONG_FORM = (LookupError, TypeError, ValueError, AttributeError, RecursionError)
_BY_CODE: dict[str, type[CallError]] = {
    "context_length_exceeded": ContextTooLongError,
    "content_filter": ContentFilterError,
}


class Sound(TextGenerator, TextStreamer, ObjectGenerator):
    """Text, streams and objects."""

    async def open(self, resources: Resources) -> None:
        self.http = resources.http()

    async def generate_text(self, request: TextRequest) -> TextAnswer:
        body, headers = await self.post(self.body(request), request.timeout)
        return says_something(self.read(body, headers), request)

    async def generate_object(self, request: ObjectRequest) -> TextAnswer:
        format_ = {"type": "json_schema", "json_schema": {"name": request.schema_name, "schema": dict(request.schema)}}
        body, headers = await self.post({**self.body(request), "response_format": format_}, request.timeout)
        return says_something(self.read(body, headers), request)

    async def stream_text(self, request: TextRequest) -> AsyncIterator[str | TextAnswer]:
        requested = {**self.body(request), "stream": True, "stream_options": {"include_usage": True}}
        text, finish, usage = "", None, Usage()
        headers: dict[str, str] = {}
        try:
            async with aclosing(self.events(requested, request.timeout, headers)) as events:
                async for event in events:
                    if "error" in event:
                        raise error_class_for_status(500)(self.stated(event))
                    usage = self.usage(event["usage"]) if event.get("usage") else usage
                    for choice in event["choices"]:
                        finish = choice.get("finish_reason") or finish
                        if piece := choice["delta"].get("content"):
                            text += piece
                            yield piece
        except CallError as error:
            error.partial_text = text or None
            raise
        except _WRONG_FORM as error:
            msg = f"an event that cannot be read: {type(error).__name__}"
            raise InvalidAnswerError(msg, partial_text=text) from None
        if finish is None:
            msg = "the stream ended before the answer did"
            raise ProviderConnectionError(msg, partial_text=text)
        answer = TextAnswer(
            text=text, finish_reason=self.finish(finish), usage=usage, request_id=headers.get("x-request-id"), raw=text
        )
        yield says_something(answer, request)

    # ── What goes out ─────────────────────────────────────────────────────────────────────────────────────────────

    def body(self, request: TextRequest) -> dict[str, Any]:
        """The request as the provider wants it."""
        messages = [{"role": "system", "content": request.system}] if request.system else []
        for message in request.messages:
            text = "".join(part.text for part in message.parts if isinstance(part, TextPart))
            messages.append({"role": message.role, "content": text})
        settings = {"temperature": request.temperature, "max_tokens": request.max_tokens}
        provided = {name: value for name, value in settings.items() if value is not None}
        return {"model": request.spec.model_id, "messages": messages, **provided}

    def headers(self) -> dict[str, str]:
        """The headers of every request."""
        assert self.config.api_key is not None
        return {"Authorization": f"Bearer {self.config.api_key.reveal()}"}

    def url(self) -> str:
        """Where requests go."""
        return f"{self.config.endpoint}/chat/completions"

    async def post(self, body: Mapping[str, Any], seconds: float | None) -> tuple[Any, Mapping[str, str]]:
        """One request, and the JSON of its answer."""
        async with self.sent(body, seconds) as response:
            try:
                data = await response.aread()
            except httpx2.HTTPError as error:
                raise self.broken(error) from None
        if response.status_code != 200:
            raise self.error(response, data)
        try:
            return json.loads(data), response.headers
        except _WRONG_FORM:
            msg = "the answer is not JSON"
            raise InvalidAnswerError(msg, raw=data[:200].decode("utf-8", "replace")) from None

    async def events(
        self, body: Mapping[str, Any], seconds: float | None, headers: dict[str, str]
    ) -> AsyncGenerator[Any, None]:
        """The events of a streamed answer."""
        async with self.sent(body, seconds) as response:
            headers.update(response.headers)
            if response.status_code != 200:
                raise self.error(response, await response.aread())
            decoder, waiting = codecs.getincrementaldecoder("utf-8")(), ""
            try:
                async for data in response.aiter_raw():
                    waiting += decoder.decode(data)
                    *whole, waiting = waiting.split("\n\n")
                    for line in (line for block in whole for line in block.split("\n") if line.startswith("data: ")):
                        if line != "data: [DONE]":
                            yield json.loads(line.removeprefix("data: "))
            except httpx2.HTTPError as error:
                raise self.broken(error) from None

    def sent(self, body: Mapping[str, Any], seconds: float | None) -> Any:
        """One request on its way, as a context manager."""
        return _Sent(self, self.http.stream("POST", self.url(), json=body, headers=self.headers(), timeout=seconds))

    # ── What comes back ───────────────────────────────────────────────────────────────────────────────────────────

    def read(self, body: Any, headers: Mapping[str, str]) -> TextAnswer:
        """The answer."""
        try:
            choice = body["choices"][0]
            return TextAnswer(
                text=choice["message"]["content"] or "",
                finish_reason=self.finish(choice["finish_reason"]),
                usage=self.usage(body["usage"]),
                request_id=headers.get("x-request-id"),
                raw=body,
            )
        except _WRONG_FORM as error:
            msg = f"the answer cannot be read: {type(error).__name__}"
            raise InvalidAnswerError(msg, raw=body) from None

    def finish(self, reason: str) -> Any:
        """The finish reason in our words."""
        return reason if reason in {"stop", "length", "content_filter"} else "other"

    def usage(self, counts: Mapping[str, Any]) -> Usage:
        """The counts in our terms."""
        details = counts.get("prompt_tokens_details") or {}
        return Usage(
            input_tokens=counts["prompt_tokens"],
            output_tokens=counts["completion_tokens"],
            cached_tokens=details.get("cached_tokens"),
        )

    def error(self, response: Any, data: bytes) -> CallError:
        """The error of a status."""
        kind = error_class_for_status(response.status_code)
        try:
            body = json.loads(data)
            reported = self.stated(body)
            kind = _BY_CODE.get(body["error"].get("code"), kind)
        except _WRONG_FORM:
            reported = "no error of its own"
        return kind(
            f"the provider says: {reported}",
            status=response.status_code,
            request_id=response.headers.get("x-request-id"),
            retry_after=retry_after(response.headers),
        )

    def stated(self, body: Any) -> str:
        """The message of an error, without the key."""
        assert self.config.api_key is not None
        return str(body["error"]["message"]).replace(self.config.api_key.reveal(), "***")[:300]

    def broken(self, error: Exception) -> CallError:
        """The error of a connection."""
        return ProviderConnectionError(f"the connection broke: {type(error).__name__}")


class _Sent:
    """A request on its way; what its connection raises is ours."""

    def __init__(self, backend: Sound, sending: Any) -> None:
        self.backend = backend
        self.sending = sending

    async def __aenter__(self) -> Any:
        try:
            return await self.sending.__aenter__()
        except (TimeoutError, httpx2.HTTPError, OSError) as error:
            raise self.backend.broken(error) from None

    async def __aexit__(self, *reported: object) -> None:
        await self.sending.__aexit__(*reported)
