"""Values for JSON schemas: whatever is made, jsonschema allows."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator, FormatChecker

from pipelex_backend_mock.instances import NoInstanceError, instance
from pipelex_backend_mock.scalars import FORMATS

_SCALARS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(10**6), 10**6),
    st.floats(-1e6, 1e6, allow_nan=False, allow_subnormal=False).map(lambda number: round(number, 3)),
    st.text(st.characters(codec="utf-8"), max_size=12),
)
_VALUES = st.recursive(
    _SCALARS,
    lambda inner: st.one_of(
        st.lists(inner, max_size=4),
        st.dictionaries(st.sampled_from(["a", "b", "name", "x-1", "$id", "ü"]), inner, max_size=4),
    ),
    max_leaves=8,
)


def allowed(schema: Any, value: Any) -> bool:
    return bool(Draft202012Validator(schema, format_checker=FormatChecker()).is_valid(value))


@st.composite
def schemas_with_a_value(draw: st.DrawFn) -> Any:
    """A schema that allows one value at least, because it was written for that value."""
    return _schema_of(draw, draw(_VALUES), 0)


def _schema_of(draw: st.DrawFn, value: Any, depth: int) -> Any:  # noqa: PLR0911 -- one answer a way
    plain = _plain(draw, value, depth)
    way = draw(
        st.sampled_from(["plain", "plain", "plain", "anyOf", "oneOf", "allOf", "const", "enum", "if", "not", "true"])
    )
    match way:
        case "anyOf":
            other = draw(st.sampled_from([{"type": "null"}, False, {"type": "string", "minLength": 500}]))
            return {"anyOf": draw(st.permutations([plain, other]))}
        case "oneOf":
            return {"oneOf": draw(st.permutations([plain, False]))}
        case "allOf":
            return {"allOf": [plain, _plain(draw, value, depth)]}
        case "const":
            return {"const": value}
        case "enum":
            return {"enum": [value, draw(_SCALARS)]}
        case "if":
            return {"if": plain, "then": _plain(draw, value, depth), "else": False}
        case "not":
            return {**plain, "not": {"type": "null", "minLength": 3} if value is not None else {"type": "string"}}
        case "true":
            return True
    return plain


def _plain(draw: st.DrawFn, value: Any, depth: int) -> dict[str, Any]:
    schema: dict[str, Any] = {}
    if isinstance(value, bool):
        schema["type"] = "boolean"
    elif value is None:
        schema["type"] = draw(st.sampled_from(["null", ["null", "string"]]))
    elif isinstance(value, (int, float)):
        schema["type"] = "number" if isinstance(value, float) else draw(st.sampled_from(["integer", "number"]))
        if draw(st.booleans()):
            schema["minimum"] = value - draw(st.integers(0, 3))
        if draw(st.booleans()):
            schema["maximum"] = value + draw(st.integers(0, 3))
        if isinstance(value, int) and value and draw(st.booleans()):
            schema["multipleOf"] = abs(value)
    elif isinstance(value, str):
        schema["type"] = "string"
        if draw(st.booleans()):
            schema["minLength"] = draw(st.integers(0, len(value)))
        if draw(st.booleans()):
            schema["maxLength"] = len(value) + draw(st.integers(0, 3))
    elif isinstance(value, list):
        schema["type"] = "array"
        schema["prefixItems"] = [_schema_of(draw, item, depth + 1) for item in value]
        schema["minItems"] = draw(st.integers(0, len(value)))
        if draw(st.booleans()):
            schema |= {"items": False, "maxItems": len(value)}
    else:
        schema["type"] = "object"
        schema["properties"] = {name: _schema_of(draw, item, depth + 1) for name, item in value.items()}
        schema["required"] = draw(st.lists(st.sampled_from(sorted(value)), unique=True)) if value else []
        schema["minProperties"] = draw(st.integers(0, len(value)))
        if draw(st.booleans()):
            schema["additionalProperties"] = False
    if depth == 0 and draw(st.booleans()):
        schema = {"$defs": {"whole": schema}, "$ref": "#/$defs/whole"}
    return schema


@settings(max_examples=150, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow])
@given(schemas_with_a_value())
def test_a_schema_that_allows_something_gets_something_that_it_allows(schema: Any) -> None:
    """For every schema that is known to allow a value, a value is found, and it is one."""
    schema = (
        {"properties": {"it": schema}, "required": ["it"], "type": "object"} if not isinstance(schema, dict) else schema
    )
    if "$ref" in json.dumps(schema) and "$defs" not in schema:
        return  # a `$defs` that was moved from the top by what was put around it
    value = instance(schema)
    assert allowed(schema, value)
    assert instance(schema) == value


SCHEMAS: dict[str, Any] = {
    "a list that goes on": {
        "$ref": "#/$defs/Node",
        "$defs": {
            "Node": {
                "type": "object",
                "properties": {"next": {"anyOf": [{"$ref": "#/$defs/Node"}, {"type": "null"}]}, "v": {"type": "number"}},
                "required": ["next", "v"],
            }
        },
    },
    "a tree": {
        "type": "object",
        "properties": {"children": {"type": "array", "items": {"$ref": "#"}}},
        "required": ["children"],
    },
    "two types that hold each other": {
        "$ref": "#/$defs/A",
        "$defs": {
            "A": {"type": "object", "properties": {"b": {"$ref": "#/$defs/B"}}, "required": ["b"]},
            "B": {"type": "object", "properties": {"a": {"oneOf": [{"$ref": "#/$defs/A"}, {"const": "end"}]}}, "required": ["a"]},
        },
    },
    "bounds and steps": {"type": "integer", "exclusiveMinimum": 10, "maximum": 30, "multipleOf": 7},
    "steps of a tenth": {"type": "number", "minimum": 0.25, "multipleOf": 0.1},
    "open bounds": {"type": "number", "exclusiveMinimum": 0, "exclusiveMaximum": 1e-6},
    "a pattern": {"type": "string", "pattern": r"^[A-Z]{3}-\d{4,6}$", "minLength": 10},
    "a pattern with alternatives and a group again": {"type": "string", "pattern": r"^(ab|cd)[^a-z]\1(x|yy)+$"},
    "a pattern within": {"type": "string", "pattern": "[0-9]+", "minLength": 12, "maxLength": 12},
    "one of, that exclude each other": {"oneOf": [{"type": "integer", "multipleOf": 3}, {"multipleOf": 5}]},
    "different items": {"type": "array", "items": {"type": "string", "maxLength": 1}, "minItems": 9, "uniqueItems": True},
    "different objects": {
        "type": "array",
        "items": {"type": "object", "properties": {"n": {"enum": [1, 2, 3]}}, "required": ["n"]},
        "minItems": 3,
        "uniqueItems": True,
    },
    "contained": {"type": "array", "contains": {"const": "yes"}, "minContains": 2, "items": {"type": "string"}},
    "names by pattern": {"type": "object", "patternProperties": {"^x-": {"type": "integer"}}, "additionalProperties": False, "minProperties": 3},
    "names by rule": {"type": "object", "propertyNames": {"pattern": "^[a-c]$"}, "minProperties": 3},
    "what needs another": {
        "type": "object",
        "properties": {"card": {"type": "string"}, "address": {"type": "string"}},
        "required": ["card"],
        "dependentRequired": {"card": ["address"]},
    },
    "if and else": {
        "type": "object",
        "properties": {"kind": {"enum": ["a", "b"]}},
        "required": ["kind"],
        "if": {"properties": {"kind": {"const": "a"}}},
        "then": {"required": ["for_a"]},
        "else": {"required": ["for_b"]},
    },
    "all of, from three sides": {
        "allOf": [
            {"type": "object", "required": ["id"]},
            {"properties": {"id": {"type": "string", "format": "uuid"}}},
            {"properties": {"id": {"minLength": 30}}},
        ]
    },
    "told by a tag": {
        "oneOf": [
            {"type": "object", "properties": {"tag": {"const": tag}}, "required": ["tag"], "additionalProperties": False}
            for tag in ("one", "two")
        ]
    },
    "anything": {},
    "not a text": {"not": {"type": ["string", "object"]}},
}  # fmt: skip


@pytest.mark.parametrize("name", SCHEMAS)
def test_a_value_is_made_for_each_keyword(name: str) -> None:
    """References, alternatives, bounds, patterns, names and conditions are followed; what recurses ends."""
    assert allowed(SCHEMAS[name], instance(SCHEMAS[name]))


@pytest.mark.parametrize("format", FORMATS)
def test_formats_are_kept(format: str) -> None:
    """Each known format has a value that its checker takes, also where a length is asked for."""
    schema = {"type": "string", "format": format}
    assert allowed(schema, instance(schema))


@pytest.mark.parametrize(
    "schema",
    [
        {"type": "string", "enum": [1]},
        {"type": "object", "properties": {"self": {"$ref": "#"}}, "required": ["self"]},
        {"$ref": "#"},
        {
            "$ref": "#/$defs/A",
            "$defs": {
                "A": {
                    "anyOf": [
                        {"type": "object", "properties": {name: {"$ref": "#/$defs/A"}}, "required": [name]}
                        for name in "abc"
                    ]
                }
            },
        },
        {"type": "integer", "minimum": 3, "maximum": 2},
        {"type": "object", "required": ["a"], "properties": {"a": False}},
    ],
)
def test_a_schema_that_allows_nothing_is_told(schema: Any) -> None:
    """A schema without a value is an error that says what to do, and no endless search."""
    with pytest.raises(NoInstanceError, match="script the answer"):
        instance(schema)


def test_optional_properties_are_filled_in() -> None:
    """What need not be there is there near the top, so that a program has something to show."""
    schema = {
        "type": "object",
        "properties": {"a": {"type": "string"}, "b": {"type": "array", "items": {"type": "integer"}}},
    }
    value = instance(schema)
    assert re.fullmatch("mock", value["a"])
    assert value["b"]
