"""Everything that can go wrong between the plugin and Mistral, through the real SDK, as our errors."""

from __future__ import annotations

import asyncio
import traceback
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import TYPE_CHECKING, Any

import httpx2
import pytest

from pipelex_backend_mistral._errors import error_of_exception
from pipelex_core import errors
from pipelex_core.results import TextAnswer
from tests.servers.base import Reply
from tests.servers.mistral import (
    HEADERS,
    KEY,
    REQUEST_ID,
    MistralServer,
    chunk,
    config,
    fault,
    message,
    opened,
    requested,
    spec,
)

if TYPE_CHECKING:
    from pipelex_core.requests import TextRequest


async def failed(reply: Reply, request: TextRequest | None = None, *, streaming: bool = False) -> errors.CallError:
    """The error of one call that is answered so; the server must have seen exactly one request."""
    async with MistralServer() as server, opened(config(server.url)) as backend:
        server.queue(reply)
        with pytest.raises(errors.CallError) as caught:
            if streaming:
                async for event in backend.stream_text(request or requested()):
                    assert not isinstance(event, TextAnswer), event
            else:
                await backend.generate_text(request or requested())
        assert len(server.received) == 1, "the SDK tried again"
        return caught.value


@pytest.mark.parametrize("streaming", [False, True])
@pytest.mark.parametrize(
    "reply, kind",
    [
        (fault(400), errors.BadRequestError),
        (fault(400, code="1500", kind="invalid_model"), errors.NotFoundError),
        (fault(400, code="3051", kind="invalid_request_invalid_args"), errors.BadRequestError),
        (fault(400, code="context_length_exceeded"), errors.ContextTooLongError),
        (Reply.json({"detail": "Unauthorized"}, status=401, headers=HEADERS), errors.AuthenticationError),
        (fault(402), errors.PermissionDeniedError),
        (fault(403), errors.PermissionDeniedError),
        (fault(404, code="3040", kind="model_not_found"), errors.NotFoundError),
        (fault(408), errors.ProviderConnectionError),
        (fault(422, {"detail": [{"loc": ["body", "x"], "msg": "Extra inputs"}]}), errors.BadRequestError),
        (fault(429, code="1300", kind="rate_limited"), errors.RateLimitError),
        (fault(500), errors.ServerError),
        (fault(503, code="1100", kind="unreachable_backend"), errors.OverloadedError),
        (fault(520), errors.ServerError),
        (fault(529), errors.OverloadedError),
    ],
)
def test_each_status_has_its_class(reply: Reply, kind: type[errors.CallError], streaming: bool) -> None:
    """By status, and by the code where it says more; with status and request id, and without a second try."""
    error = asyncio.run(failed(reply, streaming=streaming))
    assert type(error) is kind
    assert (error.status, error.request_id) == (reply.status, REQUEST_ID)


@pytest.mark.parametrize(
    "body, reported",
    [
        ({"object": "error", "message": "Rate limit exceeded"}, "says: Rate limit exceeded"),
        ({"detail": "Unauthorized"}, "says: Unauthorized"),
        ({"error": {"message": "From a gateway"}}, "says: From a gateway"),
        (
            {"detail": [{"loc": ["body", "top_p"], "msg": "Too large"}, {"msg": "No"}]},
            "says: body.top_p: Too large; No",
        ),
        ({"message": {"detail": [{"loc": ["body", "n"], "msg": "No"}]}}, "says: body.n: No"),
        ({"odd": 1}, 'says: {"odd": 1}'),
        (["odd"], "answered with application/json instead"),
    ],
)
def test_the_message_is_the_providers(body: Any, reported: str) -> None:
    """What the provider says is found in each form it has, without the rest of the body."""
    assert reported in str(asyncio.run(failed(Reply.json(body, status=400))))


@pytest.mark.parametrize("characters, kind", [(99, errors.BadRequestError), (100, errors.ContextTooLongError)])
def test_a_long_prompt_makes_an_ambiguous_code_clear(characters: int, kind: type[errors.CallError]) -> None:
    """Code 3051 is `too long` only where the prompt has as many characters as the model has tokens."""
    reply = fault(400, "too large for model", code="3051", kind="invalid_request_invalid_args")
    request = requested("x" * characters, spec=spec(context_window=100))
    assert type(asyncio.run(failed(reply, request))) is kind


@pytest.mark.parametrize(
    "value, seconds",
    [("7", 7.0), ("0.5", 0.5), ("-3", None), ("soon", None), ("nan", None), (None, None)],
)
def test_the_wait_a_provider_asks_for_is_kept(value: str | None, seconds: float | None) -> None:
    """`Retry-After` in seconds; what is not a number asks for nothing."""
    reply = Reply.json({}, status=429, headers={"Retry-After": value} if value else {})
    assert asyncio.run(failed(reply)).retry_after == seconds


def test_the_wait_may_be_a_date() -> None:
    """`Retry-After` as a date is the time until then."""
    date = format_datetime(datetime.now(UTC) + timedelta(seconds=60), usegmt=True)
    wait = asyncio.run(failed(Reply.json({}, status=429, headers={"Retry-After": date}))).retry_after
    assert wait is not None
    assert 50 < wait <= 60


@pytest.mark.parametrize("streaming", [False, True])
@pytest.mark.parametrize("status", [200, 302, 502])
def test_a_web_page_is_no_answer(status: int, streaming: bool) -> None:
    """HTML, a redirect or a gateway's page is an error that says what came, never an empty text."""
    error = asyncio.run(failed(Reply.text("<html>Sign in</html>", status=status), streaming=streaming))
    assert type(error) is (errors.ServerError if status == 502 else errors.InvalidAnswerError)
    assert "text/html" in error.message
    assert error.raw == "<html>Sign in</html>"


@pytest.mark.parametrize("body", [{}, [], None, {"choices": []}, message(""), message(None), message([])])
def test_empty_json_is_no_answer(body: Any) -> None:
    """JSON that holds no answer is an `InvalidAnswerError` that keeps it."""
    error = asyncio.run(failed(Reply.json(body)))
    assert type(error) is errors.InvalidAnswerError
    assert error.raw == body


@pytest.mark.parametrize(
    "reply",
    [
        Reply(chunks=(b'{"choices": [',)),
        Reply(chunks=(b"\xff\xfe",)),
        Reply.json(message(), headers={"Content-Encoding": "gzip"}),
    ],
    ids=["cut JSON", "no UTF-8", "no gzip"],
)
def test_a_body_that_cannot_be_read_is_no_answer(reply: Reply) -> None:
    """What the SDK or its transport cannot decode is an `InvalidAnswerError`."""
    assert type(asyncio.run(failed(reply))) is errors.InvalidAnswerError


@pytest.mark.parametrize("streaming", [False, True])
@pytest.mark.parametrize("reply", [Reply(fault="drop"), Reply.json(message(), cut_after=0)], ids=["drop", "cut"])
def test_a_broken_connection_says_so(reply: Reply, streaming: bool) -> None:
    """A connection that ends without an answer is a `ProviderConnectionError`."""
    assert type(asyncio.run(failed(reply, streaming=streaming))) is errors.ProviderConnectionError


def test_a_refused_connection_says_so() -> None:
    """So is one that nobody accepts."""

    async def main() -> None:
        async with MistralServer() as server:
            url = server.url
        async with opened(config(url)) as backend:
            with pytest.raises(errors.ProviderConnectionError, match="no answer from Mistral"):
                await backend.generate_text(requested())

    asyncio.run(main())


def test_an_endpoint_that_is_no_address_says_so() -> None:
    """An address of another kind is a wrong endpoint, not a broken connection that might come back."""

    async def main() -> None:
        async with opened(config("ftp://127.0.0.1")) as backend:
            with pytest.raises(errors.NotFoundError, match="not an http address"):
                await backend.generate_text(requested())

    asyncio.run(main())


@pytest.mark.parametrize(
    "reply, kind",
    [
        (Reply.sse(chunk("Hel"), chunk("lo")), errors.ProviderConnectionError),
        (Reply.sse(chunk("Hel"), chunk("lo"), "[DONE]"), errors.ProviderConnectionError),
        (Reply.sse(chunk("Hel"), chunk("lo"), chunk("!"), cut_after=2), errors.ProviderConnectionError),
        (Reply.sse(chunk("Hel"), chunk("lo"), "{oops"), errors.InvalidAnswerError),
        (Reply.sse(chunk("Hel"), chunk("lo"), {"odd": 1}), errors.InvalidAnswerError),
        (Reply.sse(chunk("Hel"), chunk("lo"), b"data: \xff\xfe\n\n"), errors.InvalidAnswerError),
        (Reply.sse(chunk("Hel"), chunk("lo"), chunk("", finish_reason="error")), errors.ServerError),
    ],
    ids=["ends early", "done early", "cut", "no JSON", "no chunk", "no UTF-8", "failed"],
)
def test_a_stream_that_ends_early_keeps_what_it_gave(reply: Reply, kind: type[errors.CallError]) -> None:
    """A stream without its finish reason is an error with the text so far, however quietly it ended."""
    error = asyncio.run(failed(reply, streaming=True))
    assert type(error) is kind
    assert error.partial_text == "Hello"


def test_a_stream_that_was_finished_is_an_answer() -> None:
    """After the finish reason only the end of the connection is missing, and that may break."""

    async def main() -> None:
        async with MistralServer() as server, opened(config(server.url)) as backend:
            server.queue(Reply.sse(chunk("Hi.", finish_reason="stop"), "[DONE]", cut_after=1))
            events = [event async for event in backend.stream_text(requested())]
            assert events[0] == "Hi."
            assert isinstance(events[1], TextAnswer)

    asyncio.run(main())


@pytest.mark.parametrize(
    "reply", [Reply.sse(), Reply.sse("[DONE]"), Reply.json(message())], ids=["none", "done", "json"]
)
def test_no_stream_is_no_empty_answer(reply: Reply) -> None:
    """A stream without events, and JSON where a stream was asked for, are errors."""
    error = asyncio.run(failed(reply, streaming=True))
    assert isinstance(error, (errors.InvalidAnswerError, errors.ProviderConnectionError))
    assert error.partial_text is None


@pytest.mark.parametrize(
    "event, kind",
    [
        ({"object": "error", "message": "no", "type": "rate_limited", "raw_status_code": 429}, errors.RateLimitError),
        ({"object": "error", "message": "no", "type": "rate_limit_error"}, errors.RateLimitError),
        ({"object": "error", "message": "no", "type": "service_tier_capacity_exceeded"}, errors.OverloadedError),
        ({"error": {"message": "no", "type": "server_error"}}, errors.ServerError),
        (("error", {"message": "no"}), errors.ServerError),
        (("error", "no"), errors.ServerError),
    ],
)
def test_an_error_inside_a_stream_has_its_class(event: Any, kind: type[errors.CallError]) -> None:
    """By the status it names, else by its type, with the text so far and the request's id."""
    error = asyncio.run(failed(Reply.sse(chunk("Hel"), event, headers=HEADERS), streaming=True))
    assert type(error) is kind
    assert "no" in error.message
    assert (error.partial_text, error.request_id) == ("Hel", REQUEST_ID)


@pytest.mark.parametrize(
    "reply",
    [
        fault(401, f"The key {KEY} is unknown"),
        Reply.text(f"<html>{KEY}</html>"),
        Reply.sse(("error", {"message": f"The key {KEY} is unknown"})),
    ],
    ids=["error", "web page", "event"],
)
def test_the_key_is_in_no_error(reply: Reply) -> None:
    """A provider that repeats the key does not bring it into a message, a traceback or what an error keeps."""
    error = asyncio.run(failed(reply, streaming=reply.content_type.startswith("text/event-stream")))
    reported = "".join(traceback.format_exception(error)) + repr(vars(error)) + repr(error.args)
    assert KEY not in reported
    assert "***" in reported
    assert error.__cause__ is None
    assert error.__context__ is None


@pytest.mark.parametrize(
    "raised, kind",
    [
        (httpx2.ReadTimeout("slow"), errors.ProviderConnectionError),
        (httpx2.PoolTimeout("full"), errors.ProviderConnectionError),
        (httpx2.StreamClosed(), errors.ProviderConnectionError),
        (ConnectionResetError("reset"), errors.ProviderConnectionError),
        (httpx2.InvalidURL("no"), errors.NotFoundError),
        (ValueError("no"), errors.InvalidAnswerError),
        (RuntimeError("the client has been closed"), errors.CallError),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, Exception) else "",
)
def test_what_comes_from_below_the_sdk_is_told_apart(raised: Exception, kind: type[errors.CallError]) -> None:
    """Transport errors, unreadable answers and faults of the SDK itself each have their class."""
    assert type(error_of_exception(raised, secret=None)) is kind
