"""Objects: by the API's structured output where it can express the schema, else by a tool."""

from __future__ import annotations

import asyncio
import json
from enum import Enum
from typing import Annotated, Any, Literal

import attrs
import jsonschema
import msgspec
import pydantic
import pytest

from pipelex_backend_anthropic._dialects import STRUCTURED, TOOL
from pipelex_core.dialects import adapt
from pipelex_core.objects import object_type
from pipelex_core.parts import Tool
from pipelex_core.requests import ObjectRequest
from tests.servers.anthropic import AnthropicServer, config, message, opened, replied, requested, spec, text, tool_use

CITY = {
    "type": "object",
    "properties": {"name": {"type": "string"}, "inhabitants": {"type": "integer", "minimum": 0}},
    "required": ["name"],
}
MAP = {"type": "object", "properties": {"counts": {"type": "object", "additionalProperties": {"type": "integer"}}}}


def wanted(schema: dict[str, Any], **fields: Any) -> ObjectRequest:
    request = requested(**fields)
    return ObjectRequest(**attrs.asdict(request, recurse=False), schema=schema, schema_name="city")


def test_structured_output() -> None:
    """The schema goes out closed, with what cannot be enforced told in words; the text is the document."""

    async def main() -> None:
        async with AnthropicServer() as server, opened(config(server.url)) as backend:
            server.queue(replied(message(text('{"name":"Rome"}'))))
            answer = await backend.generate_object(wanted(CITY, reasoning_effort="low"))
            assert (answer.text, answer.finish_reason) == ('{"name":"Rome"}', "stop")
            body = server.bodies[0]
            assert body["output_config"] == {
                "effort": "low",
                "format": {
                    "type": "json_schema",
                    "schema": {
                        "type": "object",
                        "properties": {
                            "name": {"type": "string"},
                            "inhabitants": {"type": "integer", "description": "minimum: 0"},
                        },
                        "required": ["name"],
                        "additionalProperties": False,
                    },
                },
            }
            assert "tools" not in body

    asyncio.run(main())


@pytest.mark.parametrize(
    "schema, options", [(CITY, {"structured_output": "tool"}), (MAP, {}), (MAP, {"structured_output": "native"})]
)
def test_a_tool_that_is_demanded(schema: dict[str, Any], options: dict[str, Any]) -> None:
    """Where the model or the schema wants it, a tool takes the whole schema, and its arguments are the document."""

    async def main() -> None:
        async with AnthropicServer() as server, opened(config(server.url)) as backend:
            server.queue(replied(message(tool_use("toolu_1", "city", {"name": "Zürich"}), stop_reason="tool_use")))
            answer = await backend.generate_object(wanted(schema, spec=spec(options=options)))
            assert (answer.text, answer.finish_reason, answer.tool_calls) == ('{"name": "Zürich"}', "stop", ())
            body = server.bodies[0]
            assert body["tools"][0]["input_schema"] == schema
            assert body["tool_choice"] == {"type": "tool", "name": "city", "disable_parallel_tool_use": True}
            assert "output_config" not in body

    asyncio.run(main())


@pytest.mark.parametrize("fields", [{"options": {"forced_tools": False}}, {"effort": "high"}])
def test_a_tool_that_cannot_be_demanded(fields: dict[str, Any]) -> None:
    """Where no tool may be demanded it is offered; an answer in text is then the text, for core to judge."""

    async def main() -> None:
        async with AnthropicServer() as server, opened(config(server.url)) as backend:
            server.queue(replied(message(text('{"counts": {}}'))))
            request = wanted(
                MAP, spec=spec(options=fields.get("options", {})), reasoning_effort=fields.get("effort"), tools=()
            )
            answer = await backend.generate_object(request)
            assert answer.text == '{"counts": {}}'
            assert server.bodies[0]["tool_choice"]["type"] == "auto"

    asyncio.run(main())


@pytest.mark.parametrize("reason, ours", [("max_tokens", "length"), ("refusal", "content_filter")])
def test_an_object_that_is_not_whole_says_why(reason: str, ours: str) -> None:
    """A cut or withheld object keeps the reason it ended for."""

    async def main() -> None:
        async with AnthropicServer() as server, opened(config(server.url)) as backend:
            server.queue(replied(message(stop_reason=reason)))
            answer = await backend.generate_object(wanted(MAP))
            assert (answer.text, answer.finish_reason) == ("", ours)

    asyncio.run(main())


@pytest.mark.parametrize("options", [{}, {"structured_output": "tool"}])
def test_a_tool_of_another_name_is_the_answer(options: dict[str, Any]) -> None:
    """A call of a tool that nobody offered holds the object: a name misspelt by a model, or a gateway's own."""

    async def main() -> None:
        async with AnthropicServer() as server, opened(config(server.url)) as backend:
            server.queue(
                replied(message(tool_use("toolu_1", "final_result", {"name": "Rome"}), stop_reason="tool_use"))
            )
            answer = await backend.generate_object(wanted(CITY, spec=spec(options=options)))
            assert (json.loads(answer.text), answer.finish_reason, answer.tool_calls) == ({"name": "Rome"}, "stop", ())

    asyncio.run(main())


def test_other_tools_stay_beside_the_answer() -> None:
    """Tools of the request are offered too, and a tool named as the answer gives way to it."""

    async def main() -> None:
        async with AnthropicServer() as server, opened(config(server.url)) as backend:
            server.queue(replied(message(tool_use("toolu_1", "city", {}), stop_reason="tool_use")))
            await backend.generate_object(wanted(MAP, tools=(Tool(name="weather"), Tool(name="city"))))
            assert [tool["name"] for tool in server.bodies[0]["tools"]] == ["weather", "city"]
            assert server.bodies[0]["tools"][1]["input_schema"] == MAP

    asyncio.run(main())


class Colour(Enum):
    RED = "red"
    BLUE = "blue"


@attrs.define
class Line:
    name: str
    price: float
    colour: Colour | None = None
    note: str | None = None


@attrs.define
class Invoice:
    number: Annotated[str, msgspec.Meta(pattern="^[0-9]+$", description="As printed.")]
    lines: Annotated[list[Line], msgspec.Meta(min_length=1, max_length=50)]
    state: Literal["paid", "open"]
    total: Annotated[float, msgspec.Meta(ge=0)]
    tags: list[str] = attrs.Factory(list)


class Person(pydantic.BaseModel):
    name: str = pydantic.Field(min_length=1)
    age: int | None = pydantic.Field(default=None, ge=0)
    pets: list[Literal["cat", "dog"]] = []


@attrs.define
class Node:
    name: str
    children: list[Node]


@attrs.define
class Counts:
    by_name: dict[str, int]


@attrs.define
class Anything:
    value: Any


@attrs.define
class Pair:
    both: tuple[int, str]


KNOWN_WORDS = {
    *("type", "title", "description", "enum", "const", "properties", "required", "items", "anyOf"),
    *("$ref", "$defs", "format", "minItems", "additionalProperties"),
}


def words_of(schema: Any, *, names: bool = False) -> set[str]:
    """Every keyword a schema uses; `names` where the keys are names of properties or definitions."""
    if isinstance(schema, dict):
        inner = {
            word
            for key, value in schema.items()
            if key not in {"enum", "const", "required"}
            for word in words_of(value, names=not names and key in {"properties", "$defs"})
        }
        return inner if names else inner | schema.keys()
    return {word for value in schema for word in words_of(value)} if isinstance(schema, list) else set()


@pytest.mark.parametrize(
    "requested_type, example",
    [
        (Invoice, {"number": "1", "lines": [{"name": "a", "price": 1, "colour": "red"}], "state": "paid", "total": 1}),
        (Person, {"name": "Ada", "age": 3, "pets": ["cat"]}),
        (list[Line], {"value": [{"name": "a", "price": 1.5, "note": None}]}),
    ],
)
def test_types_that_structured_output_expresses(requested_type: Any, example: dict[str, Any]) -> None:
    """The schemas of types use only documented words, every object is closed, and what fits the type fits them."""
    schema = adapt(object_type(requested_type).schema, STRUCTURED).schema
    assert words_of(schema) <= KNOWN_WORDS
    assert json.dumps(schema).count('"type": "object"') == json.dumps(schema).count('"additionalProperties": false')
    jsonschema.validate(example, schema)


@pytest.mark.parametrize("requested_type", [Node, Counts, Anything, Pair, dict[str, int]])
def test_types_that_structured_output_does_not_express(requested_type: Any) -> None:
    """Recursion, open maps, any value and tuples have no words there: a tool takes them."""
    assert adapt(object_type(requested_type).schema, STRUCTURED, TOOL).dialect is TOOL


@pytest.mark.parametrize(
    "schema, strict",
    [
        ({"type": ["string", "null"]}, {"anyOf": [{"type": "string"}, {"type": "null"}]}),
        (
            {"type": ["string", "null"], "enum": ["a", None], "title": "A"},
            {"title": "A", "anyOf": [{"type": "string", "enum": ["a"]}, {"type": "null"}]},
        ),
        ({"enum": ["EUR", "USD"]}, {"type": "string", "enum": ["EUR", "USD"]}),
        ({"type": "string", "format": "email"}, {"type": "string", "format": "email"}),
        ({"type": "string", "format": "hex"}, {"type": "string", "description": "format: hex"}),
        ({"type": "array", "items": {"type": "null"}, "minItems": 1}, None),
        (
            {"type": "array", "items": {"type": "null"}, "uniqueItems": True, "default": []},
            {"type": "array", "items": {"type": "null"}, "description": "uniqueItems: true"},
        ),
        (
            {"type": "array", "items": {"type": "null"}, "minItems": 2, "description": "Two."},
            {"type": "array", "items": {"type": "null"}, "description": "Two.\n\nminItems: 2"},
        ),
        (
            {"oneOf": [{"type": "null"}, {"type": "string"}], "examples": [None]},
            {"anyOf": [{"type": "null"}, {"type": "string"}]},
        ),
    ],
)
def test_keywords(schema: dict[str, Any], strict: dict[str, Any] | None) -> None:
    """A keyword is kept, written another way, told in the description, or dropped where it is a mere note."""
    around = {"type": "object", "properties": {"x": schema}, "additionalProperties": False}
    made = adapt(around, STRUCTURED).schema
    assert made == {**around, "properties": {"x": schema if strict is None else strict}}


@pytest.mark.parametrize(
    "schema",
    [
        True,
        {},
        {"description": "Anything."},
        {"type": "object"},
        {"type": "object", "properties": {"a": {"type": "null"}}, "additionalProperties": {"type": "string"}},
        {"type": "object", "patternProperties": {"^a": {"type": "string"}}},
        {"allOf": [{"type": "string"}, {"type": "null"}]},
        {"not": {"type": "string"}},
        {"enum": [{"a": 1}]},
        {"$ref": "#"},
        {"$ref": "https://example.org/schema.json"},
        {"$ref": "#/$defs/Missing"},
    ],
)
def test_keywords_without_words(schema: Any) -> None:
    """What structured output cannot say is left to a tool, wherever it stands."""
    around = {"type": "object", "properties": {"x": {"type": "array", "items": schema}}}
    assert adapt(around, STRUCTURED, TOOL).dialect is TOOL


def test_a_strict_schema_stays_as_it_is() -> None:
    """A schema that was written for structured output goes out unchanged, and the caller's is not touched."""
    schema = {
        "type": "object",
        "title": "Dog",
        "properties": {"name": {"type": "string", "title": "Name"}, "kind": {"$ref": "#/$defs/Kind"}},
        "additionalProperties": False,
        "required": ["name"],
        "$defs": {"Kind": {"enum": ["big", "small"], "type": "string"}},
    }
    before = json.dumps(schema)
    assert adapt(schema, STRUCTURED).schema == schema
    assert json.dumps(schema) == before
