"""OpenAI's own client against the gateway: chat completions through the handles of a deck."""

from __future__ import annotations

import asyncio
import base64
import json
import socket
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import openai
import pytest
from mistralai.client import Mistral
from mistralai.client.models import BaseModelCard

from pipelex_testing.running import until
from pipelex_testing.samples import png
from tests.servers.anthropic import message, replied, streamed, thinking, tool_use
from tests.servers.base import Reply
from tests.servers.openai_server import chunks, completion, error
from tests.support.sounds import wav

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.serve.providers import Providers
    from tests.support.serving import Served

WEATHER: Any = {
    "type": "function",
    "function": {
        "name": "get_weather",
        "description": "The weather of a city.",
        "parameters": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]},
    },
}
HELLO: Any = [{"role": "user", "content": "Hello"}]


@pytest.fixture
def client(served: Served, providers: Providers) -> Iterator[openai.OpenAI]:
    with openai.OpenAI(base_url=f"{served.url}/v1", api_key="anything", max_retries=0) as client:
        yield client


def test_a_text_comes_through_an_alias(client: openai.OpenAI, providers: Any) -> None:
    """A handle is a model, and the answer says who gave it, for how much."""
    raw = client.chat.completions.with_raw_response.create(model="smart_llm", messages=HELLO, temperature=0.6)
    answer = raw.parse()
    assert answer.choices[0].message.content == providers[0].text
    assert answer.choices[0].finish_reason == "stop"
    assert answer.model == "smart_llm"
    assert answer.usage is not None
    assert answer.usage.total_tokens > 0
    assert raw.headers["x-pipelex-model"] == "gpt"
    assert raw.headers["x-pipelex-backend"] == "openai"
    assert float(raw.headers["x-pipelex-cost"]) > 0
    sent = providers[0].received[-1].json
    assert sent["model"] == "gpt-4o-mini"
    assert sent["temperature"] == pytest.approx(0.6), "a temperature of OpenAI's protocol is one already"


def test_settings_of_the_request_win_over_the_presets(client: openai.OpenAI) -> None:
    """A preset's max_tokens holds where the request has none."""
    long = "one two three four five six"
    own = client.chat.completions.create(model="brief", messages=[{"role": "user", "content": long}])
    assert (own.choices[0].finish_reason, own.usage and own.usage.completion_tokens) == ("length", 3)
    more = client.chat.completions.create(model="brief", max_tokens=5, messages=[{"role": "user", "content": long}])
    assert more.usage
    assert more.usage.completion_tokens == 5


@pytest.mark.parametrize(
    "more",
    [
        {"reasoning": {"max_tokens": 2000}},
        {"thinking": {"type": "enabled", "budget_tokens": 2000}},
        {"reasoning_effort": "high", "reasoning": {"max_tokens": 2000}},
    ],
    ids=["OpenRouter's", "LiteLLM's", "both"],
)
def test_a_budget_of_reasoning(client: openai.OpenAI, providers: Any, more: Any) -> None:
    """OpenAI's protocol has none, and clients have agreed on none: two forms of it are read."""
    client.chat.completions.create(model="claude", messages=HELLO, extra_body=more)
    assert providers[1].bodies[-1]["thinking"] == {"type": "enabled", "budget_tokens": 2000}


def test_more_tokens_than_a_model_has_are_cut_to_what_it_has(client: openai.OpenAI, providers: Any) -> None:
    """Clients ask for what their own tables say."""
    client.chat.completions.create(model="gpt", messages=HELLO, max_completion_tokens=64000)
    assert (
        providers[0]
        .received[-1]
        .json["max_tokens" if "max_tokens" in providers[0].received[-1].json else "max_completion_tokens"]
        == 16000
    )


def test_a_stream_ends_with_usage_and_its_reason(client: openai.OpenAI, providers: Any) -> None:
    """The pieces are the provider's, and the last chunk has no choices."""
    stream = client.chat.completions.create(
        model="gpt", messages=HELLO, stream=True, stream_options={"include_usage": True}
    )
    events = list(stream)
    stated = "".join(event.choices[0].delta.content or "" for event in events if event.choices)
    assert stated == providers[0].text
    assert events[0].choices[0].delta.role == "assistant"
    assert [event.choices[0].finish_reason for event in events if event.choices][-1] == "stop"
    assert events[-1].choices == []
    assert events[-1].usage is not None
    assert events[-1].usage.prompt_tokens > 0


def test_the_helper_for_streams_reads_it(client: openai.OpenAI, providers: Any) -> None:
    """`.stream()` is strict: index, role and reason have to be there."""
    with client.chat.completions.stream(model="gpt", messages=HELLO) as stream:
        assert stream.get_final_completion().choices[0].message.content == providers[0].text


@pytest.mark.parametrize("streams", [False, True])
def test_tools_over_two_turns(client: openai.OpenAI, providers: Any, streams: bool) -> None:
    """The model calls a tool, and answers with its result: the ids are the same all the way."""
    call = {"id": "call_abc", "type": "function", "function": {"name": "get_weather", "arguments": '{"city": "Paris"}'}}
    providers[0].queue(
        Reply.sse(*chunks("", tool_calls=[call])) if streams else Reply.json(completion(None, tool_calls=[call]))
    )
    messages: Any = [{"role": "user", "content": "Weather in Paris?"}]
    if streams:
        with client.chat.completions.stream(model="gpt", messages=messages, tools=[WEATHER]) as stream:
            first: Any = stream.get_final_completion()
    else:
        first = client.chat.completions.create(model="gpt", messages=messages, tools=[WEATHER])
    requested = first.choices[0].message.tool_calls[0]
    assert first.choices[0].finish_reason == "tool_calls"
    assert (requested.id, requested.function.name, json.loads(requested.function.arguments)) == (
        "call_abc",
        "get_weather",
        {"city": "Paris"},
    )
    messages += [first.choices[0].message, {"role": "tool", "tool_call_id": requested.id, "content": "sunny"}]
    second = client.chat.completions.create(model="gpt", messages=messages, tools=[WEATHER])
    assert second.choices[0].message.content == providers[0].text
    sent = providers[0].received[-1].json["messages"]
    assert sent[1]["tool_calls"][0]["id"] == "call_abc"
    assert sent[2] == {"role": "tool", "tool_call_id": "call_abc", "content": "sunny"}


@pytest.mark.parametrize("streams", [False, True])
@pytest.mark.parametrize("keeps", ["everything", "text and calls"])
def test_claude_thinks_on_over_turns_of_an_openai_client(
    client: openai.OpenAI, providers: Any, keeps: str, streams: bool
) -> None:
    """Thinking goes back signed, also where the client keeps nothing but what OpenAI's protocol has."""
    stated = message(
        thinking("Where? Paris.", signature="c2lnbmVk"),
        tool_use("toolu_1", "get_weather", {"city": "Paris"}),
        stop_reason="tool_use",
    )
    providers[1].queue(streamed(stated) if streams else replied(stated))
    messages: Any = [{"role": "user", "content": "Weather in Paris?"}]
    options: Any = {"model": "claude", "tools": [WEATHER], "reasoning_effort": "low"}
    if streams:
        with client.chat.completions.stream(messages=messages, **options) as stream:
            first: Any = stream.get_final_completion()
    else:
        first = client.chat.completions.create(messages=messages, **options)
    answer = first.choices[0].message
    own = answer.model_dump(exclude_none=True)
    if keeps != "everything":
        calls = [
            {
                "id": c["id"],
                "type": "function",
                "function": {"name": c["function"]["name"], "arguments": c["function"]["arguments"]},
            }
            for c in own["tool_calls"]
        ]
        own = {"role": "assistant", "content": None, "tool_calls": calls}
    else:
        for call in own["tool_calls"]:
            call.pop("index", None)
            call["function"].pop("parsed_arguments", None)
        own.pop("parsed", None)
    messages += [own, {"role": "tool", "tool_call_id": "toolu_1", "content": "sunny"}]
    client.chat.completions.create(messages=messages, **options)
    assistant = providers[1].bodies[-1]["messages"][1]["content"]
    assert [block["type"] for block in assistant] == ["thinking", "tool_use"]
    assert assistant[0]["signature"] == "c2lnbmVk"


def test_an_object_comes_as_the_provider_gave_it(client: openai.OpenAI, providers: Any) -> None:
    """A schema of `response_format` goes to the provider; what it answers is not judged here."""
    schema = {
        "type": "object",
        "properties": {"name": {"type": "string"}},
        "required": ["name"],
        "additionalProperties": False,
    }
    form: Any = {"type": "json_schema", "json_schema": {"name": "river", "schema": schema, "strict": True}}
    providers[0].queue(Reply.json(completion('{"nom": "Seine"}')))
    answer = client.chat.completions.create(model="gpt", messages=HELLO, response_format=form)
    assert answer.choices[0].message.content == '{"nom": "Seine"}'
    assert providers[0].received[-1].json["response_format"]["json_schema"]["name"] == "river"
    events = client.chat.completions.create(model="m", messages=HELLO, response_format=form, stream=True)
    stated = "".join(event.choices[0].delta.content or "" for event in events)
    assert set(json.loads(stated)) == {"name"}
    providers[0].queue(Reply.sse(*chunks('{"name": "la Seine"}')))
    events = client.chat.completions.create(model="gpt", messages=HELLO, response_format=form, stream=True)
    pieces = [event.choices[0].delta.content for event in events if event.choices[0].delta.content]
    assert pieces == ['{"name":', ' "la', ' Seine"}'], "it comes as it is made"
    assert providers[0].received[-1].json["stream"] is True


def test_an_image_and_a_pdf_go_in(client: openai.OpenAI, providers: Any) -> None:
    """A data URL is bytes, whoever answers."""
    url = "data:image/png;base64," + base64.b64encode(png()).decode()
    content: Any = [
        {"type": "text", "text": "What is it?"},
        {"type": "image_url", "image_url": {"url": url, "detail": "high"}},
    ]
    client.chat.completions.create(model="claude", messages=[{"role": "user", "content": content}])
    blocks = providers[1].bodies[-1]["messages"][0]["content"]
    assert [block["type"] for block in blocks] == ["text", "image"]
    assert base64.b64decode(blocks[1]["source"]["data"]) == png()


def test_a_path_is_never_read(client: openai.OpenAI) -> None:
    """A request must not make the gateway read its own files."""
    for url in ("/etc/passwd", "file:///etc/passwd", "../secret.png"):
        content: Any = [{"type": "image_url", "image_url": {"url": url}}]
        with pytest.raises(openai.BadRequestError, match="data URL"):
            client.chat.completions.create(model="m", messages=[{"role": "user", "content": content}])


def test_errors_come_in_the_protocols_own_form(client: openai.OpenAI, providers: Any) -> None:
    """An unknown handle, a wrong setting, a full provider, one that fails, and one that refuses the gateway's key."""
    with pytest.raises(openai.NotFoundError) as unknown:
        client.chat.completions.create(model="nothing", messages=HELLO)
    assert unknown.value.code == "model_not_found"
    with pytest.raises(openai.BadRequestError, match="temperature"):
        client.chat.completions.create(model="m", messages=HELLO, temperature=7)
    with pytest.raises(openai.BadRequestError, match="'n' must be a whole number from 1 to 128"):
        client.chat.completions.create(model="m", messages=HELLO, n=0)
    providers[0].queue(error(429, "slow down", headers={"retry-after": "3"}))
    with pytest.raises(openai.RateLimitError) as full:
        client.chat.completions.create(model="gpt", messages=HELLO)
    assert full.value.response.headers["retry-after"] == "3"
    providers[0].queue(error(400, "too long", code="context_length_exceeded"))
    with pytest.raises(openai.BadRequestError) as long:
        client.chat.completions.create(model="gpt", messages=HELLO)
    assert long.value.code == "context_length_exceeded"
    providers[0].queue(error(500, "broken"))
    with pytest.raises(openai.InternalServerError):
        client.chat.completions.create(model="gpt", messages=HELLO)
    providers[0].queue(error(401, "wrong key sk-provider-0123456789"))
    with pytest.raises(openai.InternalServerError) as refused:
        client.chat.completions.create(model="gpt", messages=HELLO)
    assert refused.value.status_code == 502
    assert refused.value.response.headers["x-should-retry"] == "false"
    assert "sk-provider" not in refused.value.response.text


def test_a_chain_moves_on(client: openai.OpenAI, providers: Any) -> None:
    """A fallback of the deck is one for every client."""
    providers[0].queue(error(503, "busy"))
    raw = client.chat.completions.with_raw_response.create(model="smart_llm", messages=HELLO)
    assert raw.headers["x-pipelex-model"] == "claude"
    assert raw.headers["x-pipelex-attempts"] == "2"


def test_a_stream_that_breaks_off_ends_with_an_error(client: openai.OpenAI, providers: Any) -> None:
    """What came is there, and the client is not left to think that it was all."""
    providers[0].queue(Reply.sse(*chunks("one two three four"), cut_after=3))
    got = []
    with pytest.raises(openai.APIError) as broken:
        for event in client.chat.completions.create(model="gpt", messages=HELLO, stream=True):
            got += [event.choices[0].delta.content or ""]
    assert "".join(got) == "one two"
    assert broken.value.code == "backend_unreachable"


def test_a_client_that_leaves_ends_the_call_at_the_provider(served: Served, providers: Any) -> None:
    """The provider sees the disconnect, in a stream and before the answer."""

    async def main() -> None:
        async with openai.AsyncOpenAI(base_url=f"{served.url}/v1", api_key="x", max_retries=0) as client:
            before = len(providers[0].abandoned)
            providers[0].queue(Reply.sse(*chunks("one two three four"), stall_after=3))
            stream = await client.chat.completions.create(model="gpt", messages=HELLO, stream=True)
            async for event in stream:
                if event.choices[0].delta.content == "one":
                    break
            await stream.close()
            await until(lambda: len(providers[0].abandoned) == before + 1)
            providers[0].queue(Reply(fault="hang"))
            waiting = asyncio.create_task(client.chat.completions.create(model="gpt", messages=HELLO))
            count = len(providers[0].received)
            await until(lambda: len(providers[0].received) > count)
            waiting.cancel()
            await asyncio.wait([waiting])
            await until(lambda: len(providers[0].abandoned) == before + 2)

    asyncio.run(main())
    asyncio.run(until(lambda: served.gateway.in_flight == 0))


def test_models_are_the_handles(client: openai.OpenAI) -> None:
    """Presets, aliases and models; each can be asked for, and one that does not exist is not found."""
    names = {model.id for model in client.models.list()}
    assert {"brief", "smart_llm", "gpt", "claude", "m"} <= names
    assert client.models.retrieve("smart_llm").owned_by == "openai"
    with pytest.raises(openai.NotFoundError):
        client.models.retrieve("org/model:1")


def test_mistrals_client_lists_them(served: Served) -> None:
    """Its SDK tells the cards of a list apart by a `type` that OpenAI's do not have, and reads what each can do."""
    with Mistral(api_key="x", server_url=served.url) as client:
        cards = {card.id: card for card in client.models.list().data or [] if isinstance(card, BaseModelCard)}
        assert {"brief", "smart_llm", "gpt", "claude", "m", "vectors"} <= cards.keys()
        assert cards["smart_llm"].capabilities.completion_chat
        assert not cards["vectors"].capabilities.completion_chat
        one = client.models.retrieve(model_id="smart_llm")
        assert isinstance(one, BaseModelCard)
        assert one.owned_by == "openai"


@pytest.mark.parametrize("version", ["1.0", "1.1"])
def test_http_1_0_has_no_chunks(served: Served, providers: Providers, version: str) -> None:
    """A client of the older protocol gets the bare stream, which ends with its connection."""
    where = urlsplit(served.url)
    body = json.dumps({"model": "gpt", "messages": HELLO, "stream": True}).encode()
    head = f"POST /v1/chat/completions HTTP/{version}\r\nhost: {where.netloc}\r\nconnection: close\r\ncontent-length: {len(body)}\r\n\r\n"
    with socket.create_connection((where.hostname, where.port), timeout=30) as connection:
        connection.sendall(head.encode() + body)
        with connection.makefile("rb") as answer:
            got_head, _, events = answer.read().partition(b"\r\n\r\n")
    assert got_head.startswith(b"HTTP/1.1 200 ")
    assert (b"transfer-encoding: chunked" in got_head) == (version == "1.1")
    if version == "1.0":
        lines = [line for line in events.split(b"\n") if line]
        assert len(lines) > 3
        assert all(line.startswith(b"data: ") for line in lines)
        assert lines[-1] == b"data: [DONE]"
        texts = [json.loads(line[6:])["choices"] for line in lines[:-1]]
        assert "".join(choices[0]["delta"].get("content") or "" for choices in texts if choices) == providers[0].text


def test_azures_client(served: Served) -> None:
    """OpenAI's client of Azure, whose paths name a deployment, and its key a header of its own."""
    with openai.AzureOpenAI(azure_endpoint=served.url, api_key="x", api_version="2025-04-01", max_retries=0) as client:
        answer = client.chat.completions.create(model="m", messages=HELLO)
        assert answer.choices[0].message.content
        assert len(client.embeddings.create(model="vectors", input="a").data[0].embedding) == 8
        assert client.responses.create(model="m", input="Hello").output_text
        assert "brief" in {model.id for model in client.models.list()}
        with pytest.raises(openai.NotFoundError):
            client.chat.completions.create(model="nothing", messages=HELLO)


def test_many_at_once(served: Served) -> None:
    """An asynchronous client with many requests at once gets each its own answer."""

    async def main() -> list[str]:
        async with openai.AsyncOpenAI(base_url=f"{served.url}/v1", api_key="x") as client:
            requested = [
                client.chat.completions.create(model="m", messages=[{"role": "user", "content": f"number {n}"}])
                for n in range(60)
            ]
            return [answer.choices[0].message.content or "" for answer in await asyncio.gather(*requested)]

    assert asyncio.run(main()) == [f"Mock answer to: number {n}" for n in range(60)]


def test_a_recording_goes_with_a_prompt(client: openai.OpenAI) -> None:
    """In base64, as chat completions have it; what is not sound is refused."""
    sound = {"type": "input_audio", "input_audio": {"data": base64.b64encode(wav()).decode(), "format": "wav"}}
    content: Any = [{"type": "text", "text": "What is said?"}, sound]
    answer = client.chat.completions.create(model="m", messages=[{"role": "user", "content": content}])
    assert answer.choices[0].message.content == "Mock answer to: What is said?"
    content[1] = {"type": "input_audio", "input_audio": {"data": "bm90aGluZw==", "format": "wav"}}
    with pytest.raises(openai.BadRequestError, match="is not sound that is known"):
        client.chat.completions.create(model="m", messages=[{"role": "user", "content": content}])
