"""What a backend asks of its endpoint, and how its answers are read: whole, as events, or as bytes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol, TypeVar

import httpx2
from attrs import evolve

from pipelex_backend_openai._asking import Asking, JsonObject
from pipelex_backend_openai._embeddings import read_embeddings
from pipelex_backend_openai._errors import MalformedError, request_id
from pipelex_backend_openai._usage import chat_usage, image_usage
from pipelex_core.answers import says_something
from pipelex_core.errors import CallError, InvalidAnswerError, ProviderConnectionError
from pipelex_core.results import ImageAnswer

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Mapping

    from pipelex_backend_openai._fetch import Download
    from pipelex_backend_openai._traits import Traits
    from pipelex_core.requests import TextRequest
    from pipelex_core.results import EmbeddingAnswer, Image, TextAnswer

    ReadPictures = Callable[[Mapping[str, Any], Download], Awaitable[tuple[Image, ...]]]

R = TypeVar("R")


class Reading(Protocol):
    """An answer as it is put together; raises `MalformedError`, `ReportedError`, or whatever odd data leads to.

    Attributes:
        beside: What the last event brought beside text, in order, and with its text; for whoever passes it on to clear.
    """

    beside: list[str]

    @property
    def text(self) -> str:
        """The visible text so far."""

    @property
    def is_finished(self) -> bool:
        """Whether the provider reported why the answer ended."""

    def whole(self, data: Mapping[str, Any]) -> None:
        """Take an answer that was not streamed."""

    def event(self, event: Any) -> str:
        """Take an event of a stream; the piece of visible text it holds, or nothing."""

    def answer(self, request_id: str | None) -> TextAnswer:
        """What came together."""


class Endpoint(Asking):
    """Answers read. Raises `CallError`s only."""

    async def vectors(self, path: str, body: JsonObject, traits: Traits) -> EmbeddingAnswer:
        """The vectors that answer a POST."""
        response = await self.respond(path, body)
        identity = request_id(response.headers)
        try:
            return evolve(read_embeddings(response.content, traits), request_id=identity)
        except Exception as error:  # noqa: BLE001 -- whatever an odd answer leads to
            data = self._parsed(response)  # it may be no answer at all, and then says why
            failure = self._failures.of(error)
        failure.request_id, failure.raw = identity, data
        failure.usage = chat_usage(data.get("usage"), traits)
        raise failure

    def read_answer(
        self,
        response: httpx2.Response,
        read: Callable[..., R],
        request: Any,
        *,
        or_text: bool = False,
        is_list: bool = False,
    ) -> R:
        """What `read` makes of an answer in JSON, the request and its id.

        Args:
            response: The answer.
            read: Reads it; raises `MalformedError`, or whatever odd data leads to.
            request: What was asked.
            or_text: Whether an answer in plain text is one, too: it becomes `{"text": …}`.
            is_list: Whether a list is one, too.
        """
        identity = request_id(response.headers)
        if or_text and response.headers.get("content-type", "").startswith("text/plain"):
            data: Any = {"text": response.text}
        else:
            data = self._parsed(response, is_list=is_list)
        try:
            return read(data, request, identity)
        except Exception as error:  # noqa: BLE001 -- whatever an odd answer leads to
            failure = self._failures.of(error, partial_text="")
        failure.request_id, failure.raw, failure.partial_text = identity, data, None
        raise failure

    def read_bytes(self, response: httpx2.Response, read: Callable[..., R], request: Any) -> R:
        """What `read` makes of an answer in bytes."""
        failure = self._not_sound(response)
        if failure is None:
            try:
                return read(response.content, request, request_id(response.headers))
            except Exception as error:  # noqa: BLE001 -- whatever an odd answer leads to
                failure = self._failures.of(error, partial_text="")
            failure.request_id = request_id(response.headers)
        raise failure

    async def sound(
        self, path: str, body: JsonObject, read: Callable[..., R], request: Any
    ) -> AsyncIterator[bytes | R]:
        """The bytes of an answer as they come, then what `read` makes of all of them."""
        stream = await self._opened(path, body)
        response, pieces, failure = stream.response, [], None
        try:
            failure = self._not_sound(response)
            if failure is None:
                async for piece in response.aiter_bytes():
                    pieces.append(piece)
                    yield piece
                answer = read(b"".join(pieces), request, request_id(response.headers))
        except Exception as error:  # noqa: BLE001 -- every error is ours from here on
            failure = self._failures.of(error, partial_text="")
        finally:
            await stream.close()
        if failure is not None:
            failure.request_id = failure.request_id or request_id(response.headers)
            raise failure
        yield answer

    async def sound_events(
        self, path: str, body: JsonObject, piece_of: Callable[[Any], bytes], read: Callable[..., R], request: Any
    ) -> AsyncIterator[bytes | R]:
        """The same of an answer in events, whose last one tells what was used; without it, the stream broke off."""
        stream = await self._opened(path, body)
        identity, usage = request_id(stream.response.headers), None
        failure: CallError | None = None
        pieces: list[bytes] = []
        is_finished = False
        try:
            async for event in stream:
                if piece := piece_of(event):
                    pieces.append(piece)
                    yield piece
                elif event.get("type") == "speech.audio.done":  # type: ignore[attr-defined]  # what `piece_of` looked at
                    usage, is_finished = event.get("usage"), True  # type: ignore[attr-defined]
            if not is_finished:
                failure = ProviderConnectionError("the stream ended before the speech was complete")
            else:
                answer = read(b"".join(pieces), request, identity, usage)
        except Exception as error:  # noqa: BLE001 -- every error is ours from here on
            failure = self._failures.of(error, partial_text="")
        finally:
            await stream.close()
        if failure is not None:
            failure.request_id = failure.request_id or identity
            raise failure
        yield answer

    def _not_sound(self, response: httpx2.Response) -> CallError | None:
        """What is wrong with an answer that is text where sound was asked for; None where it is not."""
        kind = response.headers.get("content-type", "")
        if not kind.startswith(("text/", "application/json")):
            return None
        failure = self._failures.of(
            MalformedError(f"sound was asked for, and the answer is {kind}: is the endpoint right?")
        )
        failure.request_id = request_id(response.headers)
        return failure

    async def ask(self, path: str, body: JsonObject, reads: Callable[[], Reading]) -> TextAnswer:
        """The answer to a POST, read by what `reads` makes once it is here."""
        try:
            response: httpx2.Response = await self._client.post(
                self._address + path, cast_to=httpx2.Response, body=body, options=self._options
            )
        except Exception as error:  # noqa: BLE001 -- every error is ours from here on
            failure = self._failures.of(error)
        else:
            return self._read_whole(response, reads())
        raise failure

    def _read_whole(self, response: httpx2.Response, reading: Reading) -> TextAnswer:
        data, identity = self._parsed(response), request_id(response.headers)
        try:
            reading.whole(data)
            return reading.answer(identity)
        except Exception as error:  # noqa: BLE001 -- whatever an odd answer leads to
            failure = self._failures.of(error, partial_text=reading.text)
        failure.request_id, failure.raw = identity, data
        raise failure

    def read(self, read: Callable[[], R], *, identity: str | None, raw: object) -> R:
        """What `read` makes of an answer that is here already."""
        try:
            return read()
        except Exception as error:  # noqa: BLE001 -- whatever an odd answer leads to
            failure = self._failures.of(error)
        failure.request_id, failure.raw = identity, raw
        raise failure

    async def pictures(self, path: str, body: JsonObject, read: ReadPictures, *, files: Any = None) -> ImageAnswer:
        """The images that answer a POST, as `read` finds them; of a form where there are files."""
        response = await self.respond(path, body, files=files)
        data, identity = self._parsed(response), request_id(response.headers)
        try:
            images = await read(data, self._download)
            usage = image_usage(data, len(images))
            return ImageAnswer(images=images, usage=usage, request_id=identity, raw=data)
        except Exception as error:  # noqa: BLE001 -- whatever an odd answer leads to
            failure = self._failures.of(error, partial_text="")
        failure.request_id, failure.raw = identity, data
        raise failure

    async def stream(
        self,
        path: str,
        body: Callable[[], Awaitable[JsonObject]],
        reading: Reading,
        request: TextRequest,
        finish: Callable[[TextAnswer, TextRequest], TextAnswer] = says_something,
    ) -> AsyncGenerator[str | TextAnswer, None]:
        """The pieces of text in the streamed answer to a POST, then the answer itself as `finish` makes it: an empty text is an error."""
        stream = await self._opened(path, await body())
        headers = stream.response.headers
        identity = request_id(headers)
        is_empty = True
        failure: CallError | None = None
        try:
            async for event in stream:
                is_empty = False
                piece = reading.event(event)
                if piece:
                    yield piece
                elif reading.beside:
                    for beside in reading.beside:
                        yield beside
                    reading.beside.clear()
            if reading.is_finished:
                answer = reading.answer(identity)
            else:
                failure = _unfinished(headers.get("content-type", "none"), reading.text, is_empty=is_empty)
        except Exception as error:  # noqa: BLE001 -- every error is ours from here on
            failure = self._failures.of(error, partial_text=reading.text)
        finally:
            await stream.close()
        if failure is not None:
            failure.request_id = failure.request_id or identity
            raise failure
        answer = finish(answer, request)
        if answer.text and not reading.text:
            yield answer.text  # it came as a whole, with the last event
        yield answer


def _unfinished(content_type: str, text: str, *, is_empty: bool) -> CallError:
    """The error for a stream that ended without saying why, or for an answer that is not a stream."""
    if is_empty and not content_type.startswith("text/event-stream"):
        message = f"a stream of events was asked for, and none came; the content type is {content_type}: is the endpoint right?"
        return InvalidAnswerError(message, partial_text=text)
    return ProviderConnectionError("the stream ended before the answer was complete", partial_text=text)
