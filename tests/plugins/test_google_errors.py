"""What goes wrong between the plugin and Gemini, and which of our errors it becomes."""

from __future__ import annotations

import asyncio
import json
import traceback
from typing import TYPE_CHECKING, Any

import pytest

from pipelex_backend_google._answer import usage_of
from pipelex_core import errors
from pipelex_core.requests import ImageRequest
from pipelex_core.results import Usage
from pipelex_core.specs import Secret
from tests.plugins.test_google import asks, opened, run, spec, streamed
from tests.servers.base import Reply
from tests.servers.google import KEY, GoogleServer, answer, error

if TYPE_CHECKING:
    from pipelex_backend_google._backend import GoogleBackend

RETRY = {"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": "48.5s"}
REQUEST = {"@type": "type.googleapis.com/google.rpc.RequestInfo", "requestId": "req-7"}
BLOCKED = {"promptFeedback": {"blockReason": "PROHIBITED_CONTENT"}, "responseId": "response-1"}


async def failure(backend: GoogleBackend, *, streaming: bool = False) -> errors.CallError:
    """What a call raises."""
    with pytest.raises(errors.CallError) as caught:
        await (streamed(backend, asks("hello")) if streaming else backend.generate_text(asks("hello")))
    return caught.value


def test_an_error_may_come_with_a_good_status() -> None:
    """A gateway's 200 that holds an error is that error, and no empty answer."""

    async def use(server: GoogleServer, backend: GoogleBackend) -> None:
        reported = {"error": {"code": 503, "message": "The model is overloaded.", "status": "UNAVAILABLE"}}
        server.queue(Reply.json(reported), Reply.json({"error": "no"}))
        got = await failure(backend)
        assert type(got) is errors.OverloadedError
        assert (got.message, got.status) == ("Google answered UNAVAILABLE: The model is overloaded.", 503)
        assert type(await failure(backend)) is errors.ServerError

    run(use)


@pytest.mark.parametrize("streaming", [False, True])
@pytest.mark.parametrize(
    "reply, kind",
    [
        (error(400, "INVALID_ARGUMENT", "no"), errors.BadRequestError),
        (error(401, "UNAUTHENTICATED", "no"), errors.AuthenticationError),
        (error(403, "PERMISSION_DENIED", "no"), errors.PermissionDeniedError),
        (error(404, "NOT_FOUND", "no"), errors.NotFoundError),
        (error(429, "RESOURCE_EXHAUSTED", "no"), errors.RateLimitError),
        (error(499, "CANCELLED", "no"), errors.ProviderConnectionError),
        (error(500, "INTERNAL", "no"), errors.ServerError),
        (error(503, "UNAVAILABLE", "no"), errors.OverloadedError),
        (error(504, "DEADLINE_EXCEEDED", "no"), errors.ServerError),
        (Reply.text("<html>Bad gateway</html>", status=502), errors.ServerError),
        (Reply(status=302, headers={"Location": "https://elsewhere.example"}), errors.InvalidAnswerError),
    ],
    ids=lambda value: str(value.status) if isinstance(value, Reply) else "",
)
def test_a_status_has_its_error(reply: Reply, kind: type[errors.CallError], streaming: bool) -> None:
    """By the HTTP status and Google's own, whole answer or stream."""

    async def use(server: GoogleServer, backend: GoogleBackend) -> None:
        server.queue(reply)
        got = await failure(backend, streaming=streaming)
        assert type(got) is kind
        assert (got.status, got.partial_text) == (reply.status, None)

    run(use)


def test_a_wrong_key_is_known_by_its_reason() -> None:
    """Google answers a wrong key with 400; the reason in the details says what it is."""

    async def main() -> None:
        async with GoogleServer() as server, opened(server, api_key=Secret("AIza-wrong")) as backend:
            assert isinstance(await failure(backend), errors.AuthenticationError)

    asyncio.run(main())


def test_a_rate_limit_says_how_long_to_wait() -> None:
    """The wait stands in the details, or in the header; the request's id in the details."""

    async def use(server: GoogleServer, backend: GoogleBackend) -> None:
        server.queue(
            error(429, "RESOURCE_EXHAUSTED", "slow down", RETRY, REQUEST),
            Reply.json({}, status=429, headers={"Retry-After": "3", "X-Goog-Request-Id": "req-8"}),
            Reply.json({}, status=429, headers={"Retry-After": "soon"}),
        )
        details, header, neither = [await failure(backend) for _ in range(3)]
        assert (details.retry_after, details.request_id) == (48.5, "req-7")
        assert (header.retry_after, header.request_id) == (3, "req-8")
        assert neither.retry_after is None
        assert "RESOURCE_EXHAUSTED: slow down" in str(details)

    run(use)


@pytest.mark.parametrize("streaming", [False, True])
def test_a_blocked_prompt_is_its_own_error(streaming: bool) -> None:
    """No candidate, but a reason why: the content was refused."""

    async def use(server: GoogleServer, backend: GoogleBackend) -> None:
        server.queue(Reply.sse(BLOCKED) if streaming else Reply.json(BLOCKED))
        got = await failure(backend, streaming=streaming)
        assert isinstance(got, errors.ContentFilterError)
        assert "PROHIBITED_CONTENT" in got.message
        assert got.request_id == "response-1"

    run(use)


@pytest.mark.parametrize("streaming", [False, True])
@pytest.mark.parametrize(
    "finish, reason",
    [
        ("SAFETY", "content_filter"),
        ("RECITATION", "content_filter"),
        ("MAX_TOKENS", "length"),
        ("SOMETHING_NEW", "other"),
    ],
)
def test_an_answer_that_was_cut_says_why(finish: str, reason: str, streaming: bool) -> None:
    """A cut answer is an answer, with its reason; reasons that are not known yet are `other`."""

    async def use(server: GoogleServer, backend: GoogleBackend) -> None:
        cut = answer({"text": "So "}, finish=finish)
        server.queue(Reply.sse(cut) if streaming else Reply.json(cut))
        got = (await streamed(backend, asks("x")))[1] if streaming else await backend.generate_text(asks("x"))
        assert (got.text, got.finish_reason) == ("So ", reason)

    run(use)


@pytest.mark.parametrize(
    "reply",
    [
        Reply.text("<html>Welcome</html>"),
        Reply.json({}),
        Reply.json([]),
        Reply.json({"candidates": [{}]}),
        Reply.json({"candidates": "none"}),
        Reply.json({"candidates": [{"content": {"parts": [{"functionCall": {}}]}}]}),
        Reply.json({"candidates": [{"content": {"parts": ["text"]}}]}),
        Reply.json(answer({"functionCall": {"name": "f", "args": "x"}})),
        Reply.json(answer({"functionCall": {"name": 5}})),
        Reply.json(answer({"text": 5})),
        Reply.json(answer({"text": ["x"]})),
        Reply.json({**answer({"text": "x"}), "responseId": [1]}),
        Reply.json(answer(finish="STOP")),
        Reply.json(answer({"text": ""}, finish="MALFORMED_FUNCTION_CALL")),
        Reply.json(answer({"thought": True, "text": "Hm."})),
        Reply(chunks=(b"",)),
        Reply(chunks=(b'{"candidates": [{"content"',)),
        Reply(chunks=(b"\xff\xfe",)),
    ],
    ids=[
        *("html", "empty-object", "list", "empty-candidate", "text", "call", "part", "arguments", "name", "number"),
        *("texts", "id", "empty", "malformed", "only-thoughts", "nothing", "half", "not-utf-8"),
    ],
)
def test_a_malformed_answer_is_an_error(reply: Reply) -> None:
    """Never a silent empty answer; what came is kept."""

    async def use(server: GoogleServer, backend: GoogleBackend) -> None:
        server.queue(reply)
        got = await failure(backend)
        assert type(got) is errors.InvalidAnswerError
        assert got.raw is not None

    run(use)


@pytest.mark.parametrize(
    "reply, kind, partial_text",
    [
        (Reply.sse(answer({"text": "Hel"}, finish=None)), errors.ProviderConnectionError, "Hel"),
        (Reply.sse(answer({"text": "Hel"}, finish=None), b"data: {\n\n"), errors.InvalidAnswerError, "Hel"),
        (Reply.sse(answer({"text": "Hel"}, finish=None), "[1]"), errors.InvalidAnswerError, "Hel"),
        (Reply.sse(answer({"text": "Hel"}, finish=None), {"candidates": [3]}), errors.InvalidAnswerError, "Hel"),
        (
            Reply.sse(answer({"text": "Hel"}, finish=None), answer({"text": "lo"}), cut_after=1),
            errors.ProviderConnectionError,
            "Hel",
        ),
        (
            Reply.sse(
                answer({"text": "Hel"}, finish=None),
                {"error": {"code": 429, "status": "RESOURCE_EXHAUSTED", "message": "m", "details": [RETRY]}},
            ),
            errors.RateLimitError,
            "Hel",
        ),
        (
            Reply.sse(answer({"text": "Hel"}, finish=None), {"error": {"status": "UNAVAILABLE"}}),
            errors.OverloadedError,
            "Hel",
        ),
        (Reply.sse({"error": "broken"}), errors.ServerError, None),
        (Reply.sse(answer({"text": "Hel"}, finish=None), BLOCKED), errors.ContentFilterError, "Hel"),
        (Reply.sse(), errors.ProviderConnectionError, None),
        (Reply.sse(": only a comment"), errors.ProviderConnectionError, None),
        (Reply.json(answer({"text": "Hello"})), errors.InvalidAnswerError, None),
        (Reply.json([answer({"text": "Hello"})]), errors.InvalidAnswerError, None),
        (Reply.text("<html>Welcome</html>"), errors.InvalidAnswerError, None),
        (Reply(fault="drop"), errors.ProviderConnectionError, None),
    ],
    ids=[
        "no-finish",
        "half-event",
        "list-event",
        "wrong-form",
        "cut",
        "error",
        "error-without-code",
        "error-text",
        "blocked",
        "nothing",
        "comment",
        "json",
        "json-list",
        "html",
        "dropped",
    ],
)
def test_a_stream_that_breaks_is_an_error(reply: Reply, kind: type[errors.CallError], partial_text: str | None) -> None:
    """However a stream ends without its finish reason, the text so far is kept, and the connection let go."""

    async def use(server: GoogleServer, backend: GoogleBackend) -> None:
        server.queue(reply)
        got = await failure(backend, streaming=True)
        assert type(got) is kind
        assert got.partial_text == partial_text
        assert (await backend.generate_text(asks("and now?"))).text == "You said: and now?"

    run(use)


def test_nulls_are_as_good_as_nothing() -> None:
    """Fields that are there without a value do not cost the answer, nor do counts that are none."""

    async def use(server: GoogleServer, backend: GoogleBackend) -> None:
        counts: Any = {"promptTokenCount": 3, "candidatesTokenCount": None, "thoughtsTokenCount": None}
        stated = {**answer({"functionCall": {"name": "now", "args": None, "id": None}}, usage=counts)}
        server.queue(Reply.json({**stated, "promptFeedback": None, "responseId": None}))
        got = await backend.generate_text(asks("x"))
        assert (got.tool_calls[0].name, got.tool_calls[0].arguments, got.finish_reason) == ("now", {}, "tool_calls")
        assert got.usage == Usage(input_tokens=3, output_tokens=0)
        withheld: Any = {"candidates": [{"content": None, "finishReason": "SAFETY"}], "usageMetadata": None}
        server.queue(Reply.json(withheld))
        assert (await backend.generate_text(asks("x"))).finish_reason == "content_filter"

    run(use)


@pytest.mark.parametrize("odd", [-5, 3.5, "12", True, {}, [1]])
@pytest.mark.parametrize("name", ["promptTokenCount", "candidatesTokenCount", "thoughtsTokenCount"])
def test_what_is_not_a_count_is_unknown_and_not_zero(name: str, odd: Any) -> None:
    """The cost of such an answer is unknown, too: less than it was would not do for a budget."""
    usage = usage_of({"promptTokenCount": 3, "candidatesTokenCount": 4, "thoughtsTokenCount": 5, name: odd})
    assert (usage.input_tokens if name == "promptTokenCount" else usage.output_tokens) is None


def test_a_stream_without_text_is_an_error() -> None:
    """A stream may end well and still say nothing."""

    async def use(server: GoogleServer, backend: GoogleBackend) -> None:
        server.queue(Reply.sse(answer({"text": ""}, finish=None), answer()))
        got = await failure(backend, streaming=True)
        assert type(got) is errors.InvalidAnswerError
        assert "STOP" in got.message

    run(use)


def test_a_stream_is_read_as_the_format_means_it() -> None:
    """Comments, a byte order mark, CR LF, data over several lines, no blank at the end, and line ends of Unicode inside a text."""

    async def use(server: GoogleServer, backend: GoogleBackend) -> None:
        text = "a\u2028b\u0085c"
        first = json.dumps(answer({"text": text}, finish=None), ensure_ascii=False).encode()
        last = json.dumps(answer({"text": "!"}), indent=1).encode().replace(b"\n", b"\ndata: ")
        body = b"\xef\xbb\xbf: hello\r\n\r\ndata: " + first + b"\r\n\r\nevent: x\ndata:" + last
        pieces = tuple(body[start : start + 7] for start in range(0, len(body), 7))
        server.queue(Reply(chunks=pieces, chunked=True, content_type="text/event-stream"))
        deltas, got = await streamed(backend, asks("hello"))
        assert (deltas, got.text) == ([text, "!"], f"{text}!")

    run(use)


def test_nobody_there() -> None:
    """A refused connection is a connection error."""

    async def main() -> None:
        async with GoogleServer() as server:
            pass
        async with opened(server) as backend:
            for streaming in (False, True):
                assert type(await failure(backend, streaming=streaming)) is errors.ProviderConnectionError
            with pytest.raises(errors.ProviderConnectionError):
                await backend.list_models()

    asyncio.run(main())


@pytest.mark.parametrize(
    "reply, kind",
    [
        (Reply.json(answer({"text": "I cannot"}, finish="NO_IMAGE")), errors.InvalidAnswerError),
        (Reply.json(answer(finish="IMAGE_SAFETY")), errors.ContentFilterError),
        (Reply.json(BLOCKED), errors.ContentFilterError),
        (Reply.json({}), errors.InvalidAnswerError),
        (Reply.json(answer({"inlineData": {"mimeType": "image/png", "data": "?"}})), errors.InvalidAnswerError),
        (
            Reply.json(answer({"inlineData": {"mimeType": "image/png", "data": "aa=="}, "thought": True})),
            errors.InvalidAnswerError,
        ),
    ],
    ids=["no-image", "withheld", "blocked", "empty", "not-base64", "only-thought"],
)
def test_an_answer_without_a_picture_is_an_error(reply: Reply, kind: type[errors.CallError]) -> None:
    """Text instead of a picture, a withheld picture, a sketch on the way: none of them is an image."""

    async def use(server: GoogleServer, backend: GoogleBackend) -> None:
        server.queue(reply)
        with pytest.raises(errors.CallError) as caught:
            await backend.generate_image(ImageRequest(spec=spec(), prompt="A cat"))
        assert type(caught.value) is kind

    run(use)


@pytest.mark.parametrize("streaming", [False, True])
def test_the_key_is_in_no_error(streaming: bool) -> None:
    """Google quotes a suspended key back; it stands in no message, no argument, and nothing the error leads to."""

    async def use(server: GoogleServer, backend: GoogleBackend) -> None:
        server.queue(error(403, "PERMISSION_DENIED", f"Consumer 'api_key:{KEY}' has been suspended."))
        got = await failure(backend, streaming=streaming)
        assert "api_key:***" in got.message
        assert (got.__cause__, got.__context__) == (None, None)
        seen: list[Any] = [str(got), repr(got), got.args, vars(got), *traceback.format_exception(got)]
        assert KEY not in str(seen)

    run(use)
