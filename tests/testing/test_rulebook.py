"""The rulebook in the kit's servers: what a provider would refuse is refused, in its form."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import httpx2
import pytest

from pipelex_testing import (
    AnthropicMessages,
    BedrockConverse,
    Gemini,
    Mistral,
    OpenAIChat,
    OpenAIResponses,
    SampleAnswer,
    Server,
)
from pipelex_testing.rulebook import Rulebook, rulebook_of

if TYPE_CHECKING:
    from pipelex_testing.wire import Wire

HELLO = {"role": "user", "content": "Hello"}
REFUSED: list[tuple[Wire, str, dict[str, Any], int, str, Any]] = [
    (
        OpenAIChat("openai"),
        "/v1/chat/completions",
        {"model": "gpt-5", "messages": [HELLO], "max_tokens": 5},
        400,
        "error.code",
        "unsupported_parameter",
    ),
    (OpenAIChat(), "/v1/chat/completions", {"model": "m", "messages": []}, 400, "error.param", "messages"),
    (
        OpenAIResponses(),
        "/v1/responses",
        {"model": "gpt-5", "input": "a", "max_output_tokens": 5},
        400,
        "error.type",
        "invalid_request_error",
    ),
    (
        AnthropicMessages(),
        "/v1/messages",
        {"model": "claude-opus-5", "messages": [HELLO]},
        400,
        "error.type",
        "invalid_request_error",
    ),
    (
        Gemini(),
        "/v1beta/models/gemini-3-flash:generateContent",
        {"contents": []},
        400,
        "error.status",
        "INVALID_ARGUMENT",
    ),
    (Mistral(), "/v1/chat/completions", {"model": "m", "messages": [HELLO], "seed": 1}, 422, "object", "error"),
    (
        BedrockConverse(),
        "/model/amazon.nova-lite-v1:0/converse",
        {"messages": [{"role": "user", "content": [{"text": " "}]}]},
        400,
        "message",
        None,
    ),
]


def _post(wire: Wire, path: str, body: Any, *, rules: bool = True) -> tuple[httpx2.Response, Server]:
    async def main() -> tuple[httpx2.Response, Server]:
        async with wire.server() as server:
            if not rules:
                server.rules = None
            server.queue(wire.answer(SampleAnswer(text="Hi there")))
            async with httpx2.AsyncClient() as client:
                return await client.post(server.url + path, json=body), server

    return asyncio.run(main())


@pytest.mark.parametrize("case", REFUSED)
def test_what_a_provider_refuses_is_refused(case: Any) -> None:
    """A request that breaks a rule gets the provider's status and body, and the server keeps the rule's id."""
    wire, path, body, status, place, value = case
    answer, server = _post(wire, path, body)

    found: Any = answer.json()
    for name in place.split("."):
        found = found[name]
    assert answer.status_code == status
    assert value is None or found == value
    assert server.refused == [answer.headers["x-pipelex-rule"]]


@pytest.mark.parametrize("case", REFUSED)
def test_rules_can_be_switched_off(case: Any) -> None:
    """With rules None the same request is answered."""
    wire, path, body, *_ = case
    answer, server = _post(wire, path, body, rules=False)

    assert answer.status_code == 200
    assert server.refused == []


def test_single_rules_can_be_left_out() -> None:
    """A rule in `without` is not applied, and no other is lost."""
    rules = Rulebook(provider="openai", without=frozenset({"openai.chat.max-tokens-of-reasoning-models"}))
    wire = OpenAIChat("openai")
    wire.rules = rules

    assert _post(wire, *REFUSED[0][1:3])[0].status_code == 200
    assert _post(wire, REFUSED[0][1], {"model": "gpt-5"})[0].status_code == 400


@pytest.mark.parametrize(
    "sdk, backend, provider",
    [
        ("openai", "openai", "openai"),
        ("openai", "groq", "groq"),
        ("openai", "my_gateway", "compatible"),
        ("azure_openai", "azure_openai", "azure_openai"),
        ("openai_responses", "openai", "openai"),
        ("bedrock_aioboto3", "bedrock", "bedrock"),
        ("vertexai", "vertexai", "google"),
        ("openai", "vertexai", "google"),
        ("anthropic", "vertexai", "anthropic"),
    ],
)
def test_an_sdk_has_the_rules_of_its_backend(sdk: str, backend: str, provider: str) -> None:
    """An SDK that many endpoints are compatible with has the rules of the backend's provider, where there are some."""
    assert rulebook_of(sdk, backend) == Rulebook(provider=provider)
    assert rulebook_of("their_sdk", backend) is None
