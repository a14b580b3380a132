"""Every way an endpoint can fail, and the one error of ours that it becomes."""

from __future__ import annotations

import asyncio
import json
import traceback
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import pytest

from pipelex_core import errors
from pipelex_core.specs import BackendConfig
from tests.plugins.openai_calls import KEY, config, generated, streamed, text_request, with_backend
from tests.servers.base import Reply, Server
from tests.servers.openai_server import chunk, chunks, completion, error

if TYPE_CHECKING:
    from collections.abc import Callable


def failing(*replies: Reply, **options: Any) -> errors.CallError:
    """The error of a call."""
    with pytest.raises(errors.CallError) as caught:
        generated(*replies, **options)
    return caught.value


def failing_stream(*replies: Reply, **options: Any) -> errors.CallError:
    """The error of a streamed call."""
    with pytest.raises(errors.CallError) as caught:
        streamed(*replies, **options)
    return caught.value


@pytest.mark.parametrize(
    "status, fields, wanted",
    [
        (400, {}, errors.BadRequestError),
        (400, {"code": "context_length_exceeded"}, errors.ContextTooLongError),
        (400, {"type": "too_many_prompt_tokens", "code": 400}, errors.ContextTooLongError),
        (400, {"code": "content_filter"}, errors.ContentFilterError),
        (400, {"code": "content_policy_violation"}, errors.ContentFilterError),
        (400, {"code": "moderation_blocked"}, errors.ContentFilterError),
        (400, {"innererror": {"code": "ResponsibleAIPolicyViolation"}}, errors.ContentFilterError),
        (400, {"code": "contentFilter"}, errors.ContentFilterError),
        (400, {"code": "image_content_policy_violation"}, errors.ContentFilterError),
        (400, {"code": "model_not_found"}, errors.NotFoundError),
        (400, {"code": "unknown_model"}, errors.NotFoundError),
        (400, {"code": "model_decommissioned"}, errors.NotFoundError),
        (400, {"type": "invalid_model", "code": 400}, errors.NotFoundError),
        (400, {"type": "budget_exceeded", "code": "400"}, errors.PermissionDeniedError),
        (429, {"type": "budget_exceeded", "code": "429"}, errors.RateLimitError),
        (400, {"code": 400, "metadata": {"error_type": "context_length_exceeded"}}, errors.ContextTooLongError),
        (403, {"code": 403, "metadata": {"error_type": "content_policy_violation"}}, errors.ContentFilterError),
        (400, {"code": 400, "metadata": {"error_type": "invalid_prompt"}}, errors.BadRequestError),
        (413, {"code": "tokens_limit_reached"}, errors.ContextTooLongError),
        (400, {"code": "billing_hard_limit_reached"}, errors.PermissionDeniedError),
        (401, {"code": "invalid_api_key"}, errors.AuthenticationError),
        (402, {}, errors.PermissionDeniedError),
        (403, {}, errors.PermissionDeniedError),
        (403, {"code": 403, "metadata": {"reasons": ["x"], "flagged_input": "y"}}, errors.ContentFilterError),
        (404, {"code": "model_not_found"}, errors.NotFoundError),
        (408, {}, errors.ProviderConnectionError),
        (409, {}, errors.BadRequestError),
        (413, {}, errors.BadRequestError),
        (422, {}, errors.BadRequestError),
        (429, {"code": "rate_limit_exceeded"}, errors.RateLimitError),
        (429, {"code": "insufficient_quota", "type": "insufficient_quota"}, errors.RateLimitError),
        (500, {}, errors.ServerError),
        (502, {}, errors.ServerError),
        (503, {}, errors.OverloadedError),
        (529, {}, errors.OverloadedError),
    ],
)
@pytest.mark.parametrize("call", [failing, failing_stream], ids=["whole", "stream"])
def test_status_and_code_choose_the_error(
    call: Any, status: int, fields: dict[str, Any], wanted: type[errors.CallError]
) -> None:
    """The status decides, and a structured code that says more refines it; the id and the message come along."""
    found = call(error(status, "What went wrong.", **fields))
    assert type(found) is wanted
    assert (found.status, found.request_id) == (status, "req_test")
    assert found.message.startswith("What went wrong")


@pytest.mark.parametrize(
    "body, message",
    [
        (b'{"code": "exhausted", "error": "Too many tokens."}', "Too many tokens [exhausted]"),
        (b'{"detail": "No such thing."}', "No such thing"),
        (b'{"message": "Not here."}', "Not here"),
        (b'[{"error": {"code": 404, "message": "Gone.", "status": "NOT_FOUND"}}]', "Gone"),
        (b"upstream connect error", "upstream connect error"),
        (b"", "the provider answered with status 404"),
        (b'{"error": {"message": {"a": 1}}}', '{"a": 1}'),
    ],
)
def test_a_message_is_found_in_every_known_form(body: bytes, message: str) -> None:
    """Compatible endpoints word their errors in other forms than OpenAI."""
    found = failing(Reply(status=404, chunks=(body,)))
    assert type(found) is errors.NotFoundError
    assert found.message == message


@pytest.mark.parametrize(
    "raw, message, kind",
    [
        ("Venice is busy.", "Provider returned error: Venice is busy", errors.BadRequestError),
        ('{"error": {"message": "Too odd."}}', "Provider returned error: Too odd", errors.BadRequestError),
        (
            '{"error": {"message": "Too long.", "code": "context_length_exceeded"}}',
            "Provider returned error: Too long",
            errors.ContextTooLongError,
        ),
        (
            '{"error": {"message": "No.", "code": "invalid_api_key"}}',
            "Provider returned error: No",
            errors.BadRequestError,
        ),
        (None, "Provider returned error", errors.BadRequestError),
        ("[1]", "Provider returned error", errors.BadRequestError),
    ],
)
def test_the_provider_behind_a_gateway_is_heard(raw: Any, message: str, kind: type[errors.CallError]) -> None:
    """OpenRouter's own message says nothing; what the provider said is told, and decides that an input is too long."""
    found = failing(error(400, "Provider returned error", code=400, metadata={"raw": raw, "provider_name": "Venice"}))
    assert type(found) is kind
    assert found.message == message


@pytest.mark.parametrize("piece", ["", ": xa***qt", ": no"])
@pytest.mark.parametrize("encode", [str, quote])
def test_xai_says_in_a_sentence_that_it_refuses_a_key(piece: str, encode: Callable[[str], str]) -> None:
    """That sentence, with a piece of the key or without, is an authentication error; no other text is."""
    reported = f"Incorrect API key provided{piece}. You can obtain an API key from https://console.x.ai."
    for text, kind in [(reported, errors.AuthenticationError), (f"Not: {reported}", errors.BadRequestError)]:
        body = {"code": "Client specified an invalid argument", "error": encode(text)}
        assert type(failing(Reply.json(body, status=400))) is kind


@pytest.mark.parametrize(
    "reported",
    [
        {"error": {"message": "acme/no-such is not a valid model ID", "code": 400}, "user_id": "user_1"},
        {"error": {"message": "Model not found: no-such"}, "code": "Client specified an invalid argument"},
        {"error": {"message": "Model Not Exist", "type": "invalid_request_error", "code": "invalid_request_error"}},
        {
            "error": {
                "message": "/chat/completions: Invalid model name passed in model=no-such. "
                "Call `/v1/models` to view available models for your key.",
                "code": "400",
            }
        },
        {"error": {"message": "400: {'error': 'Invalid model name passed in model=no-such'}", "code": 400}},
    ],
)
def test_a_model_that_an_endpoint_does_not_have_is_not_a_wrong_request(reported: dict[str, Any]) -> None:
    """OpenRouter, xAI, DeepSeek and LiteLLM's proxy say so in a sentence, with status 400: chains go on; other texts do not."""
    assert type(failing(Reply.json(reported, status=400))) is errors.NotFoundError
    other = {"error": {**reported["error"], "message": f"Wrong: {reported['error']['message']}"}}
    assert type(failing(Reply.json(other, status=400))) is errors.BadRequestError


@pytest.mark.parametrize("reason", ["error", "stop", None])
def test_a_choice_may_report_an_error(reason: str | None) -> None:
    """OpenRouter puts a provider's failure beside the text that had come; it is not an answer, whatever its finish reason."""
    fault = {"index": 0, "finish_reason": reason, "error": {"code": 429, "message": "Busy."}}
    whole = failing(Reply.json({"choices": [{**fault, "message": {"content": "Half"}}]}))
    last = {"choices": [{**fault, "finish_reason": reason or "stop", "delta": {"content": ""}}]}
    broken = failing_stream(Reply.sse(chunk({"content": "Half"}), last))
    for found in (whole, broken):
        assert isinstance(found, errors.RateLimitError)
        assert found.message == "Busy"
        assert found.partial_text == "Half"


def test_an_event_of_a_stream_may_be_an_error_without_a_name() -> None:
    """Those of vLLM are objects of their own."""
    fault = {"object": "error", "message": "Out of memory.", "type": "InternalServerError", "code": 500}
    found = failing_stream(Reply.sse(chunk({"content": "Half"}), fault))
    assert isinstance(found, errors.ServerError)
    assert (found.message, found.status, found.partial_text) == ("Out of memory", 500, "Half")


def test_a_web_page_is_not_a_message() -> None:
    """An error that is a page is named as one; its text says nothing to a caller."""
    found = failing(Reply.text("<html>Bad gateway</html>", status=502))
    assert isinstance(found, errors.ServerError)
    assert found.message == "the provider answered with a web page"


@pytest.mark.parametrize(
    "headers, seconds",
    [
        ({"Retry-After": "2"}, 2.0),
        ({"Retry-After": "0.5"}, 0.5),
        ({"retry-after-ms": "1500", "Retry-After": "9"}, 1.5),
        ({"retry-after-ms": "0", "Retry-After": "1"}, 0.0),
        ({"Retry-After": "soon"}, None),
        ({"Retry-After": "-5"}, None),
        ({"Retry-After": "inf"}, None),
        ({"Retry-After": "Wed, 21 Oct 2015 07:28:00 GMT"}, 0.0),
        ({}, None),
    ],
)
def test_the_wait_is_the_one_asked_for(headers: dict[str, str], seconds: float | None) -> None:
    """`retry_after` holds the seconds of the headers, and nothing where they hold none."""
    assert failing(error(429, "Slow down.", headers=headers)).retry_after == seconds


def test_a_wait_may_be_a_date() -> None:
    """`Retry-After` as a date counts from now."""
    found = failing(error(429, "Slow down.", headers={"Retry-After": "Fri, 31 Dec 2100 23:59:59 GMT"}))
    assert found.retry_after is not None
    assert found.retry_after > 1e9


def test_nothing_is_tried_twice() -> None:
    """The SDK's own retries are off."""

    async def use(backend: Any, server: Server) -> int:
        with pytest.raises(errors.ServerError):
            await backend.generate_text(text_request())
        return len(server.received)

    assert with_backend(use, error(500, "Oops."), error(500, "Oops.")) == 1


@pytest.mark.parametrize(
    "reply, wanted",
    [
        (Reply.text("<html>Hello</html>"), "not JSON; its content type is text/html"),
        (Reply.json({}), "an empty one"),
        (Reply.json([1]), "not a JSON object"),
        (Reply.text("{", content_type="application/json"), "not JSON"),
        (Reply(chunks=(b'{"a": "\xff"}',)), "not JSON"),
        (Reply.json({"choices": []}), "no choices"),
        (Reply.json({"choices": None, "id": "x"}), "no choices"),
        (Reply.json({"choices": [{"finish_reason": "stop"}]}), "no message"),
        (Reply.json({"choices": ["x"]}), "no choices"),
        (Reply.json({"choices": [{"message": {"tool_calls": ["x"]}}]}), "unknown form"),
        (Reply.json(completion(None, tool_calls=[{"function": {"name": "f", "arguments": "{"}}])), "'f' are not JSON"),
        (Reply.json(completion(None, tool_calls=[{"function": {"name": "f", "arguments": "3"}}])), "not a JSON object"),
        (Reply.json({"ok": True}, status=302, headers={"Location": "/elsewhere"}), "302"),
    ],
)
def test_a_200_that_is_no_answer(reply: Reply, wanted: str) -> None:
    """A web page, an empty object or an odd one is an error that keeps what came, never an empty answer."""
    found = failing(reply)
    assert type(found) is errors.InvalidAnswerError
    assert wanted in str(found)


def test_an_invalid_answer_keeps_what_came() -> None:
    """`raw` is the answer as it came, `request_id` the one of its headers."""
    found = failing(Reply.text("<html>Hello</html>", headers={"x-request-id": "req_7"}))
    assert (found.raw, found.request_id) == ("<html>Hello</html>", "req_7")


def test_an_error_inside_a_200() -> None:
    """Some endpoints answer 200 with an error in it: the error counts."""
    found = failing(Reply.json({"error": {"message": "Too many.", "code": 429}, "user_id": "u"}))
    assert type(found) is errors.RateLimitError
    found = failing(Reply.json({"choices": [{"finish_reason": "error", "error": {"code": 502, "message": "Broken."}}]}))
    assert type(found) is errors.ServerError


@pytest.mark.parametrize(
    "event, wanted",
    [
        ({"error": {"message": "No.", "type": "invalid_request_error", "status_code": 400}}, errors.BadRequestError),
        ({"error": {"message": "No.", "code": 502}}, errors.ServerError),
        ({"error": {"message": "No.", "code": "rate_limit_exceeded"}}, errors.RateLimitError),
        ({"error": {"message": "No.", "type": "overloaded_error"}}, errors.OverloadedError),
        ({"error": {"message": "No.", "type": "server_error"}}, errors.ServerError),
        ({"error": {"message": "No.", "code": "context_length_exceeded"}}, errors.ContextTooLongError),
        ({"error": {"message": "No."}}, errors.ServerError),
        ({"error": "No."}, errors.ServerError),
        (("error", {"error": {"message": "No.", "code": "content_filter"}}), errors.ContentFilterError),
        (
            {"choices": [{"delta": {}, "finish_reason": "error", "error": {"message": "No.", "code": 429}}]},
            errors.RateLimitError,
        ),
    ],
)
def test_an_error_event_in_a_stream(event: Any, wanted: type[errors.CallError]) -> None:
    """An error inside a stream has its own class, and what came before it."""
    found = failing_stream(Reply.sse(chunk({"content": "The Ni"}), event))
    assert type(found) is wanted
    assert found.partial_text == "The Ni"


def test_a_stream_without_its_end() -> None:
    """A stream that stops before a finish reason is a broken connection with the partial text, however it stops."""
    cut_short = list(chunks(done=False))[:4]
    for reply in (Reply.sse(*cut_short), Reply.sse(*cut_short, "[DONE]"), Reply.sse(*chunks(), cut_after=4)):
        found = failing_stream(reply)
        assert type(found) is errors.ProviderConnectionError
        assert found.partial_text == "The Nile, the"
        assert found.request_id is None


def test_a_stream_that_is_none() -> None:
    """JSON or a page where events were asked for is an invalid answer, not an empty one."""
    for reply in (Reply.json(completion()), Reply.text("<html>Hello</html>")):
        found = failing_stream(reply)
        assert type(found) is errors.InvalidAnswerError
        assert reply.content_type in found.message


@pytest.mark.parametrize("reply", [Reply.sse(), Reply.sse("[DONE]")])
def test_a_stream_without_an_event(reply: Reply) -> None:
    """A stream that ends before its first event is a broken one: it may be asked for again."""
    assert type(failing_stream(reply)) is errors.ProviderConnectionError


@pytest.mark.parametrize("event", [b"data: {oops\n\n", b'data: {"a": "\xff"}\n\n', b"data: 3\n\n", b"data: [1]\n\n"])
def test_an_event_that_cannot_be_read(event: bytes) -> None:
    """An event that is not a JSON object is an invalid answer with the partial text."""
    found = failing_stream(Reply.sse(chunk({"content": "The"}), event))
    assert type(found) is errors.InvalidAnswerError
    assert found.partial_text == "The"


@pytest.mark.parametrize("reply", [Reply(fault="drop"), Reply(chunks=(b"{", b"}"), cut_after=1)], ids=["drop", "cut"])
def test_a_broken_connection(reply: Reply) -> None:
    """A connection that breaks before or within the answer."""
    assert type(failing(reply)) is errors.ProviderConnectionError


def test_nobody_listens() -> None:
    """A refused connection names no address with a key, and is a connection error."""

    async def use(backend: Any, server: Server) -> errors.CallError:
        await server.__aexit__()
        with pytest.raises(errors.ProviderConnectionError) as caught:
            await backend.generate_text(text_request())
        await server.__aenter__()
        return caught.value

    assert "connect" in with_backend(use).message.lower()


@pytest.mark.parametrize("endpoint", ["localhost:11434/v1", "ftp://example.org", "http://[::1", "https://"])
def test_an_endpoint_that_is_no_url(endpoint: str) -> None:
    """A bad endpoint is found when the backend opens, and named."""
    with pytest.raises(errors.NotFoundError, match="endpoint"):
        generated(make=lambda _: BackendConfig(name="acme", endpoint=endpoint))


def test_openai_itself_needs_a_key() -> None:
    """Without an endpoint of its own, a backend without a key is refused before any request."""
    with pytest.raises(errors.AuthenticationError, match="'openai' has no api_key"):
        generated(make=lambda _: BackendConfig(name="openai"))


def test_a_lone_surrogate_is_refused() -> None:
    """Text that cannot be encoded is refused by name, before any request."""
    found = failing(request=text_request(system="\ud800"))
    assert type(found) is errors.UnsupportedInputError


def test_a_number_that_is_none_is_refused() -> None:
    """What JSON cannot say never reaches the provider."""
    assert type(failing(request=text_request(temperature=float("nan")))) is errors.BadRequestError


@pytest.mark.parametrize("call", [failing, failing_stream], ids=["whole", "stream"])
def test_no_error_holds_the_key(call: Any) -> None:
    """Neither message nor traceback nor any error behind it holds the key, whole or masked by the provider."""
    echo = f"Incorrect API key provided: {KEY}. You sent sk-se**********6789"
    found = call(error(401, echo, code="invalid_api_key"))
    assert found.message == "Incorrect API key provided: *** You sent *** [invalid_api_key]"
    seen = "".join(traceback.format_exception(found)) + repr(vars(found)) + json.dumps(found.args)
    assert KEY not in seen
    assert (found.__cause__, found.__context__) == (None, None)


def test_a_call_that_is_given_up_breaks_the_connection() -> None:
    """Cancelling a call passes through and closes what it had open."""

    async def use(backend: Any, server: Server) -> int:
        task = asyncio.create_task(backend.generate_text(text_request()))
        await _until(lambda: bool(server.received))
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        return await _remaining(server)

    assert with_backend(use, Reply(fault="hang")) == 1


def test_a_stream_that_is_left_breaks_the_connection() -> None:
    """Closing the iterator early closes the connection."""

    async def use(backend: Any, server: Server) -> int:
        stream = backend.stream_text(text_request())
        assert await anext(stream) == "The"
        await stream.aclose()
        return await _remaining(server)

    assert with_backend(use, Reply.sse(*chunks(), stall_after=3)) == 1


async def _remaining(server: Server) -> int:
    await _until(lambda: bool(server.abandoned))
    return len(server.abandoned)


async def _until(happened: Callable[[], bool]) -> None:
    for _ in range(500):
        if happened():
            break
        await asyncio.sleep(0.01)


def test_a_key_is_optional_where_there_is_an_endpoint() -> None:
    """A local server without a key gets no Authorization header at all."""

    async def use(backend: Any, server: Server) -> dict[str, str]:
        await backend.generate_text(text_request())
        return server.received[0].headers

    headers = with_backend(use, make=lambda url: config(url, "ollama", api_key=None))
    assert "authorization" not in headers
