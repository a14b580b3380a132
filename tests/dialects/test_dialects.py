"""The canonical form of schemas, and dialects: what is kept, told, rewritten, or not expressed at all."""

from __future__ import annotations

import json
import re
from typing import Any

import jsonschema
import pytest

from pipelex_core import UnsupportedInputError
from pipelex_core.dialects import BOUNDS, WHOLE, Adapted, Canonical, Dialect, SchemaLimits, adapt
from pipelex_dialects.canonical import canonical

STRICT = Dialect(
    name="a strict mode",
    keywords=frozenset({"title", "format", "pattern", "minItems"}),
    described=BOUNDS - {"format", "pattern", "minItems"},
    formats=frozenset({"date"}),
    no_patterns=re.compile(r"\(\?="),
    enum_kinds=frozenset({"string", "integer"}),
    most_min_items=1,
    closes="all",
    requires_all=True,
    types_all=True,
)
TEXT = {"type": "string"}
NULL = {"type": "null"}


def object_of(required: list[str] | None = None, **properties: Any) -> dict[str, Any]:
    """An object whose properties are all required, or some of them."""
    return {"type": "object", "properties": properties, "required": list(properties) if required is None else required}


def field(schema: Any, dialect: Dialect = STRICT) -> Any:
    """What becomes of the schema of one required property."""
    return adapt(object_of(x=schema), dialect).schema["properties"]["x"]


# ── The canonical form ────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    "schema, form",
    [
        ({"enum": ["EUR", "USD"]}, {"type": "string", "enum": ["EUR", "USD"]}),
        ({"const": True}, {"type": "boolean", "const": True}),
        ({"enum": [1, 2.5]}, {"type": "number", "enum": [1, 2.5]}),
        (
            {"enum": ["a", 1, None]},
            {"anyOf": [{"type": "string", "enum": ["a"]}, {"type": "integer", "enum": [1]}, NULL]},
        ),
        ({"type": ["string", "null"]}, {"anyOf": [TEXT, NULL]}),
        (
            {"type": ["string", "integer"], "minLength": 1, "minimum": 2, "title": "A"},
            {"title": "A", "anyOf": [{"type": "string", "minLength": 1}, {"type": "integer", "minimum": 2}]},
        ),
        ({"type": "string", "enum": ["a", None]}, {"type": "string", "enum": ["a"]}),
        ({"type": "number", "minimum": 0, "exclusiveMinimum": True}, {"type": "number", "exclusiveMinimum": 0}),
        ({"type": "number", "maximum": 9, "exclusiveMaximum": False}, {"type": "number", "maximum": 9}),
        ({"minLength": 1}, {"type": "string", "minLength": 1}),
        ({"type": "array"}, {"type": "array", "items": {}}),
        ({"allOf": [TEXT], "description": "D"}, {"type": "string", "description": "D"}),
        ({"allOf": [TEXT, {"minLength": 2}]}, {"type": "string", "minLength": 2}),
        ({"anyOf": [{"anyOf": [TEXT, NULL]}, {"type": "integer"}]}, {"anyOf": [TEXT, NULL, {"type": "integer"}]}),
        (
            {"items": [TEXT], "additionalItems": False},
            {"type": "array", "prefixItems": [TEXT], "items": {"not": {}}},
        ),
        ({"type": "object", "required": ["a"]}, {"type": "object", "required": ["a"], "properties": {"a": {}}}),
        ({"type": "string", "examples": ["x"], "$comment": "c"}, TEXT),
    ],
)
def test_there_is_one_form_for_what_means_the_same(schema: dict[str, Any], form: dict[str, Any]) -> None:
    """Types are inferred, several types and null are an `anyOf`, notes for readers of the file are gone."""
    assert canonical(object_of(x=schema))["properties"]["x"] == form
    assert canonical(canonical(object_of(x=schema))) == canonical(object_of(x=schema))


@pytest.mark.parametrize(
    "schema",
    [
        {"$ref": "#/definitions/A", "definitions": {"A": object_of(a={"$ref": "#"})}},
        {"type": "object", "properties": {"a": {"$ref": "#/properties/b"}, "b": TEXT}},
        {"type": "object", "properties": {"a": {"$ref": "#name"}}, "$defs": {"N": {"$anchor": "name", "type": "null"}}},
    ],
)
def test_every_reference_leads_to_a_definition(schema: dict[str, Any]) -> None:
    """Wherever it led in the schema that was written: to its top, into a property, to an anchor."""
    form = canonical(schema)
    references = re.findall(r'"\$ref": "([^"]*)"', json.dumps(form))
    assert references
    assert all(reference.removeprefix("#/$defs/") in form["$defs"] for reference in references)


def test_a_reference_with_words_beside_it_becomes_what_it_leads_to() -> None:
    """No dialect takes keywords beside `$ref`; a type that holds itself is written out once."""
    address = object_of(street=TEXT)
    form = canonical({**object_of(home={"$ref": "#/$defs/A", "description": "Where"}), "$defs": {"A": address}})
    assert form == object_of(home={**address, "description": "Where"})
    node = object_of([], next={"$ref": "#/$defs/Node", "description": "The next"})
    form = canonical({**object_of(first={"$ref": "#/$defs/Node"}), "$defs": {"Node": node}})
    assert form["$defs"]["Node"]["properties"]["next"]["description"] == "The next"
    assert '"$ref": "#/$defs/Node"' in json.dumps(form["$defs"])


def test_a_schema_too_deep_is_refused_in_words() -> None:
    """And by no RecursionError."""
    schema: dict[str, Any] = {"type": "object"}
    for _ in range(2000):
        schema = object_of(x=schema)
    with pytest.raises(UnsupportedInputError, match="too deep"):
        canonical(schema)


def test_a_schema_that_grows_beyond_bounds_is_refused_in_words() -> None:
    """References with words beside them can double at each step."""
    last = "A0"
    definitions: dict[str, Any] = {last: object_of(x=TEXT)}
    for step in range(1, 30):
        reference = {"$ref": f"#/$defs/{last}", "description": "d"}
        last = f"A{step}"
        definitions[last] = object_of(a=reference, b=reference)
    with pytest.raises(UnsupportedInputError, match="too large"):
        canonical({"$ref": f"#/$defs/{last}", "$defs": definitions})


# ── Dialects ──────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    "schema, sent",
    [
        ({"type": "string", "format": "date"}, {"type": "string", "format": "date"}),
        ({"type": "string", "format": "hex"}, {"type": "string", "description": "format: hex"}),
        ({"type": "string", "pattern": "^a"}, {"type": "string", "pattern": "^a"}),
        ({"type": "string", "pattern": "^(?=a)"}, {"type": "string", "description": "pattern: ^(?=a)"}),
        (
            {"type": "integer", "minimum": 1, "description": "How many."},
            {"type": "integer", "description": "How many.\n\nminimum: 1"},
        ),
        (
            {"type": "array", "items": NULL, "minItems": 1, "maxItems": 3},
            {"type": "array", "items": NULL, "minItems": 1, "description": "maxItems: 3"},
        ),
        (
            {"type": "array", "items": NULL, "minItems": 2},
            {"type": "array", "items": NULL, "description": "minItems: 2"},
        ),
        ({"const": "a"}, {"type": "string", "enum": ["a"]}),
        ({"const": True}, {"type": "boolean", "description": "enum: [true]"}),
        ({"oneOf": [TEXT, NULL]}, {"anyOf": [TEXT, NULL]}),
        ({"type": "string", "default": "x"}, {"type": "string", "description": "default: x"}),
        ({"anyOf": [TEXT, NULL], "default": None}, {"anyOf": [TEXT, NULL]}),
    ],
)
def test_a_keyword_is_kept_told_or_written_another_way(schema: dict[str, Any], sent: dict[str, Any]) -> None:
    """What a dialect does not keep goes into the description: it is checked when the answer is validated."""
    assert field(schema) == sent


@pytest.mark.parametrize(
    "schema, place",
    [
        ({"type": "object", "additionalProperties": {"type": "integer"}}, "x"),
        ({"type": "object", "properties": {"a": TEXT}, "additionalProperties": True}, "x"),
        ({"type": "array", "items": {"type": "object"}}, "x[]"),
        ({"type": "object", "properties": {"a": {}}, "additionalProperties": False}, "x.a"),
        ({"type": "array"}, "x[]"),
        ({"type": "array", "prefixItems": [TEXT]}, "x"),
        ({"type": "string", "not": {"const": "x"}}, "x"),
        ({"type": "object", "patternProperties": {"^a": TEXT}}, "x"),
        ({"enum": [{"a": 1}]}, "x"),
        ({"$ref": "https://example.org/schema"}, "x"),
        ({"type": "string", "anyOf": [{"minLength": 1}, {"pattern": "a"}]}, "x"),
    ],
)
def test_what_a_dialect_cannot_express_names_the_field(schema: Any, place: str) -> None:
    """A map is never closed, nothing is left out that good answers hold: the next dialect is taken, or none."""
    with pytest.raises(UnsupportedInputError, match=f"a strict mode cannot express the schema: `{re.escape(place)}` "):
        adapt(object_of(x=schema), STRICT)
    sent = adapt(object_of(x=schema), STRICT, WHOLE)
    assert sent.dialect is WHOLE


def restored(sent: Adapted, **answer: Any) -> Any:
    """An answer in the schema that was asked for."""
    return json.loads(sent.restore(json.dumps(answer)))


def test_what_may_be_left_out_may_be_null_where_all_is_required() -> None:
    """Such nulls leave the answer again, wherever they are; a null that the type knows stays."""
    line = object_of(["what"], what=TEXT, note=TEXT, tag={"anyOf": [TEXT, NULL]})
    schema = {
        **object_of(["a"], a=TEXT, b={"type": "integer"}, lines={"type": "array", "items": {"$ref": "#/$defs/Line"}}),
        "$defs": {"Line": line},
    }
    sent = adapt(schema, STRICT)
    assert sent.schema["required"] == ["a", "b", "lines"]
    assert sent.schema["properties"]["b"] == {"anyOf": [{"type": "integer"}, NULL]}
    assert restored(sent, a="x", b=None, lines=[{"what": "w", "note": None, "tag": None}]) == {
        "a": "x",
        "lines": [{"what": "w", "tag": None}],
    }


def test_nulls_in_a_choice_are_those_of_the_object_that_was_made() -> None:
    """The one name may be optional in one object and nullable in another."""
    schema = object_of(
        x={
            "anyOf": [
                object_of(["kind"], kind={"const": "a"}, n=TEXT),
                object_of(["kind"], kind={"const": "b"}, n={"anyOf": [TEXT, NULL]}),
            ]
        }
    )
    sent = adapt(schema, STRICT)
    assert restored(sent, x={"kind": "a", "n": None}) == {"x": {"kind": "a"}}
    assert restored(sent, x={"kind": "b", "n": None}) == {"x": {"kind": "b", "n": None}}


def test_a_text_that_is_not_json_is_not_touched() -> None:
    """It is for the validation to judge; a document among words is taken out of them."""
    sent = adapt(object_of([], a=TEXT), STRICT)
    assert sent.restore("null and more") == "null and more"
    assert json.loads(sent.restore('Here: {"a": null}.')) == {}


NODE = {
    "$ref": "#/$defs/Node",
    "$defs": {
        "Node": object_of(
            ["value", "children"], value=TEXT, children={"type": "array", "items": {"$ref": "#/$defs/Node"}}
        )
    },
}


def test_recursion_is_allowed_or_made_optional_or_refused() -> None:
    """As the dialect declares; a required property that leads back is then one that may be left out."""
    assert adapt(NODE, Dialect(name="any")).schema["$defs"]["Node"]["required"] == ["value", "children"]
    optional = Dialect(name="optional", recursion="optional")
    node = adapt(NODE, optional).schema["$defs"]["Node"]
    assert (node["required"], node["description"]) == (["value"], "required: children")
    with pytest.raises(UnsupportedInputError, match="`Node` holds itself"):
        adapt(NODE, Dialect(name="none", recursion="none"))
    endless = {**object_of(x={"$ref": "#/$defs/T"}), "$defs": {"T": {"type": "array", "items": {"$ref": "#/$defs/T"}}}}
    with pytest.raises(UnsupportedInputError, match="`T` holds itself, and not in a property that may be left out"):
        adapt(endless, optional)


@pytest.mark.parametrize(
    "limits, why",
    [
        (SchemaLimits(properties=2), "3 properties, at most 2"),
        (SchemaLimits(levels=1), "2 levels of objects, at most 1"),
        (SchemaLimits(enum_values=1), "2 enum values, at most 1"),
        (SchemaLimits(enum_length=(1, 3)), "2 values with 4 characters, at most 3"),
        (SchemaLimits(characters=3), "8 characters of names and values, at most 3"),
        (SchemaLimits(optional=0), "1 optional properties, at most 0"),
        (SchemaLimits(unions=0), "1 properties with a choice of types, at most 0"),
    ],
)
def test_a_schema_beyond_a_limit_is_not_expressed(limits: SchemaLimits, why: str) -> None:
    """The message says how much there is, and how much is possible."""
    schema = object_of(["a", "b"], a=object_of([], c={"enum": ["xx", "yy"]}), b={"anyOf": [{"const": "z"}, NULL]})
    with pytest.raises(UnsupportedInputError, match=why):
        adapt(schema, Dialect(name="small", limits=limits))


def test_a_choice_at_the_top_is_told_where_a_root_is_plain() -> None:
    """Tools take an object at the top, and refuse choices there."""
    plain = Dialect(name="tools", plain_root=True, is_whole=True)
    written = object_of([], a=TEXT, b=TEXT)
    assert adapt(written, plain).schema is written
    sent = adapt({**written, "anyOf": [{"required": ["a"]}, {"required": ["b"]}]}, plain).schema
    assert "anyOf" not in sent
    assert '"required": ["a"]' in sent["description"]


BASE = {"Base": object_of(kind=TEXT, size={"type": "integer", "minimum": 2, "maximum": 9})}


OWN = object_of(["tail"], tail=TEXT, kind={"const": "cat"}, size={"minimum": 3})


@pytest.mark.parametrize("schema", [{"$ref": "#/$defs/Base", **OWN}, {"allOf": [{"$ref": "#/$defs/Base"}, OWN]}])
def test_what_extends_a_definition_has_the_properties_of_both(schema: dict[str, Any]) -> None:
    """Beside a reference, or in an `allOf`: nothing that either requires is lost, and the narrower rule of both holds."""
    made = canonical({**object_of(x=schema), "$defs": BASE})["properties"]["x"]
    assert made["properties"]["kind"] == {"type": "string", "const": "cat"}
    assert made["properties"]["tail"] == TEXT
    assert (made["properties"]["size"]["minimum"], made["properties"]["size"]["maximum"]) == (3, 9)
    assert sorted(made["required"]) == ["kind", "size", "tail"]
    sent = adapt({**object_of(x=schema), "$defs": BASE}, STRICT).schema["properties"]["x"]
    assert sorted(sent["properties"]) == ["kind", "size", "tail"]


def test_a_definition_that_extends_itself_is_read_once() -> None:
    """A circle of `allOf` ends, and stays a reference."""
    node = {"allOf": [{"$ref": "#/$defs/N"}, object_of(v=TEXT)]}
    made = canonical({**object_of(x={"$ref": "#/$defs/N"}), "$defs": {"N": node}})
    assert "#/$defs/N" in json.dumps(made)


@pytest.mark.parametrize("note", ["nullable", "x-order", "xml", "propertyOrdering"])
def test_a_keyword_of_no_draft_is_a_note_that_no_dialect_stumbles_over(note: str) -> None:
    """JSON Schema 2020-12, 6.5: an unknown keyword is an annotation."""
    sent = adapt(object_of(x={**TEXT, note: True}), STRICT)
    assert note not in json.dumps(sent.schema)
    assert adapt(object_of(x={**TEXT, note: True}), WHOLE).schema["properties"]["x"][note] is True


def test_objects_are_closed_where_they_list_their_properties() -> None:
    """And where nothing beside that list lets others in; a map stays a map."""
    listed = Dialect(name="listed", closes="listed")
    assert field(object_of(a=TEXT), listed)["additionalProperties"] is False
    counts = {"type": "object", "additionalProperties": {"type": "integer"}}
    assert field(counts, listed) == counts
    assert "additionalProperties" not in field({**object_of(a=TEXT), "anyOf": [object_of(b=TEXT), NULL]}, listed)
    both = {
        "allOf": [object_of(a=TEXT), {**object_of(b=TEXT), "propertyNames": TEXT}, {"propertyNames": {"pattern": "a"}}]
    }
    assert "additionalProperties" not in json.dumps(field(both, listed))


def test_adapting_is_done_once() -> None:
    """For a canonical schema and the same dialects; for another mapping of the same JSON as well."""
    form = canonical(object_of(a=TEXT))
    assert isinstance(form, Canonical)
    assert adapt(form, STRICT, WHOLE) is adapt(form, STRICT, WHOLE)
    assert adapt(object_of(a=TEXT), STRICT) is adapt(object_of(a=TEXT), STRICT)


def test_a_schema_is_not_changed_by_adapting_it() -> None:
    """The caller's stays what it was."""
    schema = {**object_of(["a"], a={"$ref": "#/$defs/A", "title": "T"}, b={"enum": ["x", None]}), "$defs": {"A": TEXT}}
    before = json.dumps(schema)
    adapt(schema, STRICT)
    assert json.dumps(schema) == before
    jsonschema.Draft202012Validator.check_schema(dict(adapt(schema, STRICT).schema))
