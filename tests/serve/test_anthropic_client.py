"""Anthropic's own client against the gateway: messages through the handles of a deck, whoever answers."""

from __future__ import annotations

import base64
import json
from typing import TYPE_CHECKING, Any

import anthropic
import httpx2
import pytest

from pipelex_testing.samples import png
from tests.servers.anthropic import COUNTED, failure, message, replied, streamed, thinking, tool_use
from tests.servers.base import Reply
from tests.servers.openai_server import chunks, completion, error

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.serve.providers import Providers
    from tests.support.serving import Served

HELLO: Any = [{"role": "user", "content": "Hello"}]
WEATHER: Any = {
    "name": "get_weather",
    "description": "The weather of a city.",
    "input_schema": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]},
}


@pytest.fixture
def client(served: Served, providers: Providers) -> Iterator[anthropic.Anthropic]:
    with anthropic.Anthropic(base_url=served.url, api_key="anything", max_retries=0) as client:
        yield client


def test_a_message_is_answered_by_another_provider(client: anthropic.Anthropic, providers: Providers) -> None:
    """An Anthropic client asks, OpenAI's model answers; usage and the reason are there."""
    answer = client.messages.create(model="gpt", max_tokens=50, system="Be brief.", messages=HELLO)
    assert [block.type for block in answer.content] == ["text"]
    assert answer.content[0].text == providers[0].text  # type: ignore[union-attr]
    assert (answer.stop_reason, answer.role, answer.model) == ("end_turn", "assistant", "gpt")
    assert answer.usage.output_tokens > 0
    assert answer.usage.cache_read_input_tokens == 4
    sent = providers[0].received[-1].json
    assert sent["messages"][0] == {"role": "system", "content": "Be brief."}


def test_a_stream_has_every_event(client: anthropic.Anthropic, providers: Providers) -> None:
    """The usage is whole at the end; the client's own helper puts the message together."""
    with client.messages.stream(model="gpt", max_tokens=50, messages=HELLO) as stream:
        kinds = [event.type for event in stream]
        final = stream.get_final_message()
    assert kinds[0] == "message_start"
    assert kinds[-1] == "message_stop"
    assert final.content[0].text == providers[0].text  # type: ignore[union-attr]
    assert (final.usage.input_tokens, final.usage.output_tokens) == (8, 9)


@pytest.mark.parametrize("streams", [False, True])
def test_tools_over_two_turns(client: anthropic.Anthropic, providers: Providers, streams: bool) -> None:
    """Two calls at once are answered in one message, and each result finds its call."""
    calls = [
        {
            "id": f"call_{n}",
            "type": "function",
            "function": {"name": "get_weather", "arguments": json.dumps({"city": city})},
        }
        for n, city in enumerate(["Paris", "Rome"])
    ]
    providers[0].queue(
        Reply.sse(*chunks("Let me see.", tool_calls=calls))
        if streams
        else Reply.json(completion("Let me see.", tool_calls=calls))
    )
    options: Any = {"model": "gpt", "max_tokens": 50, "tools": [WEATHER], "tool_choice": {"type": "any"}}
    messages: Any = [{"role": "user", "content": "Weather?"}]
    if streams:
        with client.messages.stream(messages=messages, **options) as stream:
            first: Any = stream.get_final_message()
    else:
        first = client.messages.create(messages=messages, **options)
    requested = [block for block in first.content if block.type == "tool_use"]
    assert first.stop_reason == "tool_use"
    assert [(block.id, block.input["city"]) for block in requested] == [("call_0", "Paris"), ("call_1", "Rome")]
    assert providers[0].received[-1].json["tool_choice"] == "required"
    results = [
        {"type": "tool_result", "tool_use_id": block.id, "content": [{"type": "text", "text": "sunny"}]}
        for block in requested
    ]
    messages += [
        {"role": "assistant", "content": first.content},
        {"role": "user", "content": [*results, {"type": "text", "text": "And?"}]},
    ]
    client.messages.create(model="gpt", max_tokens=50, tools=[WEATHER], messages=messages)
    roles = [sent["role"] for sent in providers[0].received[-1].json["messages"]]
    assert roles == ["user", "assistant", "tool", "tool", "user"]


@pytest.mark.parametrize("streams", [False, True])
def test_thinking_goes_back_as_it_came(client: anthropic.Anthropic, providers: Providers, streams: bool) -> None:
    """The signature of the model that answered is kept in the one that the client sees."""
    stated = message(
        thinking("Paris, then.", signature="c2lnbmVk"),
        tool_use("toolu_1", "get_weather", {"city": "Paris"}),
        stop_reason="tool_use",
    )
    providers[1].queue(streamed(stated) if streams else replied(stated))
    options: Any = {
        "model": "claude",
        "max_tokens": 4000,
        "tools": [WEATHER],
        "thinking": {"type": "enabled", "budget_tokens": 1024},
    }
    messages: Any = [{"role": "user", "content": "Weather?"}]
    if streams:
        with client.messages.stream(messages=messages, **options) as stream:
            first: Any = stream.get_final_message()
    else:
        first = client.messages.create(messages=messages, **options)
    assert first.content[0].thinking == "Paris, then."
    assert providers[1].bodies[-1]["thinking"] == {"type": "enabled", "budget_tokens": 1024}
    messages += [
        {"role": "assistant", "content": [block.model_dump() for block in first.content]},
        {"role": "user", "content": [{"type": "tool_result", "tool_use_id": "toolu_1", "content": "sunny"}]},
    ]
    client.messages.create(messages=messages, **options)
    sent = providers[1].bodies[-1]["messages"][1]["content"]
    assert [block["type"] for block in sent] == ["thinking", "tool_use"]
    assert sent[0]["signature"] == "c2lnbmVk"


def test_thinking_that_was_signed_elsewhere_passes(client: anthropic.Anthropic, providers: Providers) -> None:
    """A conversation that was begun at Anthropic itself goes on here."""
    own: Any = [{"type": "thinking", "thinking": "So.", "signature": "bmF0aXZl"}, {"type": "text", "text": "Yes."}]
    messages: Any = [*HELLO, {"role": "assistant", "content": own}, {"role": "user", "content": "Go on."}]
    client.messages.create(model="claude", max_tokens=50, messages=messages)
    assert providers[1].bodies[-1]["messages"][1]["content"] == own


def test_an_envelope_that_was_changed_is_refused(client: anthropic.Anthropic) -> None:
    """It is not half read."""
    bad: Any = [{"type": "thinking", "thinking": "So.", "signature": "pplx1.AAAA"}, {"type": "text", "text": "Yes."}]
    with pytest.raises(anthropic.BadRequestError, match="came back changed"):
        client.messages.create(
            model="m", max_tokens=9, messages=[*HELLO, {"role": "assistant", "content": bad}, *HELLO]
        )


def test_an_object_by_output_config(client: anthropic.Anthropic) -> None:
    """A schema is asked for in Anthropic's form, and answered by anybody."""
    schema = {
        "type": "object",
        "properties": {"name": {"type": "string"}},
        "required": ["name"],
        "additionalProperties": False,
    }
    form: Any = {"format": {"type": "json_schema", "schema": schema}}
    answer: Any = client.messages.create(model="m", max_tokens=50, messages=HELLO, output_config=form)
    assert set(json.loads(answer.content[0].text)) == {"name"}
    with client.messages.stream(model="gpt", max_tokens=50, messages=HELLO, output_config=form) as stream:
        pieces = list(stream.text_stream)
        final: Any = stream.get_final_message()
    assert len(pieces) > 1  # it comes as it is made
    assert set(json.loads("".join(pieces))) == {"name"}
    assert final.content[0].text == "".join(pieces)
    assert final.stop_reason == "end_turn"


def test_images_in_messages_and_in_results(client: anthropic.Anthropic, providers: Providers) -> None:
    """An image of a tool's result goes into the message after it."""
    data = base64.b64encode(png()).decode()
    image: Any = {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": data}}
    use: Any = {"type": "tool_use", "id": "toolu_9", "name": "get_weather", "input": {"city": "Rome"}}
    messages: Any = [
        {"role": "user", "content": [image, {"type": "text", "text": "What is it?"}]},
        {"role": "assistant", "content": [use]},
        {
            "role": "user",
            "content": [
                {"type": "tool_result", "tool_use_id": "toolu_9", "content": [{"type": "text", "text": "see"}, image]}
            ],
        },
    ]
    client.messages.create(model="gpt", max_tokens=50, messages=messages, tools=[WEATHER])
    sent = providers[0].received[-1].json["messages"]
    assert [part["type"] for part in sent[0]["content"]] == ["image_url", "text"]
    assert sent[2] == {"role": "tool", "tool_call_id": "toolu_9", "content": "see"}
    assert sent[3]["content"][0]["type"] == "image_url"


def test_what_claude_code_sends_is_taken(client: anthropic.Anthropic, providers: Providers) -> None:
    """System blocks, a system message among the messages, cache marks, betas, and parameters that nobody else has."""
    messages: Any = [
        {"role": "user", "content": [{"type": "text", "text": "Hi", "cache_control": {"type": "ephemeral"}}]},
        {"role": "system", "content": "Today is Tuesday."},
    ]
    with client.messages.with_streaming_response.create(
        stream=True,
        model="gpt",
        max_tokens=64000,
        system=[
            {"type": "text", "text": "x-anthropic-billing-header: cc"},
            {"type": "text", "text": "You are Claude."},
        ],
        messages=messages,
        thinking={"type": "adaptive"},
        extra_body={"context_management": {"edits": []}, "metadata": {"user_id": "{}"}, "service_tier": "auto"},
        extra_headers={"anthropic-beta": "a-2026-01-01,b-2026-02-02"},
        extra_query={"beta": "true"},
    ) as raw:
        assert b"message_stop" in raw.read()
    assert sorted(raw.headers["x-pipelex-ignored"].split(",")) == ["context_management", "service_tier"]
    sent = providers[0].received[-1].json["messages"]
    assert "Today is Tuesday." in sent[0]["content"]


def test_a_thread_is_refused(client: anthropic.Anthropic) -> None:
    """Its second turn comes without the first: it would be answered out of nothing."""
    for thread in ({"type": "create"}, {"type": "continue", "previous_message_id": "msg_1"}):
        with pytest.raises(anthropic.BadRequestError, match="whole history"):
            client.messages.create(model="m", max_tokens=9, messages=HELLO, extra_body={"thread": thread})


def test_tokens_are_counted_and_it_says_how(client: anthropic.Anthropic, providers: Providers) -> None:
    """The provider counts where it can; an estimate, also in place of a count that fails, says that it is one."""

    def count(model: str) -> tuple[str, int]:
        raw = client.messages.with_raw_response.count_tokens(
            model=model, messages=HELLO, system="Be brief.", tools=[WEATHER]
        )
        return raw.headers["x-pipelex-count"], raw.parse().input_tokens

    assert count("claude") == ("provider", COUNTED)
    assert providers[1].bodies[-1]["tools"][0]["name"] == "get_weather"
    how, estimated = count("m")
    assert how == "estimate"
    assert 10 < estimated < 200
    providers[1].queue(failure(529, "overloaded_error"))
    assert count("claude")[0] == "estimate"
    assert client.messages.create(model="claude", max_tokens=9, messages=HELLO).content


def test_errors_come_in_the_protocols_own_form(client: anthropic.Anthropic, providers: Providers) -> None:
    """Unknown handles, missing parameters, full and overloaded providers."""
    with pytest.raises(anthropic.NotFoundError) as unknown:
        client.messages.create(model="nothing", max_tokens=9, messages=HELLO)
    assert unknown.value.body["error"]["type"] == "not_found_error"  # type: ignore[index]
    with pytest.raises(anthropic.BadRequestError, match="max_tokens"):
        client.post("/v1/messages", body={"model": "m", "messages": HELLO}, cast_to=httpx2.Response)
    providers[0].queue(error(429, "slow", headers={"retry-after": "2"}))
    with pytest.raises(anthropic.RateLimitError) as full:
        client.messages.create(model="gpt", max_tokens=9, messages=HELLO)
    assert full.value.response.headers["retry-after"] == "2"
    providers[0].queue(error(503, "busy"))
    with pytest.raises(anthropic.InternalServerError) as busy:
        client.messages.create(model="gpt", max_tokens=9, messages=HELLO)
    assert busy.value.status_code == 529
    providers[0].queue(Reply.sse(*chunks("one two three"), cut_after=3))
    with (
        pytest.raises(anthropic.APIStatusError),
        client.messages.stream(model="gpt", max_tokens=9, messages=HELLO) as stream,
    ):
        list(stream)


def test_models_in_anthropics_form(client: anthropic.Anthropic) -> None:
    """The same handles."""
    assert {"gpt", "claude", "brief"} <= {model.id for model in client.models.list()}
    assert client.models.retrieve("brief").type == "model"


def test_both_ways_to_send_a_key(served: Served) -> None:
    """Anthropic's SDKs send it as Bearer, others as x-api-key; without one there is a 401."""
    secret = served.key("bearer-or-not")
    try:
        body = {"model": "m", "max_tokens": 9, "messages": HELLO}
        for headers in ({"authorization": f"Bearer {secret}"}, {"x-api-key": secret}):
            answer = httpx2.post(f"{served.url}/v1/messages", json=body, headers=headers)
            assert answer.status_code == 200, answer.text
        for headers in ({}, {"x-api-key": "pplx-wrong"}):
            refused = httpx2.post(f"{served.url}/v1/messages", json=body, headers=headers)
            assert refused.status_code == 401
            assert refused.json()["error"]["type"] == "authentication_error"
    finally:
        served.run(served.gateway.accounts.store.revoke("bearer-or-not", "now"))
        served.gateway.accounts._open_until = 0
