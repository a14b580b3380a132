"""Schemas for strict mode, and the nulls that only strict mode put into an answer."""

from __future__ import annotations

import json
from typing import Any

import jsonschema
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelex_backend_openai._schema import strict_schema, without_nulls
from tests.support.properties import PROPERTY


def object_of(required: list[str] | None = None, **properties: Any) -> dict[str, Any]:
    return {"type": "object", "properties": properties, "required": list(properties) if required is None else required}


def test_a_strict_schema_stays_as_it_is() -> None:
    """What says all that strict mode wants is sent unchanged."""
    inner = {**object_of(c={"enum": ["x", "y"]}, d={"type": ["string", "null"]}), "additionalProperties": False}
    schema = {**object_of(a={"type": "array", "items": inner}), "additionalProperties": False}
    strict = strict_schema(schema)
    assert strict is not None
    assert (strict.schema, strict.nullable) == (schema, frozenset())


def test_an_optional_property_becomes_one_that_may_be_null() -> None:
    """Every property is required in the end; those that were optional may be null and are remembered."""
    reference = {"$ref": "#/$defs/Line"}
    schema = {
        **object_of(
            ["a"],
            a={"type": "string"},
            b={"type": "integer", "default": 3},
            c={"anyOf": [{"type": "string"}, {"type": "integer"}]},
            d=reference,
            e={"type": ["string", "null"], "default": None},
            f={"enum": ["x"]},
        ),
        "$defs": {"Line": object_of(x={"type": "number"})},
    }
    strict = strict_schema(schema)
    assert strict is not None
    assert strict.nullable == {"b", "c", "d", "f"}
    assert strict.schema["required"] == ["a", "b", "c", "d", "e", "f"]
    assert strict.schema["properties"] == {
        "a": {"type": "string"},
        "b": {"type": ["integer", "null"]},
        "c": {"anyOf": [{"type": "string"}, {"type": "integer"}, {"type": "null"}]},
        "d": {"anyOf": [reference, {"type": "null"}]},
        "e": {"type": ["string", "null"]},
        "f": {"anyOf": [{"enum": ["x"]}, {"type": "null"}]},
    }
    assert strict.schema["$defs"]["Line"]["additionalProperties"] is False


def test_what_only_describes_or_is_checked_here_is_left_out() -> None:
    """Keywords that strict mode refuses and that lose nothing go; `oneOf` and a lone `allOf` have other words."""
    schema = object_of(
        a={"type": "string", "minLength": 2, "format": "uri", "pattern": "x", "examples": ["x"]},
        b={"oneOf": [{"type": "string"}, {"type": "integer"}], "discriminator": {"propertyName": "k"}},
        c={"allOf": [{"type": "string"}], "description": "C"},
    )
    strict = strict_schema(schema)
    assert strict is not None
    assert strict.schema["properties"] == {
        "a": {"type": "string", "pattern": "x"},
        "b": {"anyOf": [{"type": "string"}, {"type": "integer"}]},
        "c": {"type": "string", "description": "C"},
    }


@pytest.mark.parametrize(
    "schema",
    [
        {"type": "object"},
        {"type": "object", "additionalProperties": {"type": "string"}},
        object_of(a={}),
        object_of(a={"type": "object"}),
        object_of(a={"type": "array"}),
        object_of(a={"type": "array", "prefixItems": [{"type": "string"}]}),
        object_of(a={"type": "string", "not": {"const": "x"}}),
        object_of(a={"allOf": [{"type": "string"}, {"minLength": 2}]}),
        object_of(a={"$ref": "https://example.org/schema"}),
        object_of(a={"description": "anything"}),
        object_of(["a"], a={"type": "string"}, b=object_of(["c"], c={"type": ["integer", "null"]}), c={"type": "null"})
        | {"properties": {"c": {"type": "string"}, "b": object_of(c={"type": ["integer", "null"]})}, "required": []},
        {"anyOf": [object_of(a={"type": "string"})]},
    ],
)
def test_what_strict_mode_cannot_say_is_sent_as_it_is(schema: dict[str, Any]) -> None:
    """Free-form objects, tuples, negations, and nulls with two meanings have no strict form."""
    assert strict_schema(schema) is None


def test_a_reference_at_the_top_is_followed() -> None:
    """Strict mode wants an object at the top, and gets the definition that stands for it."""
    strict = strict_schema({"$ref": "#/$defs/A", "$defs": {"A": object_of(a={"$ref": "#/$defs/A"})}})
    assert strict is not None
    assert (strict.schema["type"], strict.schema["required"]) == ("object", ["a"])
    assert strict.schema["$defs"]["A"]["properties"] == {"a": {"$ref": "#/$defs/A"}}


def test_only_nulls_of_strict_mode_are_taken_out() -> None:
    """An object inside a list loses its null too; text that needs no change is the very same."""
    text = '{"a": null, "b": null, "c": [{"a": null, "ü": 1}]}'
    assert json.loads(without_nulls(text, frozenset("a"))) == {"b": None, "c": [{"ü": 1}]}
    assert without_nulls(text, frozenset()) is text
    assert without_nulls("null and no JSON", frozenset("a")) == "null and no JSON"


VALUES = st.recursive(
    st.sampled_from([{"type": "string"}, {"type": "integer"}, {"type": ["boolean", "null"]}, {"enum": ["x", "y"]}]),
    lambda inner: st.one_of(
        st.builds(lambda items: {"type": "array", "items": items}, inner),
        st.builds(lambda options: {"anyOf": options}, st.lists(inner, min_size=1, max_size=2)),
        st.builds(
            lambda properties, keep: object_of([name for name in properties if name in keep], **properties),
            st.dictionaries(st.sampled_from("abcd"), inner, min_size=1, max_size=3),
            st.sets(st.sampled_from("abcd")),
        ),
    ),
    max_leaves=6,
)


@PROPERTY
@given(st.dictionaries(st.sampled_from("abcd"), VALUES, min_size=1, max_size=3), st.sets(st.sampled_from("abcd")))
def test_a_strict_answer_fits_the_schema_that_was_asked(properties: dict[str, Any], required: set[str]) -> None:
    """Whatever fits the strict form fits the original schema once the added nulls are out."""
    schema = object_of([name for name in properties if name in required], **properties)
    strict = strict_schema(schema)
    if strict is None:
        return
    for answer in (_instance(strict.schema, null=True), _instance(strict.schema, null=False)):
        jsonschema.validate(answer, strict.schema)
        jsonschema.validate(json.loads(without_nulls(json.dumps(answer), strict.nullable)), schema)


def _instance(schema: Any, *, null: bool) -> Any:
    """A value of a strict schema, with as many or as few nulls as it may have."""
    if "anyOf" in schema:
        options = schema["anyOf"]
        return None if null and {"type": "null"} in options else _instance(options[0], null=null)
    if "enum" in schema:
        return schema["enum"][0]
    kinds = schema["type"] if isinstance(schema["type"], list) else [schema["type"]]
    kind = "null" if null and "null" in kinds else kinds[0]
    if kind == "object":
        return {name: _instance(value, null=null) for name, value in schema["properties"].items()}
    if kind == "array":
        return [_instance(schema["items"], null=null)]
    return {"string": "s", "integer": 1, "boolean": True, "null": None}[kind]
