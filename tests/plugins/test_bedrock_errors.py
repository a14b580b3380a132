"""What can go wrong on the way to Bedrock, and which of our errors it is."""

from __future__ import annotations

import asyncio
import logging
import socket
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any

import pytest

from pipelex_core.errors import (
    AuthenticationError,
    BadRequestError,
    CallError,
    ContextTooLongError,
    InvalidAnswerError,
    NotFoundError,
    OverloadedError,
    PermissionDeniedError,
    ProviderConnectionError,
    RateLimitError,
    ServerError,
)
from tests.servers import bedrock
from tests.servers.base import Reply
from tests.servers.bedrock import REQUEST_ID, failure, opened, request, served

clean_aws = bedrock.clean_aws
pytestmark = pytest.mark.usefixtures("clean_aws")


def error_of(reply: Reply, **requested: Any) -> CallError:
    """The error of a call that gets this reply; one request must have been made, and no second."""

    async def main() -> CallError:
        async with served(reply) as (server, backend):
            with pytest.raises(CallError) as caught:
                await backend.generate_text(request(**requested))
            assert len(server.received) == 1
            return caught.value

    return asyncio.run(main())


@pytest.mark.parametrize(
    ("code", "status", "kind"),
    [
        ("AccessDeniedException", 403, PermissionDeniedError),
        ("UnrecognizedClientException", 403, AuthenticationError),
        ("InvalidSignatureException", 403, AuthenticationError),
        ("ExpiredTokenException", 403, AuthenticationError),
        ("MissingAuthenticationTokenException", 403, AuthenticationError),
        ("UnauthorizedException", 401, AuthenticationError),
        ("ResourceNotFoundException", 404, NotFoundError),
        ("ValidationException", 400, BadRequestError),
        ("ThrottlingException", 429, RateLimitError),
        ("TooManyRequestsException", 429, RateLimitError),
        ("ServiceQuotaExceededException", 400, RateLimitError),
        ("ModelNotReadyException", 429, OverloadedError),
        ("ServiceUnavailableException", 503, OverloadedError),
        ("ModelTimeoutException", 408, ServerError),
        ("ModelErrorException", 424, ServerError),
        ("InternalServerException", 500, ServerError),
        ("SomethingNewException", 400, BadRequestError),
        ("SomethingNewException", 503, OverloadedError),
        ("SomethingNewException", 502, ServerError),
        ("SomethingNewException", 401, AuthenticationError),
    ],
)
def test_errors_by_code_then_status(code: str, status: int, kind: type[CallError]) -> None:
    """AWS's code decides; where it is unknown the status does. Nothing is tried twice."""
    error = error_of(failure(code, status, "It failed."))
    assert type(error) is kind
    assert (error.status, error.request_id) == (status, REQUEST_ID)
    assert code in error.message


def test_a_message_decides_nothing() -> None:
    """Bedrock has no code for a context that is too long, and its words are not searched."""
    error = error_of(failure("ValidationException", 400, "Input is too long for requested model."))
    assert type(error) is BadRequestError
    assert not isinstance(error, ContextTooLongError)
    assert "Input is too long" in error.message


@pytest.mark.parametrize(
    "reported",
    [
        "The provided model identifier is invalid.",
        (
            "Invocation of model ID anthropic.claude-x-v1:0 with on-demand throughput isn\u2019t supported. "
            "Retry your request with the ID or ARN of an inference profile that contains this model."
        ),
    ],
)
def test_an_unknown_model_is_known_by_its_sentence(reported: str) -> None:
    """Bedrock gives it the code of any bad argument; the sentence is compared as a whole, and not looked for."""
    assert type(error_of(failure("ValidationException", 400, reported))) is NotFoundError
    for other in (f"{reported} Really.", reported.lower(), ""):
        assert type(error_of(failure("ValidationException", 400, other))) is BadRequestError
    assert type(error_of(failure("ThrottlingException", 429, reported))) is RateLimitError


@pytest.mark.parametrize(
    "reported",
    [
        "Authentication failed: Please make sure your API Key is valid.",
        "Invalid API Key format: Must start with pre-defined prefix",
    ],
)
def test_a_refused_api_key_is_told_by_its_sentence(reported: str) -> None:
    """Bedrock gives it the code of whatever is not allowed; compared as a whole too."""
    assert type(error_of(failure("AccessDeniedException", 403, reported))) is AuthenticationError
    assert type(error_of(failure("AccessDeniedException", 403, f"{reported} Really."))) is PermissionDeniedError
    assert type(error_of(failure("ThrottlingException", 429, reported))) is RateLimitError


def test_a_models_own_status_counts() -> None:
    """A model that failed says with which status."""
    assert type(error_of(failure("ModelErrorException", 424, originalStatusCode=429))) is RateLimitError
    assert type(error_of(failure("ModelErrorException", 424, originalStatusCode=400))) is BadRequestError


def test_how_long_to_wait() -> None:
    """Retry-After in seconds or as a date; what is neither is nothing."""
    assert error_of(failure("ThrottlingException", 429, headers={"retry-after": "7.5"})).retry_after == 7.5
    date = format_datetime(datetime.now(UTC) + timedelta(seconds=60), usegmt=True)
    waited = error_of(failure("ThrottlingException", 429, headers={"retry-after": date})).retry_after
    assert waited is not None
    assert 50 < waited <= 60
    assert error_of(failure("ThrottlingException", 429, headers={"retry-after": "soon"})).retry_after is None
    assert error_of(failure("ThrottlingException", 429)).retry_after is None


@pytest.mark.parametrize(("status", "kind"), [(502, ServerError), (503, OverloadedError), (403, PermissionDeniedError)])
def test_a_proxys_page_keeps_its_status(status: int, kind: type[CallError]) -> None:
    """An HTML error page is an error of its status, and its text is not the whole message."""
    error = error_of(Reply.text("<html>" + "no " * 5000 + "</html>", status=status))
    assert type(error) is kind
    assert error.status == status
    assert len(error.message) < 700


def test_a_redirect_is_not_followed() -> None:
    """A signed request stays with the host it was made for."""
    error = error_of(Reply(status=302, headers={"Location": "http://127.0.0.1:9/elsewhere"}))
    assert isinstance(error, InvalidAnswerError)


def test_a_dropped_connection() -> None:
    """The provider hangs up before it answers."""
    assert type(error_of(Reply(fault="drop"))) is ProviderConnectionError


def test_an_answer_that_is_cut_short() -> None:
    """The connection broke in the middle of it; an error keeps its status all the same."""
    begun, rest = b'{"output": {"message": ', b'{"role": "assistant"}}}'
    assert type(error_of(Reply(chunks=(begun, rest), cut_after=1))) is ProviderConnectionError
    assert type(error_of(Reply(chunks=(begun, rest), cut_after=1, status=403))) is PermissionDeniedError


def test_the_requests_timeout_ends_the_silence() -> None:
    """The read timeout of one call is that of its request."""
    error = error_of(Reply(fault="hang"), timeout=0.3)
    assert type(error) is ProviderConnectionError
    assert "read timeout" in error.message


def test_the_backends_read_timeout_ends_the_silence() -> None:
    """Without one in the request, the option's holds."""

    async def main() -> None:
        async with served(Reply(fault="hang"), read_timeout=0.3) as (_, backend):
            with pytest.raises(ProviderConnectionError):
                await backend.generate_text(request())

    asyncio.run(main())


EXHAUSTED = """
import asyncio, os, resource
from pipelex_core.errors import ProviderConnectionError
from tests.servers.bedrock import request, stated, served

async def main():
    async with served(stated("x")) as (server, backend):
        resource.setrlimit(resource.RLIMIT_NOFILE, (128, 128))
        held = []
        try:
            while True:
                held.append(os.open(os.devnull, os.O_RDONLY))
        except OSError:
            pass
        for _ in range(2):
            try:
                await backend.generate_text(request())
            except ProviderConnectionError:
                print("no connection")
        for each in held:
            os.close(each)
        print((await backend.generate_text(request())).text)

asyncio.run(main())
"""


@pytest.mark.skipif(sys.platform == "win32", reason="no limit of descriptors there")
def test_exhausted_descriptors_are_a_connection_error() -> None:
    """Which is retried; and once there are some again, calls are answered."""
    done = subprocess.run([sys.executable, "-c", EXHAUSTED], capture_output=True, text=True, check=False, timeout=60)
    assert done.stdout.split("\n") == ["no connection", "no connection", "x", ""], done.stderr


def test_nobody_listens() -> None:
    """A port that refuses, and a name that does not exist."""

    async def main(url: str) -> None:
        async with opened(url) as backend:
            with pytest.raises(ProviderConnectionError):
                await backend.generate_text(request())

    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        asyncio.run(main(f"http://127.0.0.1:{unused.getsockname()[1]}"))
    asyncio.run(main("http://bedrock.invalid"))


def test_a_server_without_tls() -> None:
    """An https address where plain http is spoken."""

    async def speak_http(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n")
        writer.close()
        await writer.wait_closed()

    async def main() -> None:
        async with await asyncio.start_server(speak_http, "127.0.0.1", 0) as server:
            async with opened(f"https://127.0.0.1:{server.sockets[0].getsockname()[1]}") as backend:
                with pytest.raises(ProviderConnectionError):
                    await backend.generate_text(request())

    asyncio.run(main())


@pytest.mark.parametrize("options", [{"aws_region": "no region!"}, {"read_timeout": -1}])
def test_an_option_that_makes_no_sense(options: dict[str, Any]) -> None:
    """It is told when the backend opens, before any request."""

    async def main() -> None:
        with pytest.raises(BadRequestError):
            async with opened("http://127.0.0.1:9", **options):
                pass

    asyncio.run(main())


def test_an_endpoint_that_is_no_address() -> None:
    """As an option that makes no sense."""

    async def main() -> None:
        with pytest.raises(BadRequestError):
            async with opened("not an address"):
                pass

    asyncio.run(main())


def test_a_secret_that_is_echoed_goes_no_further(caplog: pytest.LogCaptureFixture) -> None:
    """Neither an error's text, nor what it was made of, nor our log holds the secret key or the session token."""
    caplog.set_level(logging.DEBUG, logger="pipelex_backend_bedrock")
    token = "token-token-token"

    async def main(reply: Reply) -> None:
        async with served(reply, aws_session_token=token) as (_, backend):
            with pytest.raises(CallError) as caught:
                await backend.generate_text(request())
            error = caught.value
            assert error.__cause__ is None
            assert error.__context__ is None
            for text in (str(error), repr(error), repr(error.__dict__), caplog.text):
                assert token not in text
                assert "test-secret-key" not in text

    echo = f"Wrong: x-amz-security-token:{token} test-secret-key"
    for code, status in (("InvalidSignatureException", 403), ("ValidationException", 400), ("InternalFailure", 500)):
        asyncio.run(main(failure(code, status, echo)))
    asyncio.run(main(Reply(fault="drop")))


def test_after_its_end_a_backend_answers_no_more() -> None:
    """A call to a closed backend is an error of ours."""

    async def main() -> None:
        async with served() as (_, backend):
            await backend.close()
            with pytest.raises(CallError):
                await backend.generate_text(request())

    asyncio.run(main())
