"""`Pipelex` and `PipelexEmbedding`, driven by LlamaIndex itself."""

from __future__ import annotations

import asyncio
import gc
from typing import Any

import pytest
from llama_index.core import Document, VectorStoreIndex, set_global_tokenizer
from llama_index.core.agent.workflow import FunctionAgent
from llama_index.core.base.llms.types import AudioBlock, ChatMessage, DocumentBlock, ImageBlock, TextBlock
from llama_index.core.prompts import PromptTemplate
from llama_index.core.tools import FunctionTool
from pydantic import BaseModel

from pipelex_core import Client, UnsupportedInputError
from pipelex_core.errors import RateLimitError
from pipelex_core.parts import ProviderPart, ToolCall
from pipelex_core.results import TextAnswer, Usage
from pipelex_llamaindex import Pipelex, PipelexEmbedding
from tests.support.scripted import PNG, Script, deck_of, plugins_for, spec

set_global_tokenizer(str.split)  # its own is fetched from the network

USAGE = Usage(input_tokens=10, output_tokens=5, cached_tokens=4, reasoning_tokens=2)
ANSWER = TextAnswer(text="Rhine, Seine", finish_reason="stop", usage=USAGE)
SIGNATURE = ProviderPart(provider="scripted", data={"signature": "s-1"})
CALL = TextAnswer(
    text="",
    finish_reason="tool_calls",
    usage=USAGE,
    tool_calls=(ToolCall(id="call-1", name="weather", arguments={"city": "Oslo"}),),
    provider_parts=(SIGNATURE,),
)


class City(BaseModel):
    """A city."""

    name: str
    people: int


def weather(city: str) -> str:
    """The weather in a city."""
    return f"{city}: rain"


@pytest.fixture
def made() -> Any:
    """Makes an LLM on a client with a script."""
    clients: list[Client] = []

    def make(*answers: Any, **options: Any) -> tuple[Pipelex, Script]:
        script = Script(answers=list(answers))
        models = (spec("m", context_window=5000, max_tokens=300), spec("e", model_type="embedding"))
        clients.append(Client(deck_of(*models), plugins_for({"scripted": script})))
        return Pipelex("m", client=clients[-1], **options), script

    yield make
    for client in clients:
        client.close()


def test_an_answer_has_text_and_counts(made: Any) -> None:
    """Chat and completion, synchronously and not; settings arrive."""
    llm, script = made(ANSWER, temperature=0.3, arguments={"seed": 7})
    stated = [ChatMessage(role="system", content="Be brief."), ChatMessage(content="Two rivers?")]
    for response in (llm.chat(stated, stop=["END"]), asyncio.run(llm.achat(stated, stop=["END"]))):
        assert response.message.content == "Rhine, Seine"
        assert response.additional_kwargs == {"prompt_tokens": 10, "completion_tokens": 5, "total_tokens": 15}
        assert response.raw["backend"] == "scripted"
    for request in script.requests:
        assert (request.temperature, request.seed, list(request.stop)) == (0.3, 7, ["END"])
        assert request.system == "Be brief."
    assert llm.complete("?").text == asyncio.run(llm.acomplete("?")).text == "Rhine, Seine"
    assert (llm.metadata.context_window, llm.metadata.num_output) == (5000, 300)
    assert llm.metadata.is_function_calling_model


def test_asynchronous_code_is_not_in_the_way_of_the_loop(made: Any) -> None:
    """The loop turns while the answer is awaited."""
    llm, _ = made(0.2, ANSWER)

    async def count() -> int:
        turns = 0
        task = asyncio.ensure_future(llm.acomplete("?"))
        while not task.done():
            turns += 1
            await asyncio.sleep(0.005)
        return turns

    assert asyncio.run(count()) > 3


def test_a_stream_comes_as_it_is_made(made: Any) -> None:
    """Text so far and what is new; counts with the last."""
    llm, script = made("Rhine", ", Seine", ANSWER, "Rhine", ", Seine", ANSWER, "a", 30.0, "b", ANSWER)

    async def gather() -> list[Any]:
        return [each async for each in await llm.astream_chat([ChatMessage(content="?")])]

    for pieces in ([*llm.stream_chat([ChatMessage(content="?")])], asyncio.run(gather())):
        assert [piece.delta for piece in pieces] == ["Rhine", ", Seine", ""]
        assert pieces[1].message.content == "Rhine, Seine"
        assert pieces[-1].additional_kwargs["total_tokens"] == 15
    remaining = llm.stream_complete("?")
    next(remaining)
    remaining.close()
    del remaining
    gc.collect()  # LlamaIndex closes its own generator, and lets go of the one beneath
    assert script.abandoned == 1


def test_tools_run_and_what_the_provider_wants_back_goes_back(made: Any) -> None:
    """In an agent's workflow."""
    llm, script = made("", CALL, "It ", "rains.", TextAnswer(text="It rains.", finish_reason="stop", usage=USAGE))
    agent = FunctionAgent(tools=[weather], llm=llm, system_prompt="Be brief.")

    async def ask() -> str:
        return str(await agent.run("Weather in Oslo?"))

    assert asyncio.run(ask()) == "It rains."
    first, second = script.requests
    assert [tool.name for tool in first.tools] == ["weather"]
    assert SIGNATURE in second.messages[1].parts
    assert second.messages[2].parts[0].content == "Oslo: rain"


def test_a_call_of_a_tool_may_be_demanded(made: Any) -> None:
    """`predict_and_call`, one call at a time."""
    llm, script = made(CALL)
    tool = FunctionTool.from_defaults(weather)
    response = llm.chat_with_tools([tool], "Oslo?", tool_required=True)
    (call,) = llm.get_tool_calls_from_response(response)
    assert (call.tool_name, call.tool_kwargs) == ("weather", {"city": "Oslo"})
    assert script.requests[0].tool_choice == "required"
    assert str(llm.predict_and_call([tool], "Oslo?")) == "Oslo: rain"


def test_structured_output_is_checked_and_asked_for_again(made: Any) -> None:
    """The schema goes out as it is, not in doubled braces."""
    good = '{"name": "Oslo", "people": 700000}'
    llm, script = made('{"name": "Oslo"}', good)
    prompt = PromptTemplate("A city of {country}.")
    assert llm.structured_predict(City, prompt, country="Norway") == City(name="Oslo", people=700000)
    assert len(script.requests) == 2
    assert script.requests[0].messages[0].text == "A city of Norway."
    assert asyncio.run(llm.astructured_predict(City, prompt, country="Norway")).name == "Oslo"


def test_images_and_documents_arrive_and_sound_is_refused(made: Any) -> None:
    """LlamaIndex's own base class for custom LLMs drops them without a word."""
    llm, script = made(ANSWER)
    pdf = b"%PDF-1.4 a"
    blocks = [
        TextBlock(text="What?"),
        ImageBlock(image=PNG),
        DocumentBlock(data=pdf, document_mimetype="application/pdf"),
    ]
    llm.chat([ChatMessage(role="user", blocks=blocks)])
    parts = script.requests[0].messages[0].parts
    assert [part.type for part in parts] == ["text", "image", "document"]
    assert (parts[1].media.data, parts[2].media.data) == (PNG, pdf)
    with pytest.raises(UnsupportedInputError, match="AudioBlock"):
        llm.chat([ChatMessage(role="user", blocks=[AudioBlock(audio=b"RIFF")])])


def test_an_error_is_that_of_pipelex_core(made: Any) -> None:
    """With its class, so that a program can tell it."""
    llm, _ = made(RateLimitError("slow down"), arguments={"retries": 0})
    with pytest.raises(RateLimitError):
        llm.complete("?")


def test_an_index_tells_queries_from_documents(made: Any) -> None:
    """A whole retrieval."""
    llm, script = made(ANSWER)
    embeddings = PipelexEmbedding("e", client=llm._clients.sync)
    script.answers = ["embedded"]
    index = VectorStoreIndex.from_documents(
        [Document(text="The Rhine."), Document(text="Oslo.")], embed_model=embeddings
    )
    found = index.as_retriever(similarity_top_k=1).retrieve("Rivers?")
    assert len(found) == 1
    assert [request.purpose for request in script.requests] == ["document", "query"]
    assert len(asyncio.run(embeddings.aget_query_embedding("a"))) == len(embeddings.get_text_embedding("a"))
