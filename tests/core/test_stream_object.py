"""`stream_object`: partial objects, and last the validated one."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest

from pipelex_core import (
    AsyncClient,
    Client,
    ContentFilterError,
    DeadlineExceededError,
    InvalidAnswerError,
    PluginError,
    ProviderConnectionError,
    ToolCall,
    UnsupportedInputError,
)
from pipelex_core.backend import ObjectGenerator
from pipelex_core.plugins import discover
from pipelex_core.results import ObjectResult, TextAnswer
from tests.support.scripted import USAGE, Script, ScriptedBackend, deck_of, plugin, plugins_for, spec

if TYPE_CHECKING:
    from pipelex_core.calls import FinishedCall


@dataclass
class River:
    name: str
    km: int


RHINE = '{"name": "Rhine", "km": 1233}'


def pieces(text: str, *, finish: Any = "stop") -> list[Any]:
    """A stream of this text, four characters a delta, and its answer."""
    deltas = [text[at : at + 4] for at in range(0, len(text), 4)]
    return [*deltas, TextAnswer(text=text, finish_reason=finish, usage=USAGE, request_id="req-1")]


def client_for(*events: Any, **fields: Any) -> tuple[Client, Script, list[FinishedCall]]:
    """A client of one model, its script, and what was heard of calls that ended."""
    script, heard = Script(answers=list(events)), []
    plugins = plugins_for({"scripted": script}, pipelex_call_finished=lambda call: heard.append(call))
    return Client(deck_of(spec("smart"), **fields), plugins), script, heard


def test_partial_objects_come_and_last_the_validated_one() -> None:
    """Plain data first, then the type's own; the result has all that every result has."""
    client, script, heard = client_for(*pieces(RHINE))
    with client, client.stream_object("A river", River, model="smart") as stream:
        *partial, last = stream
    assert partial[0] == {}
    assert {"name": "Rh"} in partial
    assert partial[-1] == {"name": "Rhine", "km": 1233}
    assert last == River("Rhine", 1233)
    result = stream.result
    assert isinstance(result, ObjectResult)
    assert (result.value, result.text, result.finish_reason, result.usage) == (last, RHINE, "stop", USAGE)
    assert len(result.attempts) == 1
    assert script.requests[0].schema_name == "River"
    assert [(call.operation, call.result) for call in heard] == [("stream_object", result)]


def test_async_clients_stream_the_same() -> None:
    """`async with client.stream_object(…)`."""

    async def main() -> tuple[list[Any], Any]:
        script = Script(answers=pieces(RHINE))
        async with AsyncClient(deck_of(spec("smart")), plugins_for({"scripted": script})) as client:
            async with client.stream_object("A river", River, model="smart") as stream:
                values = [value async for value in stream]
            return values, stream.result.value

    values, whole = asyncio.run(main())
    assert values[-1] == whole == River("Rhine", 1233)
    assert len(values) > 2


@pytest.mark.parametrize(
    "requested, text, expected", [(list[int], '{"value": [1, 2]}', [1, 2]), (int | None, '{"value": null}', None)]
)
def test_what_is_wrapped_for_providers_comes_unwrapped(requested: Any, text: str, expected: Any) -> None:
    """A list is a list in its partial values too; None is a value."""
    client, _, _ = client_for(*pieces(text))
    with client, client.stream_object("x", requested, model="smart") as stream:
        values = list(stream)
    assert values[-1] == expected == stream.result.value
    assert all(isinstance(value, list) for value in values if expected)


def test_an_answer_that_does_not_fit_is_repaired() -> None:
    """One more request shows the fault, and the objects begin again; the ledger and those who listen hear of one call."""
    client, script, heard = client_for(*pieces('{"name": "Rhine", "km": "long"}'), *pieces(RHINE))
    with client, client.stream_object("A river", River, model="smart") as stream:
        values = list(stream)
    assert values[-1] == River("Rhine", 1233)
    assert {"name": "Rhine", "km": "long"} in values
    assert len(script.requests) == 2
    assert "does not fit the JSON schema" in script.requests[1].messages[-1].text
    assert [attempt.outcome for attempt in stream.result.attempts] == ["ok", "ok"]
    assert [len(call.attempts) for call in heard] == [2]


def test_a_repair_that_fails_is_an_error_with_the_text() -> None:
    """As for `generate_object`."""
    client, _, heard = client_for(*pieces("nonsense"), *pieces("more nonsense"))
    with client, pytest.raises(InvalidAnswerError, match="does not fit River, nor did its repair") as caught:
        list(client.stream_object("A river", River, model="smart"))
    assert (caught.value.raw, len(caught.value.attempts)) == ("more nonsense", 2)
    assert [call.error for call in heard] == [caught.value]


@pytest.mark.parametrize("finish, error", [("length", InvalidAnswerError), ("content_filter", ContentFilterError)])
def test_an_answer_cut_short_or_withheld_is_not_repaired(finish: str, error: type[Exception]) -> None:
    """What had come was given already; the error keeps the text."""
    client, script, _ = client_for(*pieces('{"name": "Rhi', finish=finish))
    values: list[Any] = []
    with client, pytest.raises(error) as caught, client.stream_object("x", River, model="smart") as stream:
        values += stream
    assert (values[-1], caught.value.raw) == ({"name": "Rhi"}, '{"name": "Rhi')  # type: ignore[attr-defined]
    assert len(script.requests) == 1


def test_a_stream_that_breaks_off_is_followed_by_the_next_model() -> None:
    """A partial object takes the place of the one before, so another model may begin again."""
    first = Script(answers=['{"name": "Rh', ProviderConnectionError("reset")])
    second = Script(answers=pieces('{"name": "Po", "km": 652}'))
    deck = deck_of(spec("one", sdk="first"), spec("two", sdk="second"), aliases={"both": ("one", "two")})
    with Client(deck, plugins_for({"first": first, "second": second})) as client:
        with client.stream_object("x", River, model="both") as stream:
            values = list(stream)
    assert {"name": "Rh"} in values
    assert values[-1] == River("Po", 652)
    assert [attempt.model for attempt in stream.result.attempts] == ["one", "two"]


def test_leaving_early_closes_the_stream() -> None:
    """Nothing goes on, and there is no result; so it is in synchronous code."""
    client, script, heard = client_for('{"name', 60.0, "")
    with client:
        with client.stream_object("x", River, model="smart") as stream:
            assert next(stream) == {}
        with pytest.raises(RuntimeError, match="has not ended"):
            _ = stream.result
    assert script.abandoned == 1
    assert [(call.result, call.error) for call in heard] == [(None, None)]


def test_the_deadline_is_for_the_whole_stream() -> None:
    """Its error has what had come."""
    client, _, _ = client_for('{"name": "Rh', 60.0, "")
    with client, pytest.raises(DeadlineExceededError) as caught:
        list(client.stream_object("x", River, model="smart", deadline=0.4))
    assert caught.value.partial_text == '{"name": "Rh'


def test_silence_is_an_error_of_its_own() -> None:
    """`idle_timeout` is between two signs of life."""
    client, _, _ = client_for('{"name": "Rh', 60.0, "")
    with client, pytest.raises(ProviderConnectionError, match="was silent for"):
        list(client.stream_object("x", River, model="smart", idle_timeout=0.2, retries=0))


def test_a_backend_without_streams_of_objects_is_an_error_that_says_so() -> None:
    """The chain would move on."""

    class Whole(ObjectGenerator):
        async def generate_object(self, request: Any) -> Any:
            raise AssertionError

    plugins = discover(entry_points=(), extra=[plugin({"scripted": Whole})])
    with Client(deck_of(spec("smart")), plugins) as client:
        with pytest.raises(UnsupportedInputError, match="has no ObjectStreamer"):
            list(client.stream_object("x", River, model="smart"))


def test_a_plugin_that_breaks_its_contract_is_named() -> None:
    """A stream that ends without an answer."""
    client, _, _ = client_for("{", RuntimeError("boom"))
    with client, pytest.raises(PluginError, match="sdk 'scripted' raised RuntimeError"):
        list(client.stream_object("x", River, model="smart", retries=0))


TOOL = {"name": "look_up", "parameters": {"type": "object", "properties": {}}}


def calling() -> TextAnswer:
    """An answer that asks for the tool."""
    call = ToolCall(id="call_1", name="look_up", arguments={})
    return TextAnswer(text="", finish_reason="tool_calls", tool_calls=(call,), usage=USAGE)


class WithTools(ScriptedBackend):
    """A provider that takes tools beside a schema."""

    objects_with_tools = True


def test_a_model_may_ask_for_tools_where_an_object_is_wanted() -> None:
    """`value` is None then, `tool_calls` has them, and `message` carries on; the next answer is the object."""
    script = Script(answers=[calling(), RHINE])
    with Client(deck_of(spec("smart")), plugins_for({"scripted": script}, kind=WithTools)) as client:
        requested = client.generate_object("A river", River, model="smart", tools=[TOOL])
        assert requested.value is None
        assert requested.finish_reason == "tool_calls"
        assert [call.name for call in requested.tool_calls] == ["look_up"]
        results = [{"type": "tool_result", "call_id": call.id, "content": "the Rhine"} for call in requested.tool_calls]
        talk: list[Any] = [
            {"role": "user", "content": "A river"},
            requested.message,
            {"role": "tool", "content": results},
        ]
        made = client.generate_object(talk, River, model="smart", tools=[TOOL])
    assert (made.value, made.tool_calls) == (River("Rhine", 1233), ())
    assert [request.tools[0].name for request in script.requests] == ["look_up", "look_up"]
    again: ObjectResult[Any] = ObjectResult.from_dict(requested.to_dict(), River)
    assert (again.value, again.tool_calls) == (None, requested.tool_calls)


def test_a_stream_of_an_object_may_end_with_calls_of_tools() -> None:
    """There is no object then, and no value is given."""
    script = Script(answers=[calling()])
    with Client(deck_of(spec("smart")), plugins_for({"scripted": script}, kind=WithTools)) as client:
        with client.stream_object("A river", River, model="smart", tools=[TOOL]) as stream:
            assert list(stream) == []
    assert [call.name for call in stream.result.tool_calls] == ["look_up"]


def test_a_backend_that_does_not_take_both_is_passed_over() -> None:
    """The chain moves on, unpaid; alone it is an error that says so."""
    one, two = Script(answers=[RHINE]), Script(answers=[RHINE])
    plugins = discover(
        entry_points=(),
        extra=[plugin({"one": lambda c: ScriptedBackend(c, one), "two": lambda c: WithTools(c, two)})],
    )
    deck = deck_of(spec("a", sdk="one"), spec("b", sdk="two"), aliases={"both": ("a", "b")})
    with Client(deck, plugins) as client:
        assert client.generate_object("A river", River, model="both", tools=[TOOL]).model == "b"
        with pytest.raises(UnsupportedInputError, match="takes no tools in a request for an object"):
            client.generate_object("A river", River, model="a", tools=[TOOL])
    assert one.requests == []
