"""`ChatPipelex` and `PipelexEmbeddings`, driven by LangChain itself."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest
from langchain_core.caches import InMemoryCache
from langchain_core.globals import set_llm_cache
from langchain_core.messages import AIMessage, HumanMessage, SystemMessage, ToolMessage
from langchain_core.tools import tool
from pydantic import BaseModel

from pipelex_core import Client
from pipelex_core.errors import RateLimitError
from pipelex_core.parts import ProviderPart, ToolCall
from pipelex_core.results import TextAnswer, Usage
from pipelex_langchain import ChatPipelex, PipelexEmbeddings
from tests.support.scripted import Script, deck_of, plugins_for, spec

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

USAGE = Usage(input_tokens=10, output_tokens=5, cached_tokens=4, reasoning_tokens=2)
ANSWER = TextAnswer(text="Rhine, Seine", finish_reason="stop", usage=USAGE)


@pytest.fixture
def made() -> Iterator[Callable[..., tuple[ChatPipelex, Script]]]:
    """Makes a chat model on a client with a script."""
    clients: list[Client] = []

    def make(*answers: Any, **options: Any) -> tuple[ChatPipelex, Script]:
        script = Script(answers=list(answers))
        clients.append(Client(deck_of(spec("m"), spec("n")), plugins_for({"scripted": script})))
        return ChatPipelex(**{"model": "m", "client": clients[-1], **options}), script

    yield make
    for client in clients:
        client.close()


@tool
def weather(city: str) -> str:
    """The weather in a city."""
    return f"{city}: rain"


CALL = TextAnswer(
    text="",
    finish_reason="tool_calls",
    usage=USAGE,
    tool_calls=(ToolCall(id="call-1", name="weather", arguments={"city": "Oslo"}),),
    provider_parts=(ProviderPart(provider="scripted", data={"signature": "s-1"}),),
)


def test_an_answer_has_text_usage_and_who_gave_it(made: Any) -> None:
    """Synchronously and not; settings and messages arrive."""
    model, script = made(ANSWER, temperature=0.3, settings={"seed": 7})
    conversation = [SystemMessage("Be brief."), HumanMessage("Name rivers."), AIMessage("Which?"), HumanMessage("Two.")]
    for answer in (model.invoke(conversation, stop=["END"]), asyncio.run(model.ainvoke(conversation, stop=["END"]))):
        assert answer.content == "Rhine, Seine"
        assert answer.usage_metadata == {
            "input_tokens": 10,
            "output_tokens": 5,
            "total_tokens": 15,
            "input_token_details": {"cache_read": 4},
            "output_token_details": {"reasoning": 2},
        }
        assert answer.response_metadata["model_name"] == "id-of-m"
        assert answer.response_metadata["finish_reason"] == "stop"
    for request in script.requests:
        assert (request.temperature, request.seed, list(request.stop)) == (0.3, 7, ["END"])
        assert [message.role for message in request.messages] == ["user", "assistant", "user"]
        assert request.system == "Be brief."


def test_a_stream_says_usage_and_names_once(made: Any) -> None:
    """LangChain adds up what chunks say: numbers and strings."""
    model, _ = made("Rhine", ", Seine", ANSWER, "Rhine", ", Seine", ANSWER)

    async def gather() -> list[Any]:
        return [chunk async for chunk in model.astream("Rivers?")]

    for chunks in (list(model.stream("Rivers?")), asyncio.run(gather())):
        whole = chunks[0]
        for chunk in chunks[1:]:
            whole += chunk
        assert [chunk.content for chunk in chunks if chunk.content] == ["Rhine", ", Seine"]
        assert whole.usage_metadata["total_tokens"] == 15
        assert whole.response_metadata["model_name"] == "id-of-m"


def test_astream_events_come_token_by_token(made: Any) -> None:
    """What LangGraph shows: `on_chat_model_stream`."""
    model, _ = made("Rhine", ", Seine", ANSWER)

    async def gather() -> list[str]:
        return [event["event"] async for event in model.astream_events("Rivers?", version="v2")]

    assert asyncio.run(gather()).count("on_chat_model_stream") >= 2


def test_a_stream_that_is_left_is_closed(made: Any) -> None:
    """The connection is not kept open by whoever read no further."""
    model, script = made("a", "b", ANSWER)

    async def leave() -> None:
        stream = model.astream("Rivers?")
        async for _ in stream:
            break
        await stream.aclose()

    asyncio.run(leave())
    assert script.abandoned == 1


def test_tools_are_called_and_answered(made: Any) -> None:
    """A whole turn; the provider gets back what it gave, signatures included."""
    model, script = made(CALL, ANSWER)
    with_tools = model.bind_tools([weather], tool_choice="any")
    first = with_tools.invoke("Weather in Oslo?")
    assert first.tool_calls == [{"id": "call-1", "name": "weather", "args": {"city": "Oslo"}, "type": "tool_call"}]
    request = script.requests[0]
    assert [tool.name for tool in request.tools] == ["weather"]
    assert request.tools[0].description == "The weather in a city."
    assert request.tool_choice == "required"
    history = [HumanMessage("Weather in Oslo?"), first, ToolMessage("Oslo: rain", tool_call_id="call-1")]
    assert with_tools.invoke(history).content == "Rhine, Seine"
    back = script.requests[1].messages[1]
    assert [part.type for part in back.parts].count("tool_call") == 1
    assert ProviderPart(provider="scripted", data={"signature": "s-1"}) in back.parts
    changed = first.model_copy(update={"content": "Other words."})
    assert with_tools.invoke([history[0], changed, history[2]]).content == "Rhine, Seine"
    assert not any(isinstance(part, ProviderPart) for part in script.requests[2].messages[1].parts)


class City(BaseModel):
    """A city."""

    name: str
    people: int


def test_structured_output_is_checked_and_asked_for_again(made: Any) -> None:
    """A pydantic model, with what came beside it where that is asked for."""
    good = '{"name": "Oslo", "people": 700000}'
    model, script = made('{"name": "Oslo"}', good, good, good)
    assert model.with_structured_output(City, method="json_schema", strict=True).invoke("?") == City(
        name="Oslo", people=700000
    )
    assert len(script.requests) == 2
    found = asyncio.run(model.with_structured_output(City, include_raw=True).ainvoke("?"))
    assert found["parsed"] == City(name="Oslo", people=700000)
    assert found["parsing_error"] is None


def test_the_cache_of_langchain_tells_models_and_settings_apart(made: Any) -> None:
    """The same again is not asked; another handle or setting is."""
    model, script = made("one", "two", "three", "four")
    other = ChatPipelex(model="n", client=model.client)
    warm = ChatPipelex(model="m", client=model.client, temperature=0.9)
    set_llm_cache(InMemoryCache())
    try:
        assert [each.invoke("?").content for each in (model, model, other, warm)] == ["one", "one", "two", "three"]
    finally:
        set_llm_cache(None)
    assert len(script.requests) == 3


def test_an_error_is_that_of_pipelex_core(made: Any) -> None:
    """With its class, so that a program can tell it."""
    model, _ = made(RateLimitError("slow down"))
    with pytest.raises(RateLimitError):
        model.invoke("?", retries=0)


def test_images_arrive(made: Any) -> None:
    """In the form of LangChain's content blocks."""
    model, script = made(ANSWER)
    pixel = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
    block = {"type": "image", "source_type": "base64", "data": pixel, "mime_type": "image/png"}
    model.invoke([HumanMessage([{"type": "text", "text": "What is it?"}, block])])
    assert [part.type for part in script.requests[0].messages[0].parts] == ["text", "image"]


def test_embeddings_tell_queries_from_documents(made: Any) -> None:
    """Vectors in the order of the texts, synchronously and not."""
    script = Script(answers=["embedded"])
    deck = deck_of(spec("e", model_type="embedding"))
    with Client(deck, plugins_for({"scripted": script})) as client:
        embeddings = PipelexEmbeddings("e", client=client)
        assert len(embeddings.embed_documents(["a", "b"])) == 2
        vector = embeddings.embed_query("a")
        assert vector
        assert asyncio.run(embeddings.aembed_query("a")) == vector
        purposes = [request.purpose for request in script.requests]
        assert purposes == ["document", "query", "query"]
