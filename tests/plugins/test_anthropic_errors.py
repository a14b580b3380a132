"""Every failure is one of our errors: by code, type and status; with the wait, the id, and never the key."""

from __future__ import annotations

import asyncio
import json
import traceback
from email.utils import formatdate
from time import time
from typing import Any

import pytest

from pipelex_core import errors
from pipelex_core.errors import CallError, InvalidAnswerError, ProviderConnectionError
from pipelex_core.execution.resources import LoopResources
from tests.servers.anthropic import (
    KEY,
    REQUEST_ID,
    SHORT,
    AnthropicServer,
    config,
    error_body,
    failure,
    message,
    opened,
    replied,
    requested,
    text,
    thinking,
    tool_use,
)
from tests.servers.base import Reply


async def failed(reply: Reply, **fields: Any) -> CallError:
    """The error that a call which is answered so ends with."""
    async with AnthropicServer() as server, opened(config(server.url)) as backend:
        server.queue(reply)
        with pytest.raises(CallError) as caught:
            await backend.generate_text(requested(**fields))
        return caught.value


@pytest.mark.parametrize(
    "status, kind, code, ours",
    [
        (400, "invalid_request_error", None, errors.BadRequestError),
        (401, "authentication_error", None, errors.AuthenticationError),
        (402, "billing_error", None, errors.PermissionDeniedError),
        (403, "permission_error", None, errors.PermissionDeniedError),
        (404, "not_found_error", None, errors.NotFoundError),
        (408, "timeout_error", None, errors.ServerError),
        (409, "conflict_error", None, errors.BadRequestError),
        (413, "request_too_large", None, errors.BadRequestError),
        (422, "invalid_request_error", None, errors.BadRequestError),
        (429, "rate_limit_error", None, errors.RateLimitError),
        (500, "api_error", None, errors.ServerError),
        (502, "api_error", None, errors.ServerError),
        (503, "api_error", None, errors.OverloadedError),
        (504, "timeout_error", None, errors.ServerError),
        (529, "overloaded_error", None, errors.OverloadedError),
        (500, "overloaded_error", None, errors.OverloadedError),
        (429, "rate_limit_error", "enforced_spend_limit_reached", errors.PermissionDeniedError),
        (429, "rate_limit_error", "contract_spend_limit_reached", errors.PermissionDeniedError),
        (429, "rate_limit_error", "ramp_limit_exceeded", errors.RateLimitError),
        (400, "invalid_request_error", "organization_on_hold", errors.PermissionDeniedError),
        (400, "invalid_request_error", "image_dimensions_too_large", errors.UnsupportedInputError),
        (418, "error_of_tomorrow", "code_of_tomorrow", errors.BadRequestError),
    ],
)
def test_answers_of_the_api(status: int, kind: str, code: str | None, ours: type[CallError]) -> None:
    """Code before type before status; the message is the API's, with status, request id and body."""
    error = asyncio.run(failed(failure(status, kind, "No, because.", code=code)))
    assert type(error) is ours
    assert (error.message, error.status, error.request_id) == ("No, because.", status, REQUEST_ID)
    assert error.raw == error_body(kind, "No, because.", code)


@pytest.mark.parametrize(
    "reply, ours",
    [
        (Reply.text("<html>Bad gateway</html>", status=502), errors.ServerError),
        (Reply.text("", status=401), errors.AuthenticationError),
        (Reply.json([], status=429), errors.RateLimitError),
        (Reply.json({"error": "slow down"}, status=429), errors.RateLimitError),
        (Reply.json({"error": {"type": None, "message": None, "details": 3}}, status=404), errors.NotFoundError),
        (Reply.json({}, status=302, headers={"location": "http://127.0.0.1:9/"}), InvalidAnswerError),
    ],
)
def test_answers_of_something_else(reply: Reply, ours: type[CallError]) -> None:
    """A proxy's own errors go by their status; a redirect is not followed, so that the key stays with its host."""
    error = asyncio.run(failed(reply))
    assert type(error) is ours
    assert error.status == reply.status
    assert str(reply.status) in str(error)


@pytest.mark.parametrize("ahead, kind", [("", errors.PermissionDeniedError), ("Not: ", errors.BadRequestError)])
def test_an_account_without_credit_is_not_a_wrong_request(ahead: str, kind: type[errors.CallError]) -> None:
    """Its one sentence comes with the type of any bad argument: chains go on; no other text does that."""
    words = "Your credit balance is too low to access the Anthropic API. Please go to Plans & Billing to upgrade or purchase credits."
    body = {"type": "error", "error": {"type": "invalid_request_error", "message": f"{ahead}{words}"}}
    assert type(asyncio.run(failed(Reply.json(body, status=400)))) is kind


@pytest.mark.parametrize(
    "body", [{"error": "No."}, {"message": "No."}, {"detail": "No."}, {"error": {"message": "No."}}]
)
def test_words_of_something_else(body: dict[str, Any]) -> None:
    """A gateway's message is told, whichever of the usual forms it has."""
    assert asyncio.run(failed(Reply.json(body, status=400))).message == "No."


def test_odd_words_of_something_else() -> None:
    """What is not text is not a word of ours, and does no harm."""
    odd = {"error": {"type": ["a"], "message": {"b": 1}, "details": {"error_code": [2]}}, "request_id": 3}
    error = asyncio.run(failed(Reply.json(odd, status=529)))
    assert type(error) is errors.OverloadedError
    assert (error.status, error.request_id) == (529, None)


@pytest.mark.parametrize(
    "headers, wait",
    [
        ({}, None),
        ({"retry_after": "2"}, 2.0),
        ({"retry_after": "0.5"}, 0.5),
        ({"retry_after_ms": "1500", "retry_after": "2"}, 1.5),
        ({"retry_after": "soon"}, None),
        ({"retry_after": "-1"}, None),
        ({"retry_after": "inf"}, None),
    ],
)
def test_the_wait_the_server_asked_for(headers: dict[str, str], wait: float | None) -> None:
    """Seconds, or milliseconds where there are; nonsense is no wait."""
    assert asyncio.run(failed(failure(429, "rate_limit_error", **headers))).retry_after == wait


def test_the_wait_may_be_a_date() -> None:
    """`Retry-After` may name the time to come back at; one that is past means now."""
    later = asyncio.run(failed(failure(429, "rate_limit_error", retry_after=formatdate(time() + 60, usegmt=True))))
    assert later.retry_after == pytest.approx(60, abs=5)
    past = asyncio.run(failed(failure(429, "rate_limit_error", retry_after=formatdate(time() - 60, usegmt=True))))
    assert past.retry_after == 0


def test_a_request_id_in_the_body_will_do() -> None:
    """Where the header is missing the body's id is taken."""
    error = asyncio.run(failed(Reply.json(error_body("api_error"), status=500)))
    assert error.request_id == REQUEST_ID


@pytest.mark.parametrize(
    "reply, fields, stated",
    [
        (Reply(fault="drop"), {}, "the connection to the provider broke"),
        (Reply(fault="hang"), {"timeout": SHORT}, "did not answer in time"),
        (Reply(delay=5), {"timeout": SHORT}, "did not answer in time"),
        (Reply(chunks=(b'{"content"', b": []}"), cut_after=1), {}, "the connection to the provider broke"),
        (Reply(chunks=(b'{"content"', b": []}"), stall_after=1), {"timeout": SHORT}, "did not answer in time"),
    ],
)
def test_broken_connections(reply: Reply, fields: dict[str, Any], stated: str) -> None:
    """A connection that breaks or goes silent is one error class, at whatever point it does."""
    error = asyncio.run(failed(reply, **fields))
    assert type(error) is ProviderConnectionError
    assert stated in error.message


def test_nobody_listens() -> None:
    """A refused connection is the same class, and names what the transport said."""

    async def main() -> None:
        async with opened(config("http://127.0.0.1:9")) as backend:
            with pytest.raises(ProviderConnectionError, match=r"no connection.*ConnectionRefusedError"):
                await backend.generate_text(requested())

    asyncio.run(main())


@pytest.mark.parametrize("endpoint", ["http://[::1", "nothing://here", "not a url"])
def test_an_endpoint_that_is_none(endpoint: str) -> None:
    """A wrong address is an error that no retry mends, at opening or at the first call."""

    async def main() -> None:
        with pytest.raises(errors.BadRequestError, match="the endpoint is not an address"):
            async with opened(config(endpoint)) as backend:
                await backend.generate_text(requested())

    asyncio.run(main())


def test_a_pool_that_is_closed() -> None:
    """What no table knows is still one of our errors."""

    async def main() -> None:
        resources = LoopResources()
        async with AnthropicServer() as server, opened(config(server.url)) as backend:
            await backend.open(resources)
            await resources.close()
            with pytest.raises(CallError):
                await backend.generate_text(requested())

    asyncio.run(main())


@pytest.mark.parametrize(
    "reply",
    [
        Reply.text("<html>Sign in</html>"),
        Reply.json({}),
        Reply.json([]),
        Reply.json("Paris."),
        Reply.json(None),
        Reply(chunks=(b'{"content": [',)),
        Reply(chunks=(b"\xff\xfe",)),
        Reply(chunks=()),
        Reply(chunks=(b"[" * 100_000,)),
        replied(message(text("…"), stop_reason=None)),
        replied({**message(), "content": None}),
        replied({**message(), "content": ["Paris."]}),
        replied(message({"type": "text"})),
        replied(message({"type": "text", "text": None})),
        replied(message(tool_use("toolu_1", "weather", "Rome"))),  # type: ignore[arg-type]  # wrong on purpose
        replied(message({"type": "tool_use", "name": "weather", "input": {}})),
        replied({**message(text("…")), "usage": [1]}),
        replied(message()),
        replied(message(thinking("Hm."))),
        replied(message(tool_use("toolu_1", "weather", {}) | {"name": 5})),
    ],
)
def test_answers_that_are_none(reply: Reply) -> None:
    """A 200 that is not a message is an invalid answer that keeps what came, never a silent empty one."""
    error = asyncio.run(failed(reply))
    assert type(error) is InvalidAnswerError, repr(error)
    assert error.raw is not None or reply.chunks == (b"null",)


@pytest.mark.parametrize(
    ("kind", "wanted"),
    [
        ("overloaded_error", errors.OverloadedError),
        ("rate_limit_error", errors.RateLimitError),
        ("new", errors.ServerError),
    ],
)
def test_an_error_with_a_good_status_is_one_all_the_same(kind: str, wanted: type[errors.CallError]) -> None:
    """Some gateways answer so: its type tells, as in a stream."""
    error = asyncio.run(failed(Reply.json({"type": "error", "error": {"type": kind, "message": "It failed."}})))
    assert type(error) is wanted
    assert "It failed." in error.message


def test_text_that_is_no_unicode() -> None:
    """A lone surrogate cannot be sent: the request is wrong."""
    error = asyncio.run(failed(Reply.json({}), system="\ud800"))
    assert type(error) is errors.BadRequestError


@pytest.mark.parametrize("status", [200, 401, 500])
def test_the_key_is_in_no_error(status: int) -> None:
    """Not in its text, arguments, cause, context or traceback, even where a server repeats it."""

    async def main() -> None:
        async with AnthropicServer() as server, opened(config(server.url)) as backend:
            reported = f"The key {KEY} is wrong."
            server.queue(failure(status, "api_error", reported) if status > 200 else Reply.text(reported))
            with pytest.raises(CallError) as caught:
                await backend.generate_text(requested())
            error = caught.value
            assert (error.__cause__, error.__context__) == (None, None)
            shown = "".join(traceback.format_exception(error)) + str(error) + repr(error.args)
            assert KEY not in shown
            assert error.raw is None or KEY not in json.dumps(error.raw)

    asyncio.run(main())


def test_the_key_is_in_no_log(caplog: pytest.LogCaptureFixture) -> None:
    """The SDK's own debug log, switched on, does not show it either."""
    caplog.set_level("DEBUG")

    async def main() -> None:
        async with AnthropicServer() as server, opened(config(server.url)) as backend:
            await backend.generate_text(requested())

    asyncio.run(main())
    assert "/v1/messages" in caplog.text
    assert KEY not in caplog.text
