"""Calls of models on endpoints: the body, the RPC, the answer, and errors as core's."""

from __future__ import annotations

import json
from contextlib import aclosing
from typing import TYPE_CHECKING, Any

from google.auth.exceptions import GoogleAuthError

from pipelex_backend_google.gemini import call_error
from pipelex_backend_vertexai._chat_answer import ChatReading
from pipelex_backend_vertexai._chat_body import chat_body
from pipelex_backend_vertexai._endpoint_errors import endpoint_error
from pipelex_core.errors import CallError, InvalidAnswerError, ProviderConnectionError
from pipelex_http.events import EventData

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable

    from pipelex_backend_vertexai._endpoints import Endpoint
    from pipelex_backend_vertexai._prediction import Prediction
    from pipelex_core.requests import TextRequest
    from pipelex_core.specs import Secret


async def ask(
    prediction: Prediction, address: str, endpoint: Endpoint, request: TextRequest, secret: Callable[[], Secret | None]
) -> ChatReading:
    """An answer, whole.

    Raises:
        CallError: It failed, or the answer cannot be read.
    """
    body = json.dumps(chat_body(request, endpoint.model)).encode()
    reading = ChatReading()
    try:
        data = b"".join([piece async for piece in prediction.chat(address, endpoint.name, body)])
        reading.take(json.loads(data), "message")
    except Exception as error:  # noqa: BLE001 -- the SDK raises far outside its own classes: see the table
        failure = _failure(error, secret())
    else:
        return reading
    raise failure  # out here, so that it does not carry the SDK's error, and the token in its request, along


async def stream(
    prediction: Prediction, address: str, endpoint: Endpoint, request: TextRequest, secret: Callable[[], Secret | None]
) -> AsyncGenerator[str | ChatReading, None]:
    """The text of an answer as it comes, then all that was read.

    Raises:
        CallError: It failed, or ended before the answer was complete.
    """
    body = json.dumps(chat_body(request, endpoint.model, stream=True)).encode()
    reading, failure = ChatReading(), None
    try:
        async with aclosing(_events(prediction.chat(address, endpoint.name, body))) as events:
            async for event in events:
                delta = reading.take(event, "delta")
                if delta:
                    yield delta
    except Exception as error:  # noqa: BLE001 -- as in `ask`
        failure = _failure(error, secret())
        failure.partial_text = reading.text or None
    if failure is not None:
        raise failure
    if reading.finish is None:
        msg = "the endpoint's stream ended before the answer was complete"
        raise ProviderConnectionError(msg, partial_text=reading.text or None)
    yield reading


async def _events(pieces: AsyncGenerator[bytes, None]) -> AsyncGenerator[Any, None]:
    """The JSON data of server-sent events; or the JSON of an error, or of an answer, that was not streamed."""
    before: list[bytes] = []
    is_stream = False

    async def noted(source: AsyncGenerator[bytes, None]) -> AsyncGenerator[bytes, None]:
        async for piece in source:
            if not is_stream:
                before.append(piece)
            yield piece

    async with aclosing(pieces) as source:
        stream = EventData(noted(source))
        async for data in stream:
            is_stream = True
            before.clear()
            if data != b"[DONE]":
                yield json.loads(data)
    if stream.rest:
        if stream.rest != b"[DONE]":
            yield json.loads(stream.rest)
    elif not is_stream and (whole := b"".join(before).strip()).startswith((b"{", b"[", b"\xef\xbb\xbf")):
        yield json.loads(whole)


def _failure(error: Exception, secret: Secret | None) -> CallError:
    """An error as core's, without the access token."""
    if not isinstance(error, CallError | GoogleAuthError):
        from google.api_core.exceptions import GoogleAPICallError

        if isinstance(error, GoogleAPICallError):
            error = endpoint_error(error)
        else:
            error = InvalidAnswerError(f"the endpoint's answer could not be read ({type(error).__name__})")
    return call_error(error, secret)
