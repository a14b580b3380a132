"""What each plugin sends for a type is accepted by its provider's rules, and no answer of it goes by unchecked."""

from __future__ import annotations

import dataclasses
import datetime as dt
import enum
import json
from decimal import Decimal
from typing import TYPE_CHECKING, Annotated, Any, Literal, NotRequired, TypedDict

import attrs
import jsonschema
import msgspec
import pydantic
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipelex_backend_anthropic import _dialects as anthropic
from pipelex_backend_bedrock import _dialects as bedrock
from pipelex_backend_google._dialects import GEMINI
from pipelex_backend_llamacpp._dialects import GRAMMAR
from pipelex_backend_mistral import _dialects as mistral
from pipelex_backend_mock.instances import NoInstanceError, instance
from pipelex_backend_openai import _dialects as openai
from pipelex_core import UnsupportedInputError
from pipelex_core.dialects import adapt
from pipelex_core.objects import InvalidObjectError, object_type, read_object
from pipelex_core.parts import Tool
from tests.support.properties import PROPERTY
from tests.support.schemas_sent import WIRES, body_for, refused

if TYPE_CHECKING:
    from collections.abc import Iterator


@dataclasses.dataclass
class Line:
    what: str
    price: Decimal
    on: dt.date | None = None


@dataclasses.dataclass
class Invoice:
    number: str
    currency: Literal["EUR", "USD"]
    lines: list[Line]


class Address(pydantic.BaseModel):
    street: str = pydantic.Field(min_length=1)
    zip: str = pydantic.Field(pattern=r"^\d{4,5}$")


class Person(pydantic.BaseModel):
    home: Address = pydantic.Field(description="Where")
    work: Address | None = pydantic.Field(default=None, description="Where in the day")
    kind: Literal["natural"] = "natural"


@attrs.define
class Node:
    value: int
    children: list[Node]


@attrs.define
class Counts:
    by_name: dict[str, int]
    by_day: dict[str, list[Line]] = attrs.Factory(dict)


class State(enum.Enum):
    OPEN = "open"
    PAID = "paid"


class Entry(TypedDict):
    at: dt.datetime
    state: State
    rank: Literal[1, 2] | None
    flag: Literal[True]
    pair: NotRequired[tuple[int, str]]
    size: NotRequired[Annotated[float, msgspec.Meta(ge=0, lt=10)]]


def many_fields(count: int, kind: Any, **default: Any) -> Any:
    """A dataclass of so many fields."""
    return dataclasses.make_dataclass(
        "Many", [(f"f{number}", kind, dataclasses.field(**default)) for number in range(count)]
    )


def deep(levels: int) -> Any:
    """Dataclasses inside one another."""
    made: Any = str
    for level in range(levels):
        made = dataclasses.make_dataclass(f"Level{level}", [("inner", made)])
    return made


PATTERN = {"type": "object", "properties": {"a": {"type": "string", "pattern": "^(?!x)[a-z]+$"}}, "required": ["a"]}
CHOICE = {
    "type": "object",
    "properties": {"kind": {"const": "a"}, "sizes": {"type": "array", "uniqueItems": True, "maxItems": 3}},
    "anyOf": [{"required": ["kind"]}, {"required": ["sizes"]}],
}
TYPES: dict[str, Any] = {
    "S1: a literal": Invoice,
    "S2: words beside a reference": Person,
    "S3: look-ahead": PATTERN,
    "recursion": Node,
    "maps": Counts,
    "dates, enums, tuples, bounds": Entry,
    "S6: 30 defaults": many_fields(30, str, default="x"),
    "S6: 20 optional": many_fields(20, str | None, default=None),
    "S6: 1,200 enum values": {
        "type": "object",
        "properties": {"e": {"enum": [f"v{number}" for number in range(1200)]}},
        "required": ["e"],
    },
    "S6: 13 levels": deep(13),
    "a choice at the top": CHOICE,
    "a list": list[Line],
    "any object": {"type": "object"},
}


@pytest.mark.parametrize("way", WIRES)
@pytest.mark.parametrize("name", TYPES)
def test_a_provider_accepts_what_is_sent_for_a_type(name: str, way: str) -> None:
    """Each kind of schema that a provider refused is now in its dialect, or asked for another way."""
    assert refused(body_for(object_type(TYPES[name]), way), way) == []


@pytest.mark.parametrize("way", WIRES)
def test_a_provider_accepts_the_parameters_of_tools(way: str) -> None:
    """They go through the same adapter, beside the object."""
    if way == "groq, strict":
        pytest.skip("Groq takes no tools beside a schema")
    schemas = [json.loads(json.dumps(object_type(each).schema)) for each in (Person, Node, Counts, Entry, CHOICE)]
    tools = [Tool(name=f"t{number}", parameters=schema) for number, schema in enumerate([*schemas, {**CHOICE}])]
    body = body_for(object_type(Invoice), way, tools)
    assert [words for words in refused(body, way) if "schema" in words or "parameters" in words] == []


def places(value: Any, key: str) -> Iterator[Any]:
    """The values of a key, wherever it is."""
    if isinstance(value, dict):
        if key in value:
            yield value[key]
        for inner in value.values():
            yield from places(inner, key)
    elif isinstance(value, list):
        for inner in value:
            yield from places(inner, key)


def schema_in(body: dict[str, Any]) -> dict[str, Any]:
    """The schema of the object that a body asks for."""
    keys = ("schema", "parameters", "input_schema", "responseJsonSchema", "json")
    found = next(found for key in keys for found in places(body, key))
    schema: dict[str, Any] = json.loads(found) if isinstance(found, str) else found
    return schema


TOLD = tuple(way for way in WIRES if way != "deepseek")
"""The ways that send a schema: JSON mode has it in its prompt."""


@pytest.mark.parametrize("way", TOLD)
def test_a_map_can_be_filled(way: str) -> None:
    """Its values keep their type, and the object stays open."""
    schema = schema_in(body_for(object_type(Counts), way))
    assert schema["properties"]["by_name"]["additionalProperties"] == {"type": "integer"}


@pytest.mark.parametrize("way", TOLD)
def test_every_value_of_a_literal_has_its_type(way: str) -> None:
    """As OpenAI and Gemini demand it (S1)."""
    currency = schema_in(body_for(object_type(Invoice), way))["properties"]["currency"]
    assert currency == {"type": "string", "enum": ["EUR", "USD"]}


@pytest.mark.parametrize("way", TOLD)
def test_words_beside_a_reference_are_kept(way: str) -> None:
    """The type is written out in its place (S2)."""
    schema = schema_in(body_for(object_type(Person), way))
    assert schema["properties"]["home"]["description"] == "Where"
    assert schema["properties"]["home"]["properties"].keys() == {"street", "zip"}


@pytest.mark.parametrize("way", ["openai", "azure", "openrouter", "gemini", "anthropic", "openai responses"])
def test_a_pattern_that_is_not_sent_is_told(way: str) -> None:
    """Look-ahead has no place in constrained sampling, and Gemini has no patterns (S3, S4)."""
    (property_,) = schema_in(body_for(object_type(PATTERN), way))["properties"].values()
    assert property_ == {"type": "string", "description": "pattern: ^(?!x)[a-z]+$"}


@pytest.mark.parametrize(
    "name, way, path, value",
    [
        ("S6: 30 defaults", "anthropic", "output_config", None),
        ("S6: 20 optional", "anthropic", "output_config", None),
        ("S6: 30 defaults", "bedrock by a schema", "outputConfig", None),
        ("recursion", "bedrock by a schema", "outputConfig", None),
        ("S6: 1,200 enum values", "openai", "response_format.json_schema.strict", False),
        ("S6: 13 levels", "openai", "response_format.json_schema.strict", False),
        ("S6: 13 levels", "openai responses", "text.format.strict", False),
        ("S6: 20 optional", "openai", "response_format.json_schema.strict", True),
        ("maps", "mistral", "response_format.json_schema.strict", False),
        ("S1: a literal", "mistral", "response_format.json_schema.strict", True),
    ],
)
def test_beyond_what_a_dialect_expresses_there_is_another_way(name: str, way: str, path: str, value: Any) -> None:
    """A tool, or a schema that is not strict (S5, S6)."""
    found: Any = body_for(object_type(TYPES[name]), way)
    for step in path.split("."):
        found = (found or {}).get(step)
    assert found == value


def test_a_type_that_gemini_cannot_express_names_the_field() -> None:
    """There is no other way there: nothing is sent."""
    endless = {
        "type": "object",
        "properties": {"lists": {"$ref": "#/$defs/Lists"}},
        "$defs": {"Lists": {"type": "array", "items": {"$ref": "#/$defs/Lists"}}},
    }
    with pytest.raises(UnsupportedInputError, match="Gemini cannot express the schema: `Lists` holds itself"):
        body_for(object_type(endless), "gemini")


# ── Generated types ───────────────────────────────────────────────────────────────────────────────────────────────

ATOMS = st.sampled_from(
    [
        *(str, int, float, bool, Decimal, dt.date, dt.datetime, dt.time, State),
        *(Literal["a", "b"], Literal[1, 2], (Literal["x", 3] | None), Literal[True], type(None) | int),
        *(Annotated[str, msgspec.Meta(min_length=1, pattern="^[a-z]+$")], Annotated[int, msgspec.Meta(ge=1, le=9)]),
        Annotated[list[int], msgspec.Meta(min_length=2, max_length=5)],
    ]
)
NAMES = st.sampled_from(["alpha", "beta", "gamma", "delta", "title", "type"])


def _class(style: str, fields: dict[str, Any], optional: frozenset[str], number: int) -> Any:
    """A class of one of the styles; fields that may be left out come last."""
    name = f"Made{number}"
    ordered = sorted(fields, key=lambda field: field in optional)
    if style == "dataclass":
        return dataclasses.make_dataclass(
            name, [(f, fields[f] | None, None) if f in optional else (f, fields[f]) for f in ordered]
        )
    if style == "attrs":
        own = {f: attrs.field(default=None) if f in optional else attrs.field() for f in ordered}
        annotated = {f: fields[f] | None if f in optional else fields[f] for f in ordered}
        return attrs.define(type(name, (), {"__annotations__": annotated, **own}))
    if style == "TypedDict":
        return TypedDict(name, {f: NotRequired[fields[f]] if f in optional else fields[f] for f in ordered})  # type: ignore[operator]
    made: Any = {f: (fields[f] | None, None) if f in optional else (fields[f], ...) for f in ordered}
    return pydantic.create_model(name, **made)


def _classes(inner: st.SearchStrategy[Any], styles: tuple[str, ...]) -> st.SearchStrategy[Any]:
    fields = st.dictionaries(NAMES, inner, min_size=1, max_size=4)
    return st.builds(_class, st.sampled_from(styles), fields, st.frozensets(NAMES), st.integers(0, 99))


def _types(styles: tuple[str, ...]) -> st.SearchStrategy[Any]:
    """Classes of some styles that hold one another, and everything else."""
    inside = st.recursive(
        ATOMS,
        lambda inner: st.one_of(
            inner.map(lambda kind: list[kind]),  # type: ignore[valid-type]
            inner.map(lambda kind: dict[str, kind]),  # type: ignore[valid-type]
            inner.map(lambda kind: kind | None),
            st.tuples(inner, inner).map(lambda kinds: tuple[kinds[0], kinds[1]]),  # type: ignore[valid-type]
            _classes(inner, styles),
            _classes(inner, styles),
        ),
        max_leaves=8,
    )
    return _classes(inside, styles)


PYTHON_TYPES = st.one_of(_types(("dataclass", "attrs", "TypedDict")), _types(("dataclass", "pydantic")))
VALUES = st.one_of(st.none(), st.booleans(), st.integers(-3, 3), st.sampled_from(["a", "b", ""]), st.just(2.5))
SCALARS = st.one_of(
    st.builds(
        lambda kind, more: {"type": kind, **more},
        st.sampled_from(["string", "integer", "number", "boolean", "null", ["string", "null"], ["integer", "string"]]),
        st.fixed_dictionaries(
            {},
            optional={
                "description": st.just("d"),
                "minLength": st.integers(0, 2),
                "pattern": st.sampled_from(["^[ab]*$", "^(?=a)a", r"^\p{L}*$", r"(a)\1"]),
                "format": st.sampled_from(["date", "uri", "hex"]),
                "minimum": st.integers(-2, 0),
                "multipleOf": st.sampled_from([0.5, 1]),
                "default": VALUES,
            },
        ),
    ),
    st.builds(lambda values: {"enum": values}, st.lists(VALUES, min_size=1, max_size=3, unique_by=repr)),
    st.builds(lambda value: {"const": value}, VALUES),
    st.sampled_from([{}, True, {"$ref": "#/$defs/A"}, {"$ref": "#/$defs/B", "description": "here"}, {"$ref": "#"}]),
)
SCHEMAS = st.recursive(
    SCALARS,
    lambda inner: st.one_of(
        st.builds(
            lambda items, more: {"type": "array", "items": items, **more},
            inner,
            st.sampled_from([{}, {"minItems": 2}, {"uniqueItems": True}]),
        ),
        st.builds(lambda items: {"type": "array", "prefixItems": items}, st.lists(inner, min_size=1, max_size=2)),
        st.builds(
            lambda key, options: {key: options},
            st.sampled_from(["anyOf", "oneOf", "allOf"]),
            st.lists(inner, min_size=1, max_size=3),
        ),
        st.builds(lambda others: {"type": "object", "additionalProperties": others}, inner),
        st.builds(
            lambda properties, required, closed: {
                "type": "object",
                "properties": properties,
                "required": [name for name in properties if name in required],
                **closed,
            },
            st.dictionaries(NAMES, inner, max_size=3),
            st.sets(NAMES),
            st.sampled_from([{}, {"additionalProperties": False}, {"additionalProperties": True}]),
        ),
    ),
    max_leaves=8,
)
JSON_SCHEMAS = st.builds(
    lambda a, b, c: {"type": "object", "properties": {"first": a}, "required": ["first"], "$defs": {"A": b, "B": c}},
    SCHEMAS,
    SCHEMAS,
    SCHEMAS,
)


def check_all_ways(requested: Any) -> None:
    """Every provider accepts what is sent for a type, or a message says why nothing is."""
    kind = object_type(requested)
    refusals: list[str] = []
    for way in WIRES:
        try:
            body = body_for(kind, way)
        except UnsupportedInputError as error:
            refusals.append(str(error))
        else:
            assert refused(body, way) == [], (way, schema_in(body) if way in TOLD else body)
    assert all(why.startswith("Gemini cannot express the schema: `") for why in refusals)  # it has no other way


@settings(PROPERTY, max_examples=40)
@given(PYTHON_TYPES)
def test_every_provider_accepts_what_is_sent_for_any_type(requested: Any) -> None:
    """Dataclasses, attrs classes, TypedDicts and pydantic models of every kind of field, nested."""
    try:
        object_type(requested)
    except UnsupportedInputError:
        return  # neither msgspec nor pydantic knows the type, whoever is asked
    check_all_ways(requested)


@settings(PROPERTY, max_examples=80)
@given(JSON_SCHEMAS)
def test_every_provider_accepts_what_is_sent_for_any_schema(schema: dict[str, Any]) -> None:
    """JSON schemas of every kind of keyword, recursive too."""
    check_all_ways(schema)


# ── What comes back ───────────────────────────────────────────────────────────────────────────────────────────────

DIALECTS = (anthropic.STRUCTURED, bedrock.STRUCTURED, GEMINI, GRAMMAR, mistral.STRICT, *openai.STRICT.values())


def filled(value: Any, sent: Any, definitions: dict[str, Any]) -> Any:
    """A good answer as a dialect that requires every property has it: null where one was left out."""
    if isinstance(value, list):
        return [filled(item, sent.get("items", {}), definitions) for item in value]
    if "$ref" in sent:
        return filled(value, definitions[sent["$ref"].removeprefix("#/$defs/")], definitions)
    if not isinstance(value, dict):
        return value
    for option in sent.get("anyOf", ()):
        made = filled(value, option, definitions)
        if jsonschema.Draft202012Validator({**option, "$defs": definitions}).is_valid(made):
            return made
    properties = sent.get("properties", {})
    missing = dict.fromkeys(name for name in sent.get("required", ()) if name not in value)
    return {**{name: filled(item, properties.get(name, {}), definitions) for name, item in value.items()}, **missing}


@settings(PROPERTY, max_examples=80)
@given(JSON_SCHEMAS)
def test_a_good_answer_can_be_given_in_every_dialect(schema: dict[str, Any]) -> None:
    """What fits a schema fits what is sent of it, and comes back as it was: nothing is lost on the way."""
    try:
        answer = instance(schema)
    except NoInstanceError:
        return
    kind = object_type(schema)
    for dialect in DIALECTS:
        try:
            sent = adapt(kind.schema, dialect)
        except UnsupportedInputError:
            continue
        inside = filled(answer, sent.schema, sent.schema.get("$defs", {}))
        jsonschema.validate(inside, sent.schema)
        assert read_object(kind, sent.restore(json.dumps(inside)))[0] == answer


@settings(PROPERTY, max_examples=80)
@given(JSON_SCHEMAS)
def test_an_answer_that_only_the_dialect_allows_is_found_out(schema: dict[str, Any]) -> None:
    """Whatever fits what is sent is an object of the schema, or a fault to repair; never another error."""
    kind = object_type(schema)
    for dialect in DIALECTS:
        try:
            sent = adapt(kind.schema, dialect)
            answer = instance(sent.schema)
        except (UnsupportedInputError, NoInstanceError):
            continue
        try:
            value, _ = read_object(kind, sent.restore(json.dumps(answer)))
        except InvalidObjectError:
            continue
        assert jsonschema.Draft202012Validator(without_foreign_patterns(schema)).is_valid(value)


def without_foreign_patterns(schema: Any) -> Any:
    """The schema without the one pattern that Python cannot read."""
    if isinstance(schema, list):
        return [without_foreign_patterns(item) for item in schema]
    if not isinstance(schema, dict):
        return schema
    return {key: without_foreign_patterns(item) for key, item in schema.items() if item != r"^\p{L}*$"}
