"""Models know their ways: which API a request goes to, which effort, and what odd answers of servers mean."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest
from attrs import evolve

from pipelex_backend_anthropic._answer import read_answer
from pipelex_backend_openai._traits import traits_of
from pipelex_core import AsyncClient, CallError, ContextTooLongError
from pipelex_core.parts import Tool
from pipelex_core.plugins import discover
from pipelex_core.results import TextAnswer
from tests.plugins.openai_calls import generated, spec, streamed, text_request
from tests.plugins.test_histories import Listening
from tests.plugins.test_openai_chat import as_backend
from tests.servers.base import Reply
from tests.servers.openai_server import chunk, completion
from tests.support.scripted import deck_of
from tests.support.scripted import spec as any_spec

TOOL = Tool(name="look_up", parameters={"type": "object", "properties": {}})
TOOLS = {"tools": [TOOL]}


def shipped(name: str, backend: str = "openai") -> dict[str, Any]:
    """A model of the shipped specs, as `{"model_id", "options"}`."""
    import tomllib
    from importlib.resources import files

    package = "pipelex_backend_mistral" if backend == "mistral" else "pipelex_backend_openai"
    text = files(package).joinpath("specs", f"{backend}.toml").read_text(encoding="utf-8")
    table = tomllib.loads(text)[name]
    known = ("effort_levels", "responses_for")
    return {"model_id": table.get("model_id", name), "options": {key: table[key] for key in known if key in table}}


def sent(
    name: str, *, way: str = "text", backend: str = "openai", version: str | None = None, **arguments: Any
) -> tuple[str, dict[str, Any]]:
    """The path and the body of the request for a shipped model."""
    sdk = {"azure_openai": "azure_openai", "mistral": "mistral"}.get(backend, "openai")
    options = {"api_version": version} if version else {}

    async def main() -> tuple[str, dict[str, Any]]:
        async with Listening() as server:
            deck = deck_of(any_spec("m", sdk=sdk, backend=backend, **shipped(name, backend)))
            config = evolve(deck.backends[backend], endpoint=server.url, options=options)
            async with AsyncClient(evolve(deck, backends={backend: config}), discover()) as client:
                with pytest.raises(CallError):
                    if way == "text":
                        await client.generate_text("x", model="m", **arguments)
                    elif way == "object":
                        await client.generate_object("x", {"type": "object"}, model="m", **arguments)
                    elif way == "object stream":
                        async with client.stream_object("x", {"type": "object"}, model="m", **arguments) as objects:
                            [made async for made in objects]
                    else:
                        async with client.stream_text("x", model="m", **arguments) as stream:
                            [delta async for delta in stream]
            (request,) = server.received
            return request.path, request.json

    return asyncio.run(main())


@pytest.mark.parametrize(
    "name, arguments, path",
    [
        ("gpt-5.6-sol", TOOLS, "/responses"),
        ("gpt-5.4", {"reasoning_effort": "high"}, "/responses"),
        ("gpt-5.5", {}, "/chat/completions"),
        ("gpt-5.2", TOOLS, "/chat/completions"),
        ("gpt-4.1", TOOLS, "/chat/completions"),
    ],
)
@pytest.mark.parametrize("way", ["text", "stream"])
def test_tools_and_efforts_of_newer_models_go_to_responses(
    name: str, arguments: dict[str, Any], path: str, way: str
) -> None:
    """From GPT-5.4 on, whole or streamed: OpenAI refuses them in chat completions."""
    assert sent(name, way=way, **arguments)[0] == path


def test_an_object_with_an_effort_goes_to_responses_too() -> None:
    """As a text does."""
    assert sent("gpt-5.5", way="object", reasoning_effort="low")[0] == "/responses"
    assert sent("gpt-5.5", way="object")[0] == "/chat/completions"


@pytest.mark.parametrize(
    "name, effort, level",
    [("gpt-5.1", "minimal", "low"), ("gpt-5", "xhigh", "high"), ("o3", "none", "low"), ("gpt-5.1", "none", "none")],
)
def test_an_effort_becomes_the_nearest_that_the_model_has(name: str, effort: str, level: str) -> None:
    """The levels stand in the model's spec."""
    assert sent(name, reasoning_effort=effort)[1]["reasoning_effort"] == level


@pytest.mark.parametrize(
    "backend, name, effort, level",
    [
        ("mistral", "mistral-medium-3-5", "medium", "high"),
        ("mistral", "mistral-medium-3-5", "none", "none"),
        ("mistral", "zai-glm-5", "minimal", "low"),
        ("xai", "grok-4.5", "xhigh", "high"),
        ("xai", "grok-4.7", "max", "xhigh"),
        ("xai", "grok-4.3", "minimal", "low"),
        ("deepseek", "deepseek-v4-pro", "low", "high"),
        ("azure_openai", "gpt-5-pro", "low", "high"),
    ],
)
def test_an_effort_becomes_the_nearest_elsewhere_too(backend: str, name: str, effort: str, level: str) -> None:
    """At every backend that sends an effort by its name."""
    assert sent(name, backend=backend, reasoning_effort=effort)[1]["reasoning_effort"] == level


@pytest.mark.parametrize("name, effort, level", [("gpt-6.1-sol", "none", "low"), ("gpt-6-sol", "max", "max")])
def test_a_made_table_has_the_levels_of_its_own_model(name: str, effort: str, level: str) -> None:
    """And not those of the model whose table it is like."""
    assert sent(name, reasoning_effort=effort)[1]["reasoning"]["effort"] == level


@pytest.mark.parametrize(
    "version, path",
    [
        (None, "/openai/v1/responses"),
        ("2025-04-01-preview", "/openai/responses"),
        ("2024-10-21", "/openai/deployments/gpt-5.5-2026-04-23/chat/completions"),
    ],
)
@pytest.mark.parametrize("way", ["text", "stream", "object", "object stream"])
def test_azure_goes_to_responses_where_its_version_has_them(version: str | None, path: str, way: str) -> None:
    """An older version answers 404 there: it gets a chat, as before; whole or streamed, texts and objects."""
    requested = sent("gpt-5.5", way=way, backend="azure_openai", version=version, reasoning_effort="low")
    assert requested[0] == path


def test_a_stop_with_calls_is_a_finish_for_calls() -> None:
    """Ollama, llama.cpp and others say stop; a program that loops over calls goes on all the same."""
    call = {"id": "c", "type": "function", "function": {"name": "look_up", "arguments": "{}"}}
    whole = completion("", finish_reason="stop")
    whole["choices"][0]["message"]["tool_calls"] = [call]
    assert generated(Reply.json(whole)).finish_reason == "tool_calls"
    events = (chunk({"tool_calls": [{**call, "index": 0}]}), chunk({}, "stop"))
    answer = streamed(Reply.sse(*events))[-1]
    assert isinstance(answer, TextAnswer)
    assert answer.finish_reason == "tool_calls"


@pytest.mark.parametrize("choice", ["required", "look_up"])
def test_a_demanded_call_that_did_not_come_is_told(choice: str, caplog: pytest.LogCaptureFixture) -> None:
    """The text is the answer, its finish reason is `other`, and a warning names the model."""
    request = text_request(tools=(TOOL,), tool_choice=choice)
    answer = generated(Reply.json(completion("No.", finish_reason="stop")), request=request)
    assert (answer.text, answer.finish_reason) == ("No.", "other")
    assert [f"tool_choice is {choice!r}" in record.getMessage() for record in caplog.records] == [True]
    request = text_request(tools=(TOOL,), tool_choice="auto")
    assert generated(Reply.json(completion("No.", finish_reason="stop")), request=request).finish_reason == "stop"


@pytest.mark.parametrize("size", [1, 2, 1000])
def test_a_stream_may_begin_with_a_byte_order_mark(size: int) -> None:
    """The standard has it so: the first event is not lost, however the mark is cut."""
    body = "".join(f"data: {json.dumps(event)}\n\n" for event in (chunk({"content": "Po"}), chunk({}, "stop")))
    data = b"\xef\xbb\xbf" + body.encode() + b"data: [DONE]\n\n"
    pieces = tuple(data[at : at + size] for at in range(0, len(data), size))
    reply = Reply(chunks=pieces, headers={"content-type": "text/event-stream"})
    assert streamed(reply)[0] == "Po"


def test_one_call_at_two_indices_is_one_call() -> None:
    """LocalAI counts on within a call, whose id stays; two calls with different ids stay two."""

    def piece(index: int, call_id: str, name: str, arguments: str) -> dict[str, Any]:
        function = {"name": name, "arguments": arguments} if name else {"arguments": arguments}
        return chunk({"tool_calls": [{"index": index, "id": call_id, "type": "function", "function": function}]})

    events = (piece(0, "c", "look_up", ""), piece(1, "c", "", '{"a": 1}'), chunk({}, "tool_calls"))
    answer = streamed(Reply.sse(*events))[-1]
    assert isinstance(answer, TextAnswer)
    assert [(call.id, call.arguments) for call in answer.tool_calls] == [("c", {"a": 1})]
    events = (piece(0, "c", "look_up", "{}"), piece(1, "d", "look_up", "{}"), chunk({}, "tool_calls"))
    answer = streamed(Reply.sse(*events))[-1]
    assert isinstance(answer, TextAnswer)
    assert [call.id for call in answer.tool_calls] == ["c", "d"]


def test_x_groq_may_be_null() -> None:
    """In a stream's events, it says nothing."""
    events = ({**chunk({"content": "Po"}), "x_groq": None}, chunk({}, "stop"))
    assert streamed(Reply.sse(*events), make=as_backend("groq"))[0] == "Po"


def test_a_null_input_of_claude_is_an_empty_one() -> None:
    """As some gateways write it; it goes back as an empty object too."""
    block = {"type": "tool_use", "id": "toolu_1", "name": "look_up", "input": None}
    thought = {"type": "thinking", "thinking": "Hm.", "signature": "c2ln"}
    whole = {"type": "message", "content": [thought, block], "stop_reason": "end_turn", "usage": {}}
    answer = read_answer(whole, model_id="claude", request_id=None)
    assert [call.arguments for call in answer.tool_calls] == [{}]
    assert answer.provider_parts[0].data["content"][1]["input"] == {}


@pytest.mark.parametrize("header", ["x-litellm-call-id", "x-portkey-trace-id"])
def test_a_gateways_id_names_a_request_that_the_provider_does_not(header: str) -> None:
    """The provider's own comes first."""
    reply = Reply.json(completion("Po"), headers={header: "g-1"})
    assert generated(reply).request_id == "g-1"
    reply = Reply.json(completion("Po"), headers={header: "g-1", "x-request-id": "p-1"})
    assert generated(reply).request_id == "p-1"


def test_llama_cpp_says_that_a_request_is_too_long() -> None:
    """By a type of its own."""
    reported = {
        "error": {"code": 400, "message": "too many tokens", "type": "exceed_context_size_error", "n_ctx": 4096}
    }
    with pytest.raises(ContextTooLongError):
        generated(Reply.json(reported, status=400), request=text_request(spec=spec()))


def test_traits_of_efforts_are_options() -> None:
    """A spec of a project may name them, as lists."""
    traits = traits_of("acme", {"effort_levels": ["low"], "responses_for": ["tools"]})
    assert (traits.effort_levels, traits.responses_for) == (("low",), ("tools",))
