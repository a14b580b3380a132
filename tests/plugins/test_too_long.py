"""A prompt longer than its model's context, at every provider: one error, by a code, or by the status and the size."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

from pipelex_core.errors import BadRequestError, CallError, ContextTooLongError
from tests.conformance.rows import ROWS
from tests.plugins.test_bad_input import limited, one_call
from tests.servers import anthropic, bedrock, google, mistral, openai_server
from tests.servers.bedrock import clean_aws

if TYPE_CHECKING:
    from tests.conformance.provider import Column, Provider
    from tests.servers.base import Reply

__all__ = ["clean_aws"]

pytestmark = pytest.mark.usefixtures("clean_aws")

CHATS = [row for row in ROWS if row.is_scripted and "text" in row.cells]
LONG = "Name three rivers. " * 500
WINDOW = 1000


def refusal(provider: Provider, *, coded: bool = False) -> Reply:
    """How a provider says it; most without a code of its own."""
    stated = {
        "openai": openai_server.error(
            400, "Please reduce the length.", code="context_length_exceeded" if coded else "invalid_request_error"
        ),
        "anthropic": anthropic.failure(400, "invalid_request_error", "prompt is too long: 2500 tokens > 1000 maximum"),
        "mistralai": mistral.fault(400, "Prompt contains 2500 tokens, too large for the model.", code="3051"),
        "google.genai": google.error(400, "INVALID_ARGUMENT", "The input token count exceeds the maximum."),
        "botocore": bedrock.failure("ValidationException", 400, "Input is too long for requested model."),
    }
    return stated[provider.sdk_module]


def error_of(provider: Provider, what: Column, prompt: str, reply: Reply, **changes: int | None) -> CallError:
    """The error of one call, asked once."""

    async def main() -> CallError:
        async with asyncio.timeout(60), limited(provider, **changes) as at:
            at.server.queue(reply)
            with pytest.raises(CallError) as caught:
                await one_call(at, what, system=prompt)
            assert len(at.server.received) == 1
            return caught.value

    return asyncio.run(main())


@pytest.mark.parametrize("what", ["text", "stream", "object"])
@pytest.mark.parametrize("provider", CHATS, ids=lambda row: row.name)
def test_a_prompt_that_is_too_long_is_one_at_every_provider(provider: Provider, what: Column) -> None:
    """Nobody's words are searched: the status, and the size of the prompt beside the model's context, tell."""
    error = error_of(provider, what, LONG, refusal(provider), context_window=WINDOW)
    assert type(error) is ContextTooLongError
    assert (error.backend, error.status, len(error.attempts)) == (provider.backend, 400, 1)
    assert error.attempts[0].error == "ContextTooLongError"
    assert "larger context" in str(error)


def test_bedrock_may_say_so_in_a_stream() -> None:
    """Some models there answer with a stream, whose first event is the error."""
    (provider,) = (row for row in CHATS if row.name == "bedrock")
    reported = bedrock.stream(bedrock.exception_event("validationException", message="Too long."))
    error = error_of(provider, "stream", LONG, reported, context_window=WINDOW)
    assert type(error) is ContextTooLongError
    assert type(error_of(provider, "stream", "Be brief.", reported, context_window=WINDOW)) is BadRequestError


@pytest.mark.parametrize("provider", CHATS, ids=lambda row: row.name)
def test_any_other_bad_request_stays_one(provider: Provider) -> None:
    """A short prompt, and one for a model whose context nobody knows."""
    for prompt, window in (("Be brief.", WINDOW), (LONG, None)):
        error = error_of(provider, "text", prompt, refusal(provider), context_window=window)
        assert type(error) is BadRequestError


def test_a_code_tells_without_a_size() -> None:
    """OpenAI has one."""
    (openai,) = (row for row in CHATS if row.name == "openai")
    error = error_of(openai, "text", "Be brief.", refusal(openai, coded=True), context_window=None)
    assert type(error) is ContextTooLongError
