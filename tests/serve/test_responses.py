"""OpenAI's Responses API, embeddings, images and first completions, by OpenAI's own client."""

from __future__ import annotations

import asyncio
import base64
import json
from typing import TYPE_CHECKING, Any

import httpx2
import openai
import pytest

from pipelex_core.pictures import kind_and_size
from pipelex_serve.memory import Memory
from pipelex_serve.openai.items import Items
from pipelex_serve.problems import RefusedError
from pipelex_testing.bodies.openai_chat import tool_call
from pipelex_testing.samples import png
from tests.servers.anthropic import message, replied, streamed, thinking, tool_use
from tests.servers.base import Reply
from tests.servers.openai_server import chunks, completion

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.serve.providers import Providers
    from tests.support.serving import Served

WEATHER: Any = {
    "type": "function",
    "name": "get_weather",
    "description": "The weather.",
    "parameters": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]},
    "strict": True,
}


@pytest.fixture
def client(served: Served, providers: Providers) -> Iterator[openai.OpenAI]:
    with openai.OpenAI(base_url=f"{served.url}/v1", api_key="anything", max_retries=0) as client:
        yield client


def test_a_response(client: openai.OpenAI, providers: Providers) -> None:
    """Without `store` it is not stored, and says so."""
    answer = client.responses.create(model="gpt", input="Hello", instructions="Be brief.", temperature=0.4)
    assert answer.output_text == providers[0].text
    assert (answer.status, answer.model) == ("completed", "gpt")
    assert answer.to_dict()["store"] is False
    assert answer.usage is not None
    assert answer.usage.total_tokens > 0
    assert providers[0].received[-1].json["temperature"] == pytest.approx(0.4)


def test_a_stream_has_every_event_in_order(client: openai.OpenAI, providers: Providers) -> None:
    """Text and calls are whole in `response.output_item.done`, which is all that Codex reads."""
    call = {"id": "call_7", "type": "function", "function": {"name": "get_weather", "arguments": '{"city": "Paris"}'}}
    providers[0].queue(Reply.sse(*chunks("Let me see.", tool_calls=[call])))
    events = list(client.responses.create(model="gpt", input="Weather?", tools=[WEATHER], stream=True))
    kinds = [event.type for event in events]
    assert kinds[:4] == [
        "response.created",
        "response.in_progress",
        "response.output_item.added",
        "response.content_part.added",
    ]
    assert kinds[-1] == "response.completed"
    assert [event.sequence_number for event in events] == list(range(len(events)))
    done: Any = [event.item for event in events if event.type == "response.output_item.done"]
    assert [item.type for item in done] == ["message", "function_call"]
    assert done[0].content[0].text == "Let me see."
    assert (done[1].call_id, json.loads(done[1].arguments)) == ("call_7", {"city": "Paris"})
    last: Any = events[-1]
    assert [item.id for item in last.response.output] == [item.id for item in done]


@pytest.mark.parametrize("streams", [False, True])
def test_tools_and_claudes_thinking_over_two_turns(client: openai.OpenAI, providers: Providers, streams: bool) -> None:
    """Reasoning goes out encrypted, and back to the model that reasoned."""
    stated = message(
        thinking("Paris.", signature="c2lnbmVk"),
        tool_use("toolu_1", "get_weather", {"city": "Paris"}),
        stop_reason="tool_use",
    )
    providers[1].queue(streamed(stated) if streams else replied(stated))
    options: Any = {
        "model": "claude",
        "tools": [WEATHER],
        "reasoning": {"effort": "low"},
        "include": ["reasoning.encrypted_content"],
        "store": False,
    }
    history: Any = [{"role": "user", "content": "Weather?"}]
    if streams:
        with client.responses.stream(input=history, **options) as stream:
            first: Any = stream.get_final_response()
    else:
        first = client.responses.create(input=history, **options)
    assert [item.type for item in first.output] == ["reasoning", "function_call"]
    history += [item.model_dump(exclude_none=True) for item in first.output]
    history.append({"type": "function_call_output", "call_id": "toolu_1", "output": "sunny"})
    for item in history:
        item.pop("parsed_arguments", None)
    client.responses.create(input=history, **options)
    sent = providers[1].bodies[-1]["messages"]
    assert [block["type"] for block in sent[1]["content"]] == ["thinking", "tool_use"]
    assert sent[2]["content"][0]["content"] == "sunny"


def test_codexs_tools_of_a_namespace(client: openai.OpenAI, providers: Providers) -> None:
    """They have a joined name for the model, and their own for Codex; what OpenAI's servers run is left out, and named."""
    space: Any = {"type": "namespace", "name": "agents", "description": "x", "tools": [{**WEATHER, "name": "close"}]}
    call = {"id": "call_1", "type": "function", "function": {"name": "agents__close", "arguments": '{"city": "x"}'}}
    providers[0].queue(Reply.json(completion(None, tool_calls=[call])))
    tools: Any = [WEATHER, space, {"type": "web_search", "external_web_access": False}]
    raw = client.responses.with_raw_response.create(model="gpt", input="Hi", tools=tools, parallel_tool_calls=True)
    assert raw.headers["x-pipelex-ignored"] == "tools.web_search"
    item = json.loads(raw.text)["output"][0]
    assert (item["name"], item["namespace"]) == ("close", "agents")
    names = [tool["function"]["name"] for tool in providers[0].received[-1].json["tools"]]
    assert names == ["get_weather", "agents__close"]
    history: Any = ["Hi", {**item}, {"type": "function_call_output", "call_id": "call_1", "output": "done"}]
    history[0] = {"role": "user", "content": "Hi"}
    client.responses.create(model="gpt", input=history, tools=tools)
    assert providers[0].received[-1].json["messages"][1]["tool_calls"][0]["function"]["name"] == "agents__close"


def test_state_is_refused(client: openai.OpenAI) -> None:
    """Nothing is stored, so nothing can be gone on with."""
    for option in (
        {"store": True},
        {"previous_response_id": "resp_1"},
        {"background": True},
        {"conversation": "conv_1"},
    ):
        with pytest.raises(openai.BadRequestError, match="stores nothing"):
            client.responses.create(model="m", input="Hello", **option)


@pytest.mark.parametrize("streams", [False, True])
def test_items_are_referred_to_by_their_ids(client: openai.OpenAI, providers: Providers, streams: bool) -> None:
    """As Vercel's AI SDK does where it does not say `store: false`: the last responses' items are remembered by each key."""
    calls = [tool_call("call_1", "get_weather", '{"city": "Paris"}')]
    whole = Reply.json(completion("I look.", tool_calls=calls))
    providers[0].queue(Reply.sse(*chunks("I look.", tool_calls=calls)) if streams else whole)
    requested: Any = {"model": "gpt", "tools": [WEATHER], "input": [{"role": "user", "content": "Hi"}]}
    if streams:
        with client.responses.stream(**requested) as stream:
            response: Any = stream.get_final_response()
    else:
        response = client.responses.create(**requested)
    references = [{"type": "item_reference", "id": item.id} for item in response.output]
    assert len(references) == 2
    result = {"type": "function_call_output", "call_id": "call_1", "output": "sunny"}
    client.responses.create(**{**requested, "input": [*requested["input"], *references, result]})
    sent = providers[0].received[-1].json["messages"]
    assert [message["role"] for message in sent] == ["user", "assistant", "tool"]
    assert sent[1]["content"] == "I look."
    assert sent[1]["tool_calls"][0]["function"]["name"] == "get_weather"


def test_an_item_that_is_not_known_is_refused(client: openai.OpenAI) -> None:
    """It was not remembered, belongs to another key, or is too old."""
    stated = client.responses.create(model="m", input="Hi", store=False).output[0]
    for identity in (stated.id, "msg_nobodys"):
        reference: Any = {"type": "item_reference", "id": identity}
        with pytest.raises(openai.BadRequestError, match="send the item itself"):
            client.responses.create(model="m", input=[reference])

    async def refer(key: str, identity: Any) -> Any:
        items = Items(Memory(most=4000))
        items.keep("alice", [{"id": f"msg_{number}", "text": "x" * 50} for number in range(100)])
        items.keep("alice", [{"id": "msg_huge", "text": "x" * 1000}])
        body = await items.resolved(key, {"input": [{"type": "item_reference", "id": identity}]})
        return body["input"][0]

    assert asyncio.run(refer("alice", "msg_99"))["id"] == "msg_99"
    wrong: tuple[tuple[str, Any], ...] = (
        ("bob", "msg_99"),
        ("alice", "msg_0"),
        ("alice", "msg_huge"),
        ("alice", ""),
        ("alice", []),
    )
    for key, identity in wrong:
        with pytest.raises(RefusedError, match="not known"):
            asyncio.run(refer(key, identity))


def test_an_object_and_an_answer_that_was_cut(client: openai.OpenAI, providers: Providers) -> None:
    """A schema of `text.format`; what max_output_tokens cut is incomplete, and says why."""
    schema = {
        "type": "object",
        "properties": {"name": {"type": "string"}},
        "required": ["name"],
        "additionalProperties": False,
    }
    form: Any = {"format": {"type": "json_schema", "name": "river", "schema": schema, "strict": True}}
    assert set(json.loads(client.responses.create(model="m", input="Hi", text=form).output_text)) == {"name"}
    providers[0].queue(Reply.json(completion("cut", finish_reason="length")))
    cut = client.responses.create(model="gpt", input="one two three four", max_output_tokens=20)
    assert cut.status == "incomplete"
    assert cut.incomplete_details is not None
    assert cut.incomplete_details.reason == "max_output_tokens"


def test_a_stream_that_breaks_off_has_failed(client: openai.OpenAI, providers: Providers) -> None:
    """`response.failed` is what clients hear."""
    providers[0].queue(Reply.sse(*chunks("one two three"), cut_after=3))
    events = list(client.responses.create(model="gpt", input="Hi", stream=True))
    last: Any = events[-1]
    assert last.type == "response.failed"
    assert last.response.error.code == "backend_unreachable"


def test_images_and_files_go_in(client: openai.OpenAI, providers: Providers) -> None:
    """As data URLs."""
    url = "data:image/png;base64," + base64.b64encode(png()).decode()
    content: Any = [
        {"type": "input_text", "text": "What?"},
        {"type": "input_image", "image_url": url, "detail": "auto"},
    ]
    client.responses.create(model="claude", input=[{"role": "user", "content": content}])
    assert [block["type"] for block in providers[1].bodies[-1]["messages"][0]["content"]] == ["text", "image"]


def test_input_tokens_are_counted(client: openai.OpenAI, providers: Providers) -> None:
    """By the provider, or estimated; it says which."""
    count = client.responses.input_tokens.with_raw_response.count
    raw = count(model="gpt", input="Hello there")
    assert (raw.headers["x-pipelex-count"], raw.parse().input_tokens) == ("provider", 1234)
    providers[0].queue(Reply.json({"error": {"message": "no such path"}}, status=404))
    for model in ("gpt", "m"):
        raw = count(model=model, input="Hello there")
        assert raw.headers["x-pipelex-count"] == "estimate"
        assert 0 < raw.parse().input_tokens < 100


@pytest.mark.parametrize("form", ["float", "base64"])
def test_embeddings(client: openai.OpenAI, form: Any) -> None:
    """One vector a text, in their order, in either form; the client reads base64 by itself."""
    answer = client.embeddings.create(model="vectors", input=["a river", "a lake", "a river"], encoding_format=form)
    assert [item.index for item in answer.data] == [0, 1, 2]
    vectors: list[Any] = [item.embedding for item in answer.data]
    if form == "base64":
        import numpy as np

        vectors = [
            list(map(float, np.frombuffer(base64.b64decode(v), dtype="<f4"))) if isinstance(v, str) else v
            for v in vectors
        ]
    assert vectors[0] == vectors[2] != vectors[1]
    assert len(vectors[0]) == 8
    assert answer.usage.prompt_tokens > 0
    plain = client.embeddings.create(model="vectors", input="a river")
    assert plain.data[0].embedding == pytest.approx(vectors[0])


def test_tokens_are_not_texts(client: openai.OpenAI) -> None:
    """A client that made tokens is told how to leave that."""
    with pytest.raises(openai.BadRequestError, match="check_embedding_ctx_length"):
        client.embeddings.create(model="vectors", input=[[1, 2, 3]])


def test_images_come_out(client: openai.OpenAI) -> None:
    """As bytes in base64."""
    answer = client.images.generate(model="painter", prompt="a cat", n=2, size="64x64", quality="low")
    assert answer.data is not None
    pictures = [base64.b64decode(image.b64_json or "") for image in answer.data]
    assert len(pictures) == 2
    assert all(picture.startswith(b"\x89PNG") for picture in pictures)
    with pytest.raises(openai.BadRequestError, match="size"):
        client.images.generate(model="painter", prompt="a cat", size="big")


def test_images_are_edited(client: openai.OpenAI, served: Served) -> None:
    """In a form, of which lists have brackets, and in JSON; a mask of another size is refused before a model is asked."""
    picture = ("a.png", png(3), "image/png")
    edited = client.images.edit(model="painter", prompt="make it night", image=[picture, picture], n=2)
    assert [kind_and_size(base64.b64decode(each.b64_json or "")) for each in edited.data or ()] == [
        ("image/png", (3, 3))
    ] * 2
    with pytest.raises(openai.BadRequestError, match="a mask has the size of the picture"):
        client.images.edit(model="painter", prompt="x", image=picture, mask=("m.png", png(transparent=True)))
    url = "data:image/png;base64," + base64.b64encode(png(4)).decode()
    body = {"model": "painter", "prompt": "make it night", "images": [{"image_url": url}]}
    answer = httpx2.post(f"{served.url}/v1/images/edits", json=body, timeout=30)
    assert kind_and_size(base64.b64decode(answer.json()["data"][0]["b64_json"]))[1] == (4, 4)
    for images in ([], [{"image_url": "file:///etc/passwd"}]):
        wrong = {**body, "images": images}
        assert httpx2.post(f"{served.url}/v1/images/edits", json=wrong, timeout=30).status_code == 400


@pytest.mark.parametrize("streams", [False, True])
def test_the_first_completions(client: openai.OpenAI, streams: bool) -> None:
    """Four families of clients still know them."""
    if streams:
        events = client.completions.create(model="m", prompt="Hi", stream=True)
        assert "".join(event.choices[0].text for event in events) == "Mock answer to: Hi"
    else:
        assert client.completions.create(model="m", prompt="Hi").choices[0].text == "Mock answer to: Hi"


def test_what_no_handle_does_is_refused_in_a_sentence(client: openai.OpenAI) -> None:
    """It is not a 404 of a wrong address."""
    with pytest.raises(openai.InternalServerError, match="no handle of this gateway keeps files"):
        client.files.create(file=("a.jsonl", b"x"), purpose="batch")
