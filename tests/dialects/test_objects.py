"""Typed objects: which types can be asked for, and how an answer is validated and repaired."""

from __future__ import annotations

import dataclasses
import enum
import json
import subprocess
import sys
from typing import Any, Literal, NotRequired, TypedDict

import attrs
import jsonschema
import pydantic
import pytest

from pipelex_core import Client, ContentFilterError, InvalidAnswerError, UnsupportedInputError
from pipelex_core.objects import InvalidObjectError, object_type, read_object
from pipelex_core.results import TextAnswer
from tests.support.scripted import USAGE, Script, deck_of, plugins_for, spec


class Colour(enum.Enum):
    RED = "red"
    BLUE = "blue"


@attrs.frozen
class Line:
    what: str
    price: float = attrs.field(validator=attrs.validators.ge(0))
    colour: Colour | None = None


@attrs.frozen
class Invoice:
    number: str
    lines: list[Line]
    kind: Literal["paid", "open"]
    note: str | None = None


@dataclasses.dataclass
class Node:
    value: int
    children: list[Node] = dataclasses.field(default_factory=list)


class Place(TypedDict):
    name: str
    height: NotRequired[int]


class Person(pydantic.BaseModel):
    name: str
    age: int = pydantic.Field(ge=0)
    friends: list[Person] = []


RIVER = {
    "title": "River of Europe",
    "type": "object",
    "properties": {"name": {"type": "string"}, "km": {"type": "integer", "minimum": 1}},
    "required": ["name"],
}
GOOD: list[tuple[Any, Any, Any]] = [
    (
        Invoice,
        {"number": "7", "lines": [{"what": "nail", "price": 1, "colour": "red"}], "kind": "paid"},
        Invoice("7", [Line("nail", 1.0, Colour.RED)], "paid"),
    ),
    (Node, {"value": 1, "children": [{"value": 2, "children": []}]}, Node(1, [Node(2)])),
    (Place, {"name": "Basel"}, {"name": "Basel"}),
    (Person, {"name": "Ada", "age": 3, "friends": []}, Person(name="Ada", age=3)),
    (RIVER, {"name": "Po", "km": 652}, {"name": "Po", "km": 652}),
    (list[Line], {"value": [{"what": "nail", "price": 2}]}, [Line("nail", 2.0)]),
    (int, {"value": 3}, 3),
    ({"type": "array", "items": {"type": "integer"}}, {"value": [1, 2]}, [1, 2]),
]


@pytest.mark.parametrize("requested, answer, value", GOOD, ids=lambda value: getattr(value, "__name__", None))
def test_a_type_becomes_a_schema_and_an_answer_its_value(requested: Any, answer: Any, value: Any) -> None:
    """The schema is valid, an object at the top, accepts the answer; the answer decodes to the value."""
    kind = object_type(requested)
    assert kind.schema["type"] == "object"
    jsonschema.Draft202012Validator.check_schema(dict(kind.schema))
    jsonschema.validate(answer, dict(kind.schema))
    assert kind.decode(json.dumps(answer)) == value
    assert kind.name.replace("_", "").replace("-", "").isalnum()


@pytest.mark.parametrize(
    "requested, answer, reported",
    [
        (Invoice, '{"number": "7", "lines": [{"what": "x", "price": -1}], "kind": "paid"}', r"\$\.lines\[0\]"),
        (Invoice, '{"number": 7, "lines": [], "kind": "paid"}', r"\$\.number"),
        (Invoice, '{"number": "7", "lines": [], "kind": "lost"}', r"\$\.kind"),
        (Invoice, '{"number": "7"', "malformed|truncated"),
        (Person, '{"name": "Ada", "age": -1}', r"\$\.age"),
        (RIVER, '{"km": 0}', "'name' is a required property.*minimum|minimum.*'name' is a required"),
        (RIVER, "[]", "object"),
        (int, '{"value": "3"}', "int"),
        (int, "3", '"value"'),
        (Node, '{"value": 1, "children": ' + "[" * 100_000, "."),
    ],
)
def test_an_answer_that_does_not_fit_says_where(requested: Any, answer: str, reported: str) -> None:
    """The message is for the model to mend its answer by."""
    with pytest.raises(InvalidObjectError, match=reported):
        object_type(requested).decode(answer)


@pytest.mark.parametrize(
    "requested", [Line | Invoice, object(), {"type": "strang"}, "Invoice", print, lambda: None, Client.close]
)
def test_a_type_no_schema_can_express_is_refused(requested: Any) -> None:
    """Before anything is sent."""
    with pytest.raises(UnsupportedInputError):
        object_type(requested)


@pytest.mark.parametrize("text", ['{"a": 1}', ' {"a": 1}\n', '```json\n{"a": 1}\n```', '```\n{"a": 1}```'])
def test_json_is_taken_out_of_its_fence(text: str) -> None:
    """Some models put a code fence around JSON."""
    assert read_object(object_type({"type": "object", "required": ["a"]}), text) == ({"a": 1}, '{"a": 1}')


@pytest.mark.parametrize(
    "text",
    [
        '\ufeff{"a": 1}',
        'Sure, here it is:\n```json\n{"a": 1}\n```\nAnything else?',
        'The answer is {"a": 1}.',
        '{"a": 1}\n\nI hope that {this} helps.',
        '<think>{"b": 2} or {</think> {"a": 1}',
        '{"a": 0} is wrong, so {"a": 1}',
    ],
)
def test_json_is_read_among_words_without_another_request(text: str) -> None:
    """A byte order mark, a fence or words around it; of several objects that fit, the last is meant."""
    client, script = client_for(text)
    with client:
        result = client.generate_object("?", {"type": "object", "required": ["a"]}, model="smart")
    assert (result.value, result.text, len(script.requests)) == ({"a": 1}, '{"a": 1}', 1)


class Whole(TypedDict):
    a: int


@attrs.frozen
class Exact:
    a: int
    b: float = 0.0


class Counted(pydantic.BaseModel):
    model_config = pydantic.ConfigDict(strict=True)
    a: int


@pytest.mark.parametrize(
    "requested",
    [Whole, Exact, Counted, {"type": "object", "properties": {"a": {"type": "integer"}}, "required": ["a"]}],
)
def test_a_number_without_a_fraction_is_an_integer(requested: Any) -> None:
    """`1.0` is one, and `1.5` is not: https://json-schema.org/draft/2020-12/json-schema-validation#section-6.1.1."""
    kind = object_type(requested)
    value: Any = kind.decode('{"a": 1.0}')
    assert (value["a"] if isinstance(value, dict) else value.a) == 1
    with pytest.raises(InvalidObjectError):
        kind.decode('{"a": 1.5}')


@pytest.mark.parametrize(
    "schema, right, wrong",
    [
        ({"type": "string", "pattern": r"^\p{L}+$"}, '"é"', "1"),
        ({"type": "object", "patternProperties": {r"^\p{L}": {"type": "string"}}}, '{"é": "x"}', "1"),
        ({"type": "string", "pattern": "^(?<year>[0-9]{4})$"}, '"2026"', "1"),
        ({"type": "string", "pattern": "^[[:alpha:]]+$"}, '"é"', "1"),
        ({"type": "number", "multipleOf": 0.01}, "4.35", "4.355"),
        ({"type": "number", "multipleOf": 0.1}, "1e300", "0.15"),
        ({"type": "integer", "multipleOf": 3}, "9", "10"),
    ],
)
def test_patterns_of_ecma_and_decimal_steps_are_taken(schema: dict[str, Any], right: str, wrong: str) -> None:
    """A pattern that Python cannot read is left unchecked; multiples are those of the decimals as they are written."""
    kind = object_type({"type": "object", "properties": {"x": schema}})
    kind.decode(f'{{"x": {right}}}')
    with pytest.raises(InvalidObjectError):
        kind.decode(f'{{"x": {wrong}}}')


def test_a_type_is_made_ready_once() -> None:
    """For all calls of a process: a class, and a schema by what it says."""
    assert object_type(Invoice) is object_type(Invoice)
    assert object_type(RIVER) is object_type(dict(RIVER))
    changed = {**RIVER, "required": ["km"]}
    assert object_type(changed).schema["required"] == ["km"]


def client_for(*answers: Any, **fields: Any) -> tuple[Client, Script]:
    script = Script(
        answers=[TextAnswer(text=a, finish_reason="stop", usage=USAGE) if isinstance(a, str) else a for a in answers]
    )
    return Client(deck_of(spec("smart", **fields)), plugins_for({"scripted": script})), script


def test_an_object_comes_back_typed() -> None:
    """The value has the type asked for, and the request the schema."""
    client, script = client_for('```json\n{"number": "7", "lines": [], "kind": "open"}\n```')
    with client:
        result = client.generate_object("Read this.", Invoice, model="smart")
    assert result.value == Invoice("7", [], "open")
    assert script.requests[0].schema_name == "Invoice"
    assert len(result.attempts) == 1


def test_an_invalid_answer_is_repaired_once_and_both_are_paid() -> None:
    """The repair shows the answer and the fault; the cost is that of both requests."""
    client, script = client_for(
        '{"number": 7, "lines": [], "kind": "open"}', '{"number": "7", "lines": [], "kind": "open"}'
    )
    with client:
        result = client.generate_object("Read this.", Invoice, model="smart")
    assert result.value.number == "7"
    assert len(result.attempts) == 2
    assert result.cost is not None
    assert result.attempts[0].cost is not None
    assert result.cost.amount == 2 * result.attempts[0].cost.amount
    user, stated, requested = script.requests[1].messages
    assert (user, stated.text) == (script.requests[0].messages[0], '{"number": 7, "lines": [], "kind": "open"}')
    assert "$.number" in requested.text


def test_after_one_repair_the_raw_text_is_in_the_error() -> None:
    """Nothing paid for is thrown away, and there is no third request."""
    client, script = client_for("no JSON", "none again", '{"number": "7", "lines": [], "kind": "open"}')
    with client, pytest.raises(InvalidAnswerError) as caught:
        client.generate_object("Read this.", Invoice, model="smart")
    assert caught.value.raw == "none again"
    assert len(caught.value.attempts) == len(script.requests) == 2
    assert caught.value.model == "smart"


@pytest.mark.parametrize("requested", [Invoice, Person, RIVER])
def test_an_empty_answer_is_said_to_be_empty(requested: Any) -> None:
    """To the model, and to the caller where its repair is no better."""
    client, script = client_for(" ", "```json\n```")
    with client, pytest.raises(InvalidAnswerError, match="nor did its repair: it is empty"):
        client.generate_object("Read this.", requested, model="smart")
    assert "it is empty" in script.requests[1].messages[2].text


@pytest.mark.parametrize("reason, error", [("length", InvalidAnswerError), ("content_filter", ContentFilterError)])
def test_an_object_cut_short_or_withheld_is_not_repaired(reason: Any, error: Any) -> None:
    """It would end the same way; the partial text is kept."""
    client, script = client_for(TextAnswer(text='{"number": "7', finish_reason=reason, usage=USAGE))
    with client, pytest.raises(error) as caught:
        client.generate_object("Read this.", Invoice, model="smart")
    assert caught.value.raw == '{"number": "7'
    assert len(script.requests) == 1


def test_a_model_without_structured_output_is_refused_unpaid() -> None:
    """Its spec says what it gives."""
    client, script = client_for("{}", outputs=frozenset({"text"}))
    with client, pytest.raises(UnsupportedInputError, match="no structured output"):
        client.generate_object("Read this.", Invoice, model="smart")
    assert script.requests == []


@pydantic.dataclasses.dataclass
class Age:
    years: int
    checked: bool = False

    @pydantic.field_validator("years")
    @classmethod
    def not_negative(cls, years: int) -> int:
        assert years >= 0
        return years


class Numbers(pydantic.RootModel[list[int]]):
    pass


class Named(pydantic.BaseModel):
    total: int = pydantic.Field(alias="Total")


@dataclasses.dataclass
class Holder:
    person: Person


@pytest.mark.parametrize(
    "requested, answer, value",
    [
        (list[Person], {"value": [{"name": "Ada", "age": 3}]}, [Person(name="Ada", age=3)]),
        (Person | None, {"value": None}, None),
        (Numbers, {"value": [1, 2]}, Numbers([1, 2])),
        (Age, {"years": 3}, Age(3)),
        (Named, {"Total": 3}, Named(Total=3)),
        (Holder, {"person": {"name": "Ada", "age": 3}}, Holder(Person(name="Ada", age=3))),
    ],
)
def test_what_is_made_of_pydantics_models_goes_through_pydantic(requested: Any, answer: Any, value: Any) -> None:
    """Lists, unions, root models, its dataclasses, aliases: with its own validation, and an object at the top."""
    kind = object_type(requested)
    assert kind.schema["type"] == "object"
    jsonschema.Draft202012Validator(dict(kind.schema)).validate(answer)
    assert kind.decode(json.dumps(answer)) == value


def test_pydantics_own_checks_are_run_in_its_dataclasses_and_in_what_is_wrapped() -> None:
    """What msgspec would not call."""
    with pytest.raises(InvalidObjectError, match=r"\$\.years"):
        object_type(Age).decode('{"years": -1}')
    with pytest.raises(InvalidObjectError, match=r"\$\.0\.age"):
        object_type(list[Person]).decode('{"value": [{"name": "Ada", "age": -1}]}')


@pytest.mark.parametrize(
    "schema, right, wrong",
    [
        (
            {"$ref": "#/$defs/A", "$defs": {"A": {"type": "object", "required": ["a"]}}},
            {"a": 1},
            {},
        ),
        (
            {"$ref": "#/definitions/A", "definitions": {"A": {"type": "array", "items": {"type": "integer"}}}},
            {"value": [1]},
            {"value": ["x"]},
        ),
        (
            {
                "type": "array",
                "items": {"anyOf": [{"$ref": "#"}, {"$ref": "#/$defs/N"}]},
                "$defs": {"N": {"type": "null"}},
            },
            {"value": [[], [None]]},
            {"value": [3]},
        ),
        ({"$schema": "http://nowhere.example/schema", "type": "object", "required": ["a"]}, {"a": 1}, {}),
    ],
)
def test_references_of_a_schema_hold_in_what_is_sent(schema: Any, right: Any, wrong: Any) -> None:
    """The schema a provider gets accepts and refuses what the one that was given does, wrapped or not."""
    kind = object_type(schema)
    assert kind.schema["type"] == "object"
    sent = jsonschema.Draft202012Validator({key: value for key, value in kind.schema.items() if key != "$schema"})
    assert (sent.is_valid(right), sent.is_valid(wrong)) == (True, False)
    kind.decode(json.dumps(right))
    with pytest.raises(InvalidObjectError):
        kind.decode(json.dumps(wrong))


def _cyclic() -> dict[str, Any]:
    schema: dict[str, Any] = {"type": "object"}
    schema["properties"] = {"a": schema}
    return schema


@pytest.mark.parametrize(
    "schema",
    [
        {"type": "object", "properties": {"a": {"$ref": "http://127.0.0.1:9/other"}}},
        {"type": "object", "properties": {"a": {"$ref": "#/nowhere"}}},
        {"$schema": 5, "type": "object"},
        {"type": "object", "default": {1, 2}},
        {"type": "object", "default": float("nan")},
        _cyclic(),
    ],
)
def test_a_schema_that_cannot_be_sent_or_checked_is_refused(schema: Any) -> None:
    """Before a model is asked; nothing is downloaded."""
    with pytest.raises(UnsupportedInputError, match="JSON schema"):
        object_type(schema)


@pytest.mark.parametrize("requested", ["str", 5, Person(name="Ada", age=3), Colour.RED, type, Client])
def test_what_is_no_type_is_refused_in_words_of_ours(requested: Any) -> None:
    """Not in the advice a library has for those who call it."""
    with pytest.raises(UnsupportedInputError) as caught:
        object_type(requested)
    assert "schema_hook" not in str(caught.value)


@pytest.mark.parametrize("number", ["NaN", "Infinity", "-Infinity"])
def test_what_is_no_json_number_does_not_fit(number: str) -> None:
    """Python's parser would take it, and no other program would take it back."""
    with pytest.raises(InvalidObjectError, match="not a JSON number"):
        object_type({"type": "object"}).decode(f'{{"a": {number}}}')


def test_a_union_of_dataclasses_needs_nobody_to_have_imported_pydantic() -> None:
    """A first call takes the types that a later one takes: what an SDK imports in between changes nothing."""
    program = """
import sys
from dataclasses import dataclass
from typing import Literal
from pipelex_core.objects import object_type

@dataclass
class Paid:
    kind: Literal["paid"]
    amount: float

@dataclass
class Open:
    kind: Literal["open"]
    days: int

@dataclass
class Bill:
    state: Paid | Open

assert "pydantic" not in sys.modules
kind = object_type(Bill)
assert kind.schema["properties"]["state"]["anyOf"]
assert kind.decode('{"state": {"kind": "open", "days": 3}}') == Bill(Open("open", 3))
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")


def _is_a_digit(_: Any, __: Any, value: int) -> None:
    if value > 9:
        msg = "not above 9"
        raise ValueError(msg)


def _a_hundred_more(value: int) -> int:
    return value + 100


@attrs.frozen
class Digit:
    value: int = attrs.field(validator=_is_a_digit, converter=_a_hundred_more)
    twice: int = attrs.field(init=False, default=0)

    def __attrs_post_init__(self) -> None:
        object.__setattr__(self, "twice", 2 * self.value)


def test_a_types_own_code_runs_but_for_converters() -> None:
    """Validators and what comes after `__init__` see the values that the annotations make."""
    made = object_type(Digit).decode('{"value": 4}')
    assert (made.value, made.twice) == (4, 8)
    with pytest.raises(InvalidObjectError, match="not above 9"):
        object_type(Digit).decode('{"value": 10}')
