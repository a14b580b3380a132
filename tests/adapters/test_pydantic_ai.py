"""`PipelexModel`, driven by pydantic-ai's agents."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest
from pydantic import BaseModel
from pydantic_ai import Agent, BinaryContent, NativeOutput, ToolOutput
from pydantic_ai.exceptions import UserError
from pydantic_ai.messages import (
    AudioUrl,
    ModelMessagesTypeAdapter,
    ModelResponse,
    PartDeltaEvent,
    PartStartEvent,
    TextPart,
    ThinkingPart,
)
from pydantic_ai.settings import ModelSettings

from pipelex_core import Client
from pipelex_core.errors import RateLimitError
from pipelex_core.parts import ProviderPart, ToolCall
from pipelex_core.results import TextAnswer, Usage
from pipelex_pydantic_ai import PipelexModel
from tests.support.scripted import PNG, Script, deck_of, plugins_for, spec

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

USAGE = Usage(input_tokens=10, output_tokens=5, cached_tokens=4, reasoning_tokens=2)
ANSWER = TextAnswer(text="Rhine, Seine", finish_reason="stop", usage=USAGE, reasoning="They are long.")
CALL = TextAnswer(
    text="",
    finish_reason="tool_calls",
    usage=USAGE,
    tool_calls=(ToolCall(id="call-1", name="weather", arguments={"city": "Oslo"}),),
    provider_parts=(ProviderPart(provider="scripted", data={"signature": "s-1"}),),
)


class City(BaseModel):
    """A city."""

    name: str
    people: int


def weather(city: str) -> str:
    """The weather in a city."""
    return f"{city}: rain"


def ask(agent: Agent[None, Any], *prompt: Any, **options: Any) -> Any:
    """A run in a loop that is closed behind it: pydantic-ai's own `run_sync` makes one that it leaves open."""
    return asyncio.run(agent.run(*prompt, **options))


@pytest.fixture
def made() -> Iterator[Callable[..., tuple[PipelexModel, Script]]]:
    """Makes a model on a client with a script."""
    clients: list[Client] = []

    def make(*answers: Any, **options: Any) -> tuple[PipelexModel, Script]:
        script = Script(answers=list(answers))
        clients.append(Client(deck_of(spec("m"), spec("n")), plugins_for({"scripted": script})))
        return PipelexModel("m", client=clients[-1], **options), script

    yield make
    for client in clients:
        client.close()


def test_an_answer_has_text_thoughts_usage_and_who_gave_it(made: Any) -> None:
    """Settings, instructions and the system prompt arrive, each in its place."""
    model, script = made(ANSWER, arguments={"reasoning_budget": 100})
    settings = ModelSettings(temperature=0.3, max_tokens=50, seed=7, stop_sequences=["END"])
    agent = Agent(model, system_prompt="You know rivers.", instructions="Be brief.", model_settings=settings)
    done = ask(agent, "Two rivers?")
    assert done.output == "Rhine, Seine"
    response = done.all_messages()[-1]
    assert isinstance(response, ModelResponse)
    assert [type(part) for part in response.parts] == [ThinkingPart, TextPart]
    assert (response.usage.input_tokens, response.usage.cache_read_tokens) == (10, 4)
    assert response.usage.details == {"reasoning_tokens": 2}
    assert (response.model_name, response.finish_reason) == ("id-of-m", "stop")
    assert response.provider_details is not None
    assert response.provider_details["backend"] == "scripted"
    (request,) = script.requests
    assert (request.temperature, request.max_tokens, request.seed, list(request.stop)) == (0.3, 50, 7, ["END"])
    assert request.reasoning_budget == 100
    assert request.system == "You know rivers.\n\nBe brief."


def test_a_stream_comes_as_it_is_made(made: Any) -> None:
    """Deltas of text, and counts at the end."""
    model, _ = made("Rhine", ", Seine", ANSWER)

    async def gather() -> tuple[list[str], Any]:
        async with Agent(model).run_stream("Rivers?") as stream:
            deltas = [delta async for delta in stream.stream_text(delta=True, debounce_by=None)]
            return deltas, stream.usage

    deltas, usage = asyncio.run(gather())
    assert "".join(deltas) == "Rhine, Seine"
    assert len(deltas) > 1
    assert (usage.input_tokens, usage.output_tokens) == (10, 5)


def test_a_stream_that_is_left_is_closed(made: Any) -> None:
    """The connection is not kept open by whoever read no further."""
    model, script = made("a", "b", ANSWER)

    async def leave() -> None:
        async with Agent(model).run_stream("Rivers?") as stream:
            async for _ in stream.stream_text(delta=True, debounce_by=None):
                break

    asyncio.run(leave())
    assert script.abandoned == 1


def test_tools_run_and_what_the_provider_wants_back_goes_back(made: Any) -> None:
    """Also from a history that was kept as JSON; an answer that somebody changed goes without it."""
    model, script = made(CALL, ANSWER)
    agent = Agent(model, tools=[weather])
    done = ask(agent, "Weather in Oslo?")
    assert done.output == "Rhine, Seine"
    first, second = script.requests
    assert [(tool.name, tool.description) for tool in first.tools] == [("weather", "The weather in a city.")]
    assert first.tool_choice in {None, "auto"}
    signature = ProviderPart(provider="scripted", data={"signature": "s-1"})
    assert signature in second.messages[1].parts
    (result,) = second.messages[2].parts
    assert (result.call_id, result.content, result.is_error) == ("call-1", "Oslo: rain", False)
    history = ModelMessagesTypeAdapter.validate_json(ModelMessagesTypeAdapter.dump_json(done.all_messages()))
    ask(agent, "And tomorrow?", message_history=history)
    assert signature in script.requests[2].messages[1].parts
    assert len(script.requests[2].messages) == 5
    changed = [*history]
    changed[1].parts = [*changed[1].parts, TextPart("Let me see.")]
    ask(agent, "And tomorrow?", message_history=changed)
    assert signature not in script.requests[3].messages[1].parts
    assert script.requests[3].messages[1].text == "Let me see."


def test_a_tool_call_comes_through_a_stream(made: Any) -> None:
    """Events have the call whole; the run goes on with its result."""
    model, script = made(CALL, "Rhine", ", Seine", ANSWER)
    seen: list[Any] = []

    async def gather() -> str:
        async with Agent(model, tools=[weather]).iter("Weather in Oslo?") as run:
            async for node in run:
                if Agent.is_model_request_node(node):
                    async with node.stream(run.ctx) as stream:
                        seen.extend([event async for event in stream])
            return str(run.result.output if run.result else "")

    assert asyncio.run(gather()) == "Rhine, Seine"
    assert len(script.requests) == 2
    starts = [event.part for event in seen if isinstance(event, PartStartEvent)]
    assert [getattr(part, "tool_name", None) for part in starts][:1] == ["weather"]
    assert any(isinstance(event, PartDeltaEvent) for event in seen)


def test_an_output_type_is_a_tool_or_an_object(made: Any) -> None:
    """A tool that must be called; or pipelex-core's own object, asked for again where it does not fit."""
    requested = TextAnswer(
        text="", finish_reason="tool_calls", usage=USAGE,
        tool_calls=(ToolCall(id="c", name="final_result", arguments={"name": "Oslo", "people": 700000}),),
    )  # fmt: skip
    model, script = made(requested)
    assert ask(Agent(model, output_type=ToolOutput(City)), "?").output == City(name="Oslo", people=700000)
    assert script.requests[0].tool_choice == "final_result"
    good = '{"name": "Oslo", "people": 700000}'
    model, script = made('{"name": "Oslo"}', good)
    agent = Agent(model, output_type=NativeOutput(City))
    assert ask(agent, "?").output == City(name="Oslo", people=700000)
    assert len(script.requests) == 2

    async def streamed() -> City:
        async with agent.run_stream("?") as stream:
            return await stream.get_output()

    assert asyncio.run(streamed()) == City(name="Oslo", people=700000)


def test_images_arrive_and_what_cannot_be_sent_is_refused(made: Any) -> None:
    """Bytes and their type; sound is an error before any call."""
    model, script = made(ANSWER)
    agent = Agent(model)
    ask(agent, ["What is it?", BinaryContent(PNG, media_type="image/png")])
    assert [part.type for part in script.requests[0].messages[0].parts] == ["text", "image"]
    with pytest.raises(UserError, match="AudioUrl"):
        ask(agent, ["What is it?", AudioUrl("https://example.com/a.mp3")])
    assert len(script.requests) == 1


def test_an_error_is_that_of_pipelex_core(made: Any) -> None:
    """With its class, so that a program can tell it."""
    model, _ = made(RateLimitError("slow down"), arguments={"retries": 0})
    with pytest.raises(RateLimitError):
        ask(Agent(model), "?")


def test_thinking_and_a_choice_of_tools(made: Any) -> None:
    """pydantic-ai's words for both."""
    model, script = made(CALL, ANSWER)
    agent = Agent(model, tools=[weather], model_settings=ModelSettings(thinking="high"))
    ask(agent, "?")
    assert script.requests[0].reasoning_effort == "high"
    model, script = made(ANSWER)
    ask(Agent(model, tools=[weather], model_settings=ModelSettings(tool_choice="none")), "?")
    assert not script.requests[0].tools
