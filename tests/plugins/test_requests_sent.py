"""The number of requests a server sees is what the policy says, for every backend that sends any: one owner of retries."""

from __future__ import annotations

import asyncio
import time
from typing import Any

import pytest
from attrs import evolve

from pipelex_core import AsyncClient, CallError, CooldownPolicy, RetryPolicy
from pipelex_core.plugins import discover
from pipelex_core.specs import ModelType
from pipelex_testing.rulebook import Rulebook, rulebook_of
from tests.servers import bedrock
from tests.servers.base import Received, Reply, Server
from tests.support.scripted import PNG, deck_of, spec

clean_aws = bedrock.clean_aws
pytestmark = pytest.mark.usefixtures("clean_aws")

OPTIONS: dict[str, dict[str, Any]] = {
    "bedrock": {"aws_region": "us-east-1", "aws_access_key_id": "AKIA", "aws_secret_access_key": "s" * 20},
    "vertexai": {"gcp_project_id": "p", "gcp_location": "europe-west4"},
    "vertexai:openai": {"gcp_project_id": "p", "gcp_location": "europe-west4"},
    "azure_openai": {"api_version": "2024-10-21"},
    "azure_openai_responses": {"api_version": "2025-03-01-preview"},
}
TEXT = (
    "openai",
    "openai_responses",
    "azure_openai",
    "azure_openai_responses",
    "anthropic",
    "mistral",
    "google",
    "vertexai",
    "vertexai:openai",
    "bedrock",
)
WAYS = [
    *((sdk, way) for sdk in TEXT for way in ("text", "stream")),
    *((sdk, "object") for sdk in ("openai", "anthropic", "mistral", "google", "bedrock")),
    ("openai_img_gen", "image"),
    ("google", "image"),
    ("fal", "image"),
    ("mistral", "pages"),
]
PASSES = (408, 429, 500, 502, 503, 529)
STAYS = (400, 401, 402, 403, 404, 409, 413, 422)
STREAMS = {"bedrock": "application/vnd.amazon.eventstream"}
TYPES = {"image": ModelType.IMG_GEN, "pages": ModelType.TEXT_EXTRACTOR}


class Failing(Server):
    """Answers everything in one way."""

    def __init__(self, reply: Reply, rules: Rulebook | None = None) -> None:
        super().__init__(rules)
        self.reply = reply

    async def answer(self, request: Received) -> Reply:
        return self.reply


def rules_of(sdk: str) -> Rulebook | None:
    """The rules of the provider that an sdk leads to."""
    return rulebook_of(sdk.partition(":")[0], sdk.partition(":")[0])


def client_of(url: str, sdk: str, way: str, retries: int) -> AsyncClient:
    """A client whose one model `m` is served by an sdk; retries do not wait."""
    name = sdk.partition(":")[0]
    deck = deck_of(spec("m", sdk=sdk, backend=name, model_type=TYPES.get(way, ModelType.LLM), max_tokens=100))
    config = evolve(
        deck.backends[name],
        endpoint=url,
        api_key=None if sdk in OPTIONS and "azure" not in sdk else deck.backends[name].api_key,
        options=OPTIONS.get(sdk, {}),
        retry=RetryPolicy(retries=retries, initial_wait=0),
        cooldown=CooldownPolicy(failures=0),
    )
    return AsyncClient(evolve(deck, backends={name: config}), discover())


async def ask(client: AsyncClient, way: str, **terms: Any) -> Any:
    """One call."""
    if way == "text":
        return await client.generate_text("x", model="m", **terms)
    if way == "object":
        return await client.generate_object("x", {"type": "object"}, model="m", **terms)
    if way == "image":
        return await client.generate_image("x", model="m", **terms)
    if way == "pages":
        return await client.extract(PNG, model="m", **terms)
    async with client.stream_text("x", model="m", **terms) as stream:
        return [delta async for delta in stream]


def requests_of(reply: Reply, sdk: str, way: str, retries: int, **terms: Any) -> tuple[int, CallError]:
    """How many requests a call makes of a server that always answers so, and its error."""

    async def main() -> tuple[int, CallError]:
        async with Failing(reply, rules_of(sdk)) as server, client_of(server.url, sdk, way, retries) as client:
            with pytest.raises(CallError) as caught:
                await ask(client, way, **terms)
            return len(server.received), caught.value

    return asyncio.run(main())


def answered(status: int) -> Reply:
    """An error in a form that most providers have."""
    return Reply.json({"error": {"message": "no", "type": "fault"}, "message": "no", "detail": "no"}, status=status)


@pytest.mark.parametrize("sdk, way", WAYS)
@pytest.mark.parametrize("retries", [0, 2])
def test_what_may_pass_is_asked_again_as_often_as_the_policy_says(sdk: str, way: str, retries: int) -> None:
    """1 + retries requests, each of them in the ledger; one where a paid job may have been taken all the same."""
    for status in PASSES:
        sent, error = requests_of(answered(status), sdk, way, retries)
        expected = 1 if error.unsettled else 1 + retries
        assert (status, sent) == (status, expected)
        assert [attempt.status for attempt in error.attempts] == [status] * expected
        open_ones = {"fal": (500, 502, 529)}.get(sdk, (502,)) if way == "image" else ()
        assert error.unsettled == (status in open_ones), status


@pytest.mark.parametrize("sdk, way", WAYS)
def test_what_stays_wrong_is_asked_once(sdk: str, way: str) -> None:
    """Keys, permissions, unknown models and wrong requests are not sent again."""
    for status in STAYS:
        sent, error = requests_of(answered(status), sdk, way, 2)
        assert (status, sent, len(error.attempts)) == (status, 1, 1)


@pytest.mark.parametrize("sdk, way", WAYS)
def test_a_dropped_connection_is_asked_again_as_often_as_the_policy_says(sdk: str, way: str) -> None:
    """Neither the SDK nor the pool repeats anything by itself; an image that may have been made is not asked for again."""
    sent, error = requests_of(Reply(fault="drop"), sdk, way, 2)
    assert sent == len(error.attempts) == (1 if way == "image" else 3)


@pytest.mark.parametrize("sdk, way", WAYS)
@pytest.mark.parametrize("silent", [Reply(fault="hang"), Reply.json({"a": "b"}, stall_after=0)], ids=["hang", "stall"])
def test_a_hanging_server_costs_the_deadline_and_no_more(sdk: str, way: str, silent: Reply) -> None:
    """Whether it says nothing at all, or nothing after its headers."""
    if way == "stream":
        silent = evolve(silent, content_type=STREAMS.get(sdk, "text/event-stream"))

    async def main() -> None:
        async with Failing(silent, rules_of(sdk)) as server, client_of(server.url, sdk, way, 2) as client:
            with pytest.raises(CallError):
                await ask(client, way, deadline=5, idle_timeout=0.3, retries=0)  # all is imported and open
            started = time.monotonic()
            with pytest.raises(CallError) as caught:
                await ask(client, way, deadline=0.5)
            assert 0.4 < time.monotonic() - started < 4
            assert type(caught.value).__name__ == "DeadlineExceededError"
            assert [attempt.outcome for attempt in caught.value.attempts] == ["error"]

    asyncio.run(main())


@pytest.mark.parametrize("sdk, way", WAYS)
def test_a_retry_waits_as_long_as_the_provider_asks(sdk: str, way: str) -> None:
    """`Retry-After` and `retry-after-ms`, from every SDK's errors; the ledger tells the wait."""

    async def main() -> None:
        reply = evolve(answered(429), headers={"Retry-After": "1", "retry-after-ms": "40"})
        async with Failing(reply, rules_of(sdk)) as server, client_of(server.url, sdk, way, 1) as client:
            started = time.monotonic()
            with pytest.raises(CallError) as caught:
                await ask(client, way)
            assert time.monotonic() - started >= 0.04
            first, second = caught.value.attempts
            assert (first.wait_s, first.wait_reason) == (0.0, None)
            assert 0 < second.wait_s <= 0.05
            assert second.wait_reason == "retry-after"
            server.reply = evolve(answered(429), headers={"Retry-After": "31"})
            started = time.monotonic()
            with pytest.raises(CallError) as caught:
                await ask(client, way)
            assert time.monotonic() - started < 10
            assert (len(caught.value.attempts), caught.value.retry_after) == (1, 31)

    asyncio.run(main())
