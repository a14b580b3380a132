"""Streams: opened by the SDK, read here.

The SDK builds and sends the request with its credentials and raises its errors; where the answer is a stream it gets an
empty one from `Pool`, and the true one is read here. Reading it there costs ten times as much a chunk, fails at
comments and at U+2028, and leaves the connection open where its iteration is left early.
"""

from __future__ import annotations

import json
from contextlib import contextmanager
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any

import httpx2

from pipelex_backend_google._errors import reported
from pipelex_core.errors import InvalidAnswerError
from pipelex_http.events import EventData

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator

_HEARD: ContextVar[list[httpx2.Request] | None] = ContextVar("the requests that the SDK sends", default=None)
_TAKEN: ContextVar[list[httpx2.Response]] = ContextVar("the answer to the stream that is being opened")


class Pool(httpx2.AsyncClient):
    """The shared connection pool as the SDK gets it; it stays its owner's to close."""

    def __init__(self, shared: httpx2.AsyncClient) -> None:
        super().__init__(transport=httpx2.AsyncBaseTransport(), trust_env=False)  # never used, and free to make
        self._shared = shared

    async def send(self, request: httpx2.Request, *, stream: bool = False, **options: Any) -> httpx2.Response:
        """Send through the shared pool; the answer to a stream is kept for `open_stream`."""
        if (heard := _HEARD.get()) is not None:
            heard.append(request)
        response = await self._shared.send(request, stream=stream, **options)
        if response.status_code >= 400:
            return await _legible(response, request)
        if not stream or response.status_code != 200:
            return response
        _TAKEN.get().append(response)
        return httpx2.Response(200, request=request)

    @contextmanager
    def heard(self) -> Iterator[list[httpx2.Request]]:
        """The requests that are sent in here."""
        requests: list[httpx2.Request] = []
        token = _HEARD.set(requests)
        try:
            yield requests
        finally:
            _HEARD.reset(token)


async def _legible(response: httpx2.Response, request: httpx2.Request) -> httpx2.Response:
    """An error; without its body where the SDK would fail to decode that, and never say that it was an error."""
    try:
        json.loads(await response.aread())
    except (UnicodeDecodeError, RecursionError):
        return httpx2.Response(
            response.status_code, headers={**response.headers, "content-length": "0"}, request=request
        )
    except ValueError:
        pass  # a web page, say, whose text the SDK takes as it is
    return response


async def open_stream(chunks: AsyncIterator[Any]) -> httpx2.Response:
    """The answer behind a stream of the SDK that has not begun; whoever takes it closes it."""
    taken: list[httpx2.Response] = []
    before = _TAKEN.set(taken)
    try:
        async for _ in chunks:
            pass  # there are none: this sends the request, and raises what the SDK raises
    except BaseException:
        for response in taken:
            await response.aclose()
        raise
    finally:
        _TAKEN.reset(before)
    return taken[0]


async def events(response: httpx2.Response) -> AsyncIterator[dict[str, Any]]:
    """The JSON objects of a stream of server-sent events.

    Raises:
        InvalidAnswerError: It is no such stream.
        APIError: An event is an error.
    """
    stream = EventData(response.aiter_bytes())
    is_stream = False
    async for data in stream:
        is_stream = True
        yield _event(data, response)
    if stream.rest:
        try:
            event = _event(stream.rest, response)
        except ValueError:
            return  # the stream was cut within it
        yield event
    elif not (is_stream or response.headers.get("content-type", "").startswith("text/event-stream")):
        msg = "Google's answer is not a stream of events: is the endpoint right?"
        raise InvalidAnswerError(msg)


def _event(data: bytes, response: httpx2.Response) -> dict[str, Any]:
    event = json.loads(data)
    if not isinstance(event, dict):
        msg = "an event of Google's stream is not a JSON object"
        raise InvalidAnswerError(msg, raw=event)
    error = event.get("error")
    if error is not None:
        raise reported(error, response)
    return event
