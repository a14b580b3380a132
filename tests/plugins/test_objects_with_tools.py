"""Objects with tools, as each provider takes them: a schema beside tools, a tool for the object among others, or a refusal."""

from __future__ import annotations

import json
from typing import Any

import pytest

from pipelex_backend_anthropic._request import message_body
from pipelex_backend_bedrock._request import converse_parameters
from pipelex_backend_google._body import text_body
from pipelex_core import UnsupportedInputError
from pipelex_core.parts import Message, TextPart, Tool
from pipelex_core.requests import ObjectRequest
from pipelex_core.specs import ModelSpec
from pipelex_testing.bodies import openai_chat as chat
from tests.plugins.openai_calls import config, with_backend
from tests.servers.base import Reply

SCHEMA = {
    "type": "object",
    "properties": {"name": {"type": "string"}},
    "required": ["name"],
    "additionalProperties": False,
}
MAP = {"type": "object", "properties": {"more": {"type": "object", "additionalProperties": {"type": "string"}}}}
LOOK_UP = Tool(name="look_up", parameters={"type": "object", "properties": {"river": {"type": "string"}}})


def request(
    schema: dict[str, Any] = SCHEMA, *, sdk: str = "openai", model_id: str = "m", **fields: Any
) -> ObjectRequest:
    """A request for an object that offers a tool."""
    options = fields.pop("options", {})
    spec = ModelSpec(name="model", backend="b", sdk=sdk, model_id=model_id, options=options)
    messages = (Message(role="user", parts=(TextPart("A river"),)),)
    return ObjectRequest(spec=spec, messages=messages, schema=schema, schema_name="River", tools=(LOOK_UP,), **fields)


def as_groq(url: str) -> Any:
    return config(url, name="groq")


@pytest.mark.parametrize(
    "called, text, calls",
    [("River", '{"name": "Po"}', []), ("look_up", "", ["look_up"]), ("Rivre", '{"name": "Po"}', [])],
)
def test_where_objects_come_by_a_tool_it_is_one_of_several(called: str, text: str, calls: list[str]) -> None:
    """Groq refuses a schema beside tools: a call is demanded, and what is none of the caller's is the object."""
    arguments = '{"name": "Po"}' if text else '{"river": "Po"}'
    reply = Reply.json(chat.completion("", tool_calls=[chat.tool_call("call_1", called, arguments)]))

    async def use(backend: Any, server: Any) -> Any:
        return await backend.generate_object(request()), server.received[0].json

    answer, body = with_backend(use, reply, make=as_groq)
    assert (answer.text, [call.name for call in answer.tool_calls]) == (text, calls)
    assert answer.finish_reason == ("tool_calls" if calls else "stop")
    assert body["tool_choice"] == "required"
    assert [tool["function"]["name"] for tool in body["tools"]] == ["look_up", "River"]
    assert "response_format" not in body


def test_anthropic_takes_a_schema_beside_tools() -> None:
    """Structured output where it can express the schema; else a tool among the others, of which one has to be called."""
    body = message_body(request(sdk="anthropic"), {})
    assert (body["output_config"]["format"]["type"], [tool["name"] for tool in body["tools"]]) == (
        "json_schema",
        ["look_up"],
    )
    assert "tool_choice" not in body
    body = message_body(request(MAP, sdk="anthropic", options={"structured_output": "tool"}), {})
    assert [tool["name"] for tool in body["tools"]] == ["look_up", "River"]
    assert body["tool_choice"] == {"type": "any"}


def test_bedrock_demands_one_of_the_tools() -> None:
    """The object's own among them."""
    sent = converse_parameters(request(sdk="bedrock"), {})["toolConfig"]
    assert [tool["toolSpec"]["name"] for tool in sent["tools"]] == ["look_up", "River"]
    assert sent["toolChoice"] == {"any": {}}


def test_gemini_takes_both_from_its_third_generation_on() -> None:
    """Before, and for a call that is demanded, Google refuses it: nothing is sent."""
    body = text_body(request(sdk="google"))
    assert body["generationConfig"]["responseMimeType"] == "application/json"
    assert json.dumps(body["tools"]).count("look_up") == 1
    with pytest.raises(UnsupportedInputError, match="Gemini 3"):
        text_body(request(sdk="google", options={"thinking": "budget"}))
    with pytest.raises(UnsupportedInputError, match="demands a call"):
        text_body(request(sdk="google", tool_choice="required"))
