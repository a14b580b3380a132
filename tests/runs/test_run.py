"""`client.run`: a model and its tools, turn by turn."""

from __future__ import annotations

import asyncio
import contextvars
import threading
import time
from contextlib import asynccontextmanager
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest

from pipelex_core import (
    AsyncClient,
    BudgetExceededError,
    Client,
    DeadlineExceededError,
    Message,
    PluginError,
    RunnableTool,
    RunResult,
    ServerError,
    Tool,
    ToolCall,
    ToolFailedError,
    ToolResult,
    ToolSource,
    TurnLimitError,
    UnsupportedInputError,
)
from pipelex_core.error_data import error_from_dict, error_to_dict
from pipelex_core.parts import AudioPart
from pipelex_core.results import TextAnswer
from tests.support.scripted import KEY, USAGE, Script, deck_of, plugins_for, spec
from tests.support.sounds import wav

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping, Sequence


def asks(*calls: tuple[str, Mapping[str, Any]], text: str = "") -> TextAnswer:
    """An answer that asks for tools."""
    made = tuple(ToolCall(id=f"call_{n}", name=name, arguments=provided) for n, (name, provided) in enumerate(calls))
    return TextAnswer(text=text, finish_reason="tool_calls", tool_calls=made, usage=USAGE)


def client_for(*answers: Any, **hooks: Any) -> tuple[Client, Script]:
    """A client of one model, and its script."""
    script = Script(answers=list(answers))
    return Client(deck_of(spec("smart")), plugins_for({"scripted": script}, **hooks)), script


def add(a: int, b: int) -> int:
    """Add two numbers."""
    return a + b


def results_of(script: Script, turn: int) -> list[ToolResult]:
    """What the model was told of its tools in a turn."""
    return [part for part in script.requests[turn].messages[-1].parts if isinstance(part, ToolResult)]


def test_a_run_ends_with_the_answer_that_asks_for_no_tool() -> None:
    """The tools run between the turns; the result has the last text, all messages, and each turn's ledger."""
    client, script = client_for(asks(("add", {"a": 1, "b": 2})), asks(("add", {"a": 3, "b": 4}), text="So"), "10")
    with client:
        result = client.run("1+2+3+4?", tools=[add], model="smart", system="Be brief.", temperature=0.5)
    assert isinstance(result, RunResult)
    assert (result.text, result.finish_reason, result.tool_calls) == ("10", "stop", ())
    assert [message.role for message in result.messages] == [
        "user",
        "assistant",
        "tool",
        "assistant",
        "tool",
        "assistant",
    ]
    assert result.messages[2].parts == (ToolResult(call_id="call_0", content="3", name="add"),)
    assert result.messages[-1] == result.message
    assert [turn.text for turn in result.turns] == ["", "So", "10"]
    assert [len(turn.attempts) for turn in result.turns] == [1, 1, 1]
    assert result.attempts == tuple(attempt for turn in result.turns for attempt in turn.attempts)
    assert result.usage.input_tokens == 3 * USAGE.input_tokens  # type: ignore[operator]
    assert result.cost is not None
    assert result.cost.amount == sum(turn.cost.amount for turn in result.turns)  # type: ignore[union-attr, misc]
    for request in script.requests:
        assert (request.system, request.temperature, request.tools[0].name) == ("Be brief.", 0.5, "add")
    assert RunResult.from_dict(result.to_dict()).to_dict() == result.to_dict()


def test_async_clients_run_the_same() -> None:
    """`await client.run(…)`."""

    async def double(x: int) -> int:
        await asyncio.sleep(0)
        return 2 * x

    async def main() -> RunResult:
        script = Script(answers=[asks(("double", {"x": 4})), "8"])
        async with AsyncClient(deck_of(spec("smart")), plugins_for({"scripted": script})) as client:
            return await client.run("twice 4?", tools=[double], model="smart")

    result = asyncio.run(main())
    assert (result.text, result.messages[2].parts[0].content) == ("8", "8")  # type: ignore[union-attr]


def test_a_conversation_goes_on_with_its_messages() -> None:
    """`messages` of a result is a prompt, system messages and all."""
    client, script = client_for(asks(("add", {"a": 1, "b": 2})), "3", "6")
    stated = [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "1+2?"}]
    with client:
        first = client.run(stated, tools=[add], model="smart")
        client.run([*first.messages, {"role": "user", "content": "twice?"}], tools=[add], model="smart")
    assert script.requests[-1].system == "Be brief."
    assert [message.role for message in script.requests[-1].messages] == [
        "user",
        "assistant",
        "tool",
        "assistant",
        "user",
    ]


def test_tools_of_one_answer_run_at_the_same_time_and_in_order() -> None:
    """Each waits until both have begun, sync and async ones alike; results stand in the order of the calls."""
    both = threading.Barrier(2, timeout=20)

    def one() -> str:
        both.wait()
        return "first"

    async def two() -> str:
        await asyncio.to_thread(both.wait)
        return "second"

    client, script = client_for(asks(("two", {}), ("one", {})), "done")
    with client:
        client.run("x", tools=[one, two], model="smart")
    assert [part.content for part in results_of(script, 1)] == ["second", "first"]


def fails() -> None:
    msg = f"no such city, key {KEY}"
    raise ValueError(msg)


def refuses() -> None:
    msg = "ask for a city of Norway"
    raise ToolFailedError(msg)


def leaves() -> None:
    raise SystemExit(3)


def stops() -> None:
    raise StopIteration


def cancels() -> None:
    raise asyncio.CancelledError


async def quits() -> None:
    raise SystemExit(3)


async def cancelled() -> None:
    raise asyncio.CancelledError


def gives_bytes() -> bytes:
    return b"\x89PNG"


ALL: list[Any] = [add, fails, refuses, leaves, stops, cancels, quits, cancelled, gives_bytes]


@pytest.mark.parametrize(
    "name, arguments, reported",
    [
        ("fails", {}, "ValueError: no such city, key ***"),
        ("refuses", {}, "ask for a city of Norway"),
        ("leaves", {}, "SystemExit: 3"),
        ("quits", {}, "SystemExit: 3"),
        ("stops", {}, "RuntimeError: coroutine raised StopIteration"),
        ("cancels", {}, "tool 'cancels' was cancelled"),
        ("cancelled", {}, "tool 'cancelled' was cancelled"),
        ("gives_bytes", {}, "the tool ran, and its result cannot be written as JSON"),
        (
            "add",
            {"a": "one", "b": 2},
            "the arguments of tool 'add' do not fit its schema: Expected `int`, got `str` - at `$.a`",
        ),
        ("add", {"a": 1, "b": 2, "c": 3}, "tool 'add' has no parameter 'c'; its parameters are: a, b"),
        ("ad", {"a": 1, "b": 2}, "there is no tool named 'ad'; did you mean 'add'?"),
        ("search_the_web", {}, "there is no tool named 'search_the_web'; the tools are: add, fails"),
    ],
)
def test_the_model_is_told_what_went_wrong(name: str, arguments: Any, reported: str) -> None:
    """A tool that fails, an invented name, arguments and results that do not fit: the run goes on, and the model reads why."""
    client, script = client_for(asks((name, arguments)), "sorry")
    with client:
        assert client.run("x", tools=ALL, model="smart").text == "sorry"
    (result,) = results_of(script, 1)
    assert result.is_error
    assert result.content.startswith(reported)


def test_a_tool_that_hangs_is_given_up_and_the_model_is_told() -> None:
    """`tool_timeout` bounds each tool, in the loop and in a thread; the others of the same answer count."""
    released = threading.Event()
    stopped: list[str] = []

    def hangs() -> None:
        released.wait(60)

    async def hangs_too() -> None:
        try:
            await asyncio.sleep(60)
        finally:
            stopped.append("async")

    client, script = client_for(asks(("hangs", {}), ("hangs_too", {}), ("add", {"a": 1, "b": 1})), "done")
    with client:
        client.run("x", tools=[hangs, hangs_too, add], model="smart", tool_timeout=0.2)
    released.set()
    contents = [part.content for part in results_of(script, 1)]
    assert contents == ["tool 'hangs' did not end within 0.2 s", "tool 'hangs_too' did not end within 0.2 s", "2"]
    assert stopped == ["async"]


def test_a_run_that_has_had_its_turns_ends_with_what_it_has() -> None:
    """The error has the conversation and the ledger so far, says which tools, and the run can go on from there."""
    client, script = client_for(asks(("add", {"a": 1, "b": 2})))
    with client:
        with pytest.raises(TurnLimitError, match=r"still asks for tools \(add\) after 3 turns") as caught:
            client.run("1+2?", tools=[add], model="smart", max_turns=3)
        error = caught.value
        assert len(script.requests) == 3
        assert [message.role for message in error.messages] == ["user", *["assistant", "tool"] * 2, "assistant"]
        assert len(error.attempts) == 3
        assert error.total_cost is not None
        assert (error.backend, error.model) == ("scripted", "smart")
        script.answers[:] = ["3"]
        result = client.run(error.messages, tools=[add], model="smart")
    assert result.text == "3"
    assert len(result.messages) == len(error.messages) + 2
    again = error_from_dict(error_to_dict(error))
    assert isinstance(again, TurnLimitError)
    assert again.messages == error.messages


def test_a_turn_that_fails_carries_what_was_paid_before_it() -> None:
    """Messages and attempts of all turns are on the error."""
    client, _ = client_for(asks(("add", {"a": 1, "b": 2})), ServerError("boom", status=500))
    with client, pytest.raises(ServerError) as caught:
        client.run("1+2?", tools=[add], model="smart", retries=0)
    assert [message.role for message in caught.value.messages] == ["user", "assistant", "tool"]
    assert [attempt.outcome for attempt in caught.value.attempts] == ["ok", "error"]


def test_the_deadline_is_for_the_whole_run() -> None:
    """It cuts tools as it cuts turns, and the error has what was paid."""
    cut: list[str] = []

    async def slow() -> None:
        try:
            await asyncio.sleep(60)
        finally:
            cut.append("cancelled")

    client, script = client_for(asks(("slow", {})))
    started = time.monotonic()
    with client, pytest.raises(DeadlineExceededError) as caught:
        client.run("x", tools=[slow], model="smart", deadline=0.5, tool_timeout=None)
    assert time.monotonic() - started < 30
    assert cut == ["cancelled"]
    assert [message.role for message in caught.value.messages] == ["user", "assistant"]
    assert [attempt.outcome for attempt in caught.value.attempts] == ["ok"]
    assert script.requests[0].timeout < 0.5


def test_a_budget_is_for_the_whole_run() -> None:
    """A turn that it does not reach for is not sent."""
    client, script = client_for(asks(("add", {"a": 1, "b": 2})))
    with client, pytest.raises(BudgetExceededError) as caught:
        client.run("1+2?", tools=[add], model="smart", max_tokens=10, max_turns=100, budget_usd="0.001")
    assert 1 <= len(script.requests) < 10
    assert len(caught.value.messages) == 1 + 2 * len(script.requests)
    assert Decimal(0) < caught.value.total_cost.amount <= Decimal("0.001")  # type: ignore[union-attr]


def test_cancelling_a_run_cancels_its_tools() -> None:
    """Nothing of it goes on in the loop."""
    events: list[str] = []

    both = asyncio.Event()

    async def slow() -> None:
        events.append("begun")
        if len(events) == 2:
            both.set()
        try:
            await asyncio.sleep(60)
        except asyncio.CancelledError:
            events.append("cancelled")
            raise

    async def main() -> None:
        script = Script(answers=[asks(("slow", {}), ("slow", {}))])
        async with AsyncClient(deck_of(spec("smart")), plugins_for({"scripted": script})) as client:
            running = asyncio.create_task(client.run("x", tools=[slow], model="smart"))
            await both.wait()
            running.cancel()
            with pytest.raises(asyncio.CancelledError):
                await running
            assert asyncio.all_tasks() == {asyncio.current_task()}

    asyncio.run(main())
    assert sorted(events) == ["begun", "begun", "cancelled", "cancelled"]


def test_a_choice_of_tool_is_for_the_first_turn() -> None:
    """Demanded in every turn, the run would never end."""
    client, script = client_for(asks(("add", {"a": 1, "b": 2})), "3")
    with client:
        client.run("1+2?", tools=[add], model="smart", tool_choice="required")
    assert [request.tool_choice for request in script.requests] == ["required", None]


SETTING: contextvars.ContextVar[str] = contextvars.ContextVar("setting", default="none")


def test_tools_see_the_context_of_the_run() -> None:
    """Context variables of the caller are theirs, in threads too."""

    def look() -> str:
        return SETTING.get()

    async def main() -> list[ToolResult]:
        script = Script(answers=[asks(("look", {})), "done"])
        async with AsyncClient(deck_of(spec("smart")), plugins_for({"scripted": script})) as client:
            SETTING.set("mine")
            await client.run("x", tools=[look], model="smart")
        return results_of(script, 1)

    assert [part.content for part in asyncio.run(main())] == ["mine"]


def test_a_tool_may_use_the_client() -> None:
    """A tool that runs in a thread may make calls of its own with the same synchronous client."""
    client, _ = client_for(asks(("rivers", {})), "Rhine", "done")

    def rivers() -> str:
        return client.generate_text("Name a river.", model="smart").text

    with client:
        result = client.run("x", tools=[rivers], model="smart")
    assert result.messages[2].parts[0].content == "Rhine"  # type: ignore[union-attr]


@pytest.mark.parametrize(
    "provided, words",
    [
        ({"tools": [add, add]}, "two tools are named 'add'"),
        ({"tools": add}, "tools is a list"),
        ({"tools": "add"}, "tools is a list"),
        ({"tools": [{"name": "add"}]}, "this tool has nothing that runs it"),
        ({"tools": [Tool(name="add")]}, "this tool has nothing that runs it"),
        ({"tools": ["acme:weather"]}, "no plugin knows the tools 'acme:weather'"),
        ({"tools": [add], "max_turns": 0}, "max_turns is a whole number, 1 or more, not 0"),
        ({"tools": [add], "tool_timeout": 0}, "tool_timeout is a positive number of seconds"),
        ({"tools": [add], "deadline": -1}, "a deadline is a positive number of seconds"),
        ({"tools": [add], "budget_usd": "much"}, "a budget is an amount"),
    ],
)
def test_a_wrong_argument_is_refused_before_a_model_is_asked(provided: Any, words: str) -> None:
    """The message says what would do."""
    client, script = client_for("x")
    with client, pytest.raises(UnsupportedInputError) as caught:
        client.run("x", model="smart", **provided)
    assert words in str(caught.value)
    assert script.requests == []


class Clock(ToolSource):
    """A source that writes down what happens to it."""

    def __init__(self, zone: str = "UTC") -> None:
        self.zone = zone
        self.events: list[str] = []
        self.fault: Exception | None = None

    @asynccontextmanager
    async def open(self) -> AsyncIterator[Sequence[RunnableTool]]:
        self.events.append("open")
        if self.fault is not None:
            raise self.fault
        yield [RunnableTool(tool=Tool(name="now"), call=self.now)]
        self.events.append("close")
        msg = "closed badly"
        raise RuntimeError(msg)

    async def now(self, arguments: Mapping[str, Any]) -> Any:
        return {"time": "noon", "zone": self.zone, **arguments}


def test_a_source_is_open_for_as_long_as_its_run(caplog: pytest.LogCaptureFixture) -> None:
    """It is closed in every case; what goes wrong then is logged, and costs no answer."""
    source = Clock()
    client, script = client_for(asks(("now", {"a": 1})), "noon", ServerError("boom", status=500))
    with client:
        assert client.run("x", tools=[source, add], model="smart").text == "noon"
        assert source.events == ["open", "close"]
        with pytest.raises(ServerError):
            client.run("x", tools=[source], model="smart", retries=0)
    assert source.events == ["open", "close"] * 2
    assert results_of(script, 1)[0].content == '{"time": "noon", "zone": "UTC", "a": 1}'
    assert "the source of tools Clock did not close: RuntimeError" in caplog.text


def test_a_source_that_does_not_open_ends_the_run_and_the_others_are_closed() -> None:
    """The error names the source; no model is asked."""
    good, bad = Clock(), Clock()
    bad.fault = RuntimeError("no such clock")
    client, script = client_for("x")
    with client, pytest.raises(PluginError, match="Clock did not open: RuntimeError: no such clock"):
        client.run("x", tools=[good, bad], model="smart")
    assert (good.events, bad.events) == (["open", "close"], ["open"])
    assert script.requests == []


def test_plugins_bring_tools_by_address() -> None:
    """`scheme:rest` goes to the plugin that has the scheme."""
    client, script = client_for(asks(("now", {})), "noon", pipelex_tools=lambda: {"clock": Clock})
    with client:
        client.run("x", tools=["clock:CET"], model="smart")
    assert results_of(script, 1)[0].content == '{"time": "noon", "zone": "CET"}'


def test_pending_calls_of_a_prompt_run_first() -> None:
    """A conversation that was cut before its tools ran goes on with them."""
    client, script = client_for("3")
    pending = Message(role="assistant", parts=(ToolCall(id="c", name="add", arguments={"a": 1, "b": 2}),))
    with client:
        result = client.run([{"role": "user", "content": "1+2?"}, pending], tools=[add], model="smart")
    assert [part.content for part in results_of(script, 0)] == ["3"]
    assert len(result.turns) == 1


def test_a_recording_goes_with_the_prompt_once() -> None:
    """As pictures and documents do: what the model heard stays in the conversation, and is not sent a second time."""
    client, script = client_for(asks(("add", {"a": 1, "b": 2})), "3")
    with client:
        client.run("How much is it?", tools=[add], model="smart", audio=[wav(1)])
    sounds = [part for message in script.requests[1].messages for part in message.parts if isinstance(part, AudioPart)]
    assert [sound.media.media_type for sound in sounds] == ["audio/wav"]
