"""Scenarios: conversations, tools and thinking."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pipelex_core.errors import ToolFailedError, UnsupportedInputError
from pipelex_core.parts import ProviderPart
from pipelex_core.tools import RunnableTool
from pipelex_testing.marks import about
from pipelex_testing.samples import (
    ARGUMENTS,
    CALLING,
    CITY,
    OBJECT,
    PLAIN,
    PROMPT,
    TEXT,
    THINKING,
    THOUGHT,
    TOLD,
    WEATHER,
    City,
    SampleAnswer,
)
from pipelex_testing.suite.base import Scenarios

if TYPE_CHECKING:
    from pipelex_testing.running import Running


_FAILED = "the thermometer broke"


class Conversations(Scenarios):
    """More than one turn."""

    @about("text")
    def test_a_conversation_is_sent_in_its_order(self) -> None:
        """Every turn, oldest first."""
        turns = ("first question", "first answer", "second question", "second answer", "third question")

        async def use(at: Running) -> None:
            talk = [
                {"role": "assistant" if number % 2 else "user", "content": turn} for number, turn in enumerate(turns)
            ]
            at.server.queue(at.wire.answer(PLAIN))
            await at.client.generate_text(talk, model=at.llm)
            (request,) = at.calls
            places = [request.body.index(turn.encode()) for turn in turns]
            assert places == sorted(places)

        self.run(use)

    @about("text")
    def test_a_result_carries_the_conversation_on(self) -> None:
        """`result.message` is the next turn of the talk."""

        async def use(at: Running) -> None:
            if at.has_server:
                at.server.queue(at.wire.answer(PLAIN), at.wire.answer(PLAIN))
            result = await at.client.generate_text(PROMPT, model=at.llm)
            talk: list[Any] = [
                {"role": "user", "content": PROMPT},
                result.message,
                {"role": "user", "content": "And of Italy?"},
            ]
            assert (await at.client.generate_text(talk, model=at.llm)).text
            assert not at.has_server or TEXT.encode() in at.calls[1].body

        self.run(use)

    @about("tools")
    def test_a_tool_is_offered_called_and_answered(self) -> None:
        """The schema goes out, the call comes back parsed, its result goes out again."""

        async def use(at: Running) -> None:
            at.server.queue(at.wire.answer(CALLING), at.wire.answer(PLAIN))
            requested = await at.client.generate_text(PROMPT, model=at.llm, tools=[WEATHER])
            (call,) = requested.tool_calls
            assert (requested.finish_reason, call.name, call.arguments) == ("tool_calls", WEATHER.name, ARGUMENTS)
            result = await at.client.generate_text(_answered(requested), model=at.llm, tools=[WEATHER])
            assert (result.text, result.tool_calls) == (TEXT, ())
            first, second = (request.body for request in at.calls)
            assert (b'"city"' in first, WEATHER.name.encode() in first, TOLD.encode() in second) == (True, True, True)

        self.run(use)

    @about("tools")
    def test_tools_called_in_parallel_are_distinguished(self) -> None:
        """Each call has an id of its own, and each result answers its call."""

        async def use(at: Running) -> None:
            at.server.queue(at.wire.answer(SampleAnswer(calls=2)), at.wire.answer(PLAIN))
            requested = await at.client.generate_text(PROMPT, model=at.llm, tools=[WEATHER])
            assert len({call.id for call in requested.tool_calls}) == 2
            await at.client.generate_text(_answered(requested), model=at.llm, tools=[WEATHER])
            assert at.calls[1].body.count(TOLD.encode()) == 2

        self.run(use)

    @about("tools")
    def test_a_run_goes_through_its_tools(self) -> None:
        """Two tools at once, one of which fails, and one more; the provider takes each turn, and the report of a failure."""

        async def use(at: Running) -> None:
            at.server.queue(at.wire.answer(SampleAnswer(calls=2)), at.wire.answer(CALLING), at.wire.answer(PLAIN))
            requested: list[Any] = []

            async def look(arguments: Any) -> str:
                requested.append(arguments)
                if len(requested) == 2:
                    raise ToolFailedError(_FAILED)
                return TOLD

            tool = RunnableTool(tool=WEATHER, call=look)
            result = await at.client.run(PROMPT, model=at.llm, tools=[tool])
            assert (result.text, len(result.turns), len(result.attempts)) == (TEXT, 3, 3)
            assert requested[2] == ARGUMENTS
            bodies = [request.body for request in at.calls]
            assert [(body.count(TOLD.encode()), body.count(_FAILED.encode())) for body in bodies] == [
                (0, 0),
                (1, 1),
                (2, 1),
            ]

        self.run(use)

    @about("tools", "object")
    def test_an_object_may_be_asked_for_with_tools(self) -> None:
        """Calls of the tools, or the object, where backend and model take both; else it is refused, and nothing is sent."""

        async def use(at: Running) -> None:
            at.server.queue(at.wire.answer(CALLING), at.wire.answer(OBJECT))
            options: dict[str, Any] = {"model": at.llm, "tools": [WEATHER]}
            try:
                requested = await at.client.generate_object(PROMPT, City, **options)
            except UnsupportedInputError:
                assert at.calls == [], "what is refused is not sent"
                return
            assert (requested.value, requested.finish_reason) == (None, "tool_calls")
            assert [(call.name, call.arguments) for call in requested.tool_calls] == [(WEATHER.name, ARGUMENTS)]
            made = await at.client.generate_object(_answered(requested), City, **options)
            assert (made.value, made.tool_calls, made.finish_reason) == (CITY, (), "stop")
            assert all(WEATHER.name.encode() in request.body for request in at.calls)

        self.run(use)

    @about("tools", "stream")
    def test_a_tools_call_comes_whole_through_a_stream(self) -> None:
        """Its pieces are put together, and are not text."""

        async def use(at: Running) -> None:
            at.server.queue(at.wire.stream(CALLING))
            async with at.client.stream_text(PROMPT, model=at.llm, tools=[WEATHER]) as stream:
                deltas = [delta async for delta in stream]
            (call,) = stream.result.tool_calls
            assert (deltas, call.name, call.arguments) == ([], WEATHER.name, ARGUMENTS)
            assert stream.result.finish_reason == "tool_calls"

        self.run(use)

    @about("thinking")
    def test_thinking_comes_apart_from_the_words(self) -> None:
        """Thoughts stand in `reasoning`, and not in the text; the next turn has what the provider wants back."""

        async def use(at: Running) -> None:
            at.server.queue(at.wire.answer(THINKING), at.wire.answer(PLAIN))
            settings = {"model": at.llm, "max_tokens": 4096, **self.suite.thinking}
            thought = await at.client.generate_text(PROMPT, **settings)
            assert (thought.text, thought.reasoning) == (TEXT, THOUGHT)
            talk: list[Any] = [
                {"role": "user", "content": PROMPT},
                thought.message,
                {"role": "user", "content": "And of Italy?"},
            ]
            assert (await at.client.generate_text(talk, **settings)).text == TEXT

        self.run(use)

    @about("thinking", "stream")
    def test_thinking_in_a_stream_is_not_a_delta(self) -> None:
        """Only words are passed on as text."""

        async def use(at: Running) -> None:
            at.server.queue(at.wire.stream(THINKING))
            settings = {"model": at.llm, "max_tokens": 4096, **self.suite.thinking}
            async with at.client.stream_text(PROMPT, **settings) as stream:
                deltas = [delta async for delta in stream]
            assert "".join(deltas) == TEXT
            assert stream.result.reasoning == THOUGHT

        self.run(use)

    @about("text")
    def test_another_providers_own_parts_are_not_sent(self) -> None:
        """Signatures and the like of one provider are not another's business."""

        async def use(at: Running) -> None:
            if at.has_server:
                at.server.queue(at.wire.answer(PLAIN), at.wire.answer(PLAIN))
            result = await at.client.generate_text(PROMPT, model=at.llm)
            planted = ProviderPart(provider="somebody-else", data={"planted": "for-one-only"})
            message = {"role": "assistant", "content": [planted, *result.message.parts]}
            talk: list[Any] = [{"role": "user", "content": PROMPT}, message, {"role": "user", "content": "Sure?"}]
            again = await at.client.generate_text(talk, model=at.llm)
            assert "for-one-only" not in again.text
            assert not at.has_server or b"for-one-only" not in at.calls[1].body

        self.run(use)


def _answered(requested: Any) -> list[Any]:
    """The conversation after every call of a tool was answered."""
    reported = [
        {"type": "tool_result", "call_id": call.id, "name": call.name, "content": TOLD} for call in requested.tool_calls
    ]
    return [{"role": "user", "content": PROMPT}, requested.message, {"role": "tool", "content": reported}]
