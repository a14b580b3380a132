"""JSON schemas as callers write them: checked before a model is asked, and fitted to what providers take."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from pipelex_core.errors import UnsupportedInputError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

WRAPPED = "value"
"""The key of the object that a schema of anything else is wrapped into."""

_DEFINITIONS = "#/$defs/"


def read_schema(given: Mapping[str, Any]) -> dict[str, Any]:
    """A schema as plain JSON data.

    Raises:
        UnsupportedInputError: It is no JSON schema, or refers to something outside itself.
    """
    from jsonschema import SchemaError

    try:
        schema: dict[str, Any] = json.loads(json.dumps(dict(given), allow_nan=False))
    except (TypeError, ValueError, RecursionError) as error:
        msg = f"this is no JSON schema: {error}"
        raise UnsupportedInputError(msg) from error
    try:
        _validator_class(schema).check_schema(schema)
    except SchemaError as error:
        msg = f"this is no JSON schema: {error.message} - at `{error.json_path}`"
        raise UnsupportedInputError(msg) from error
    _check_references(schema)
    return schema


def faults_finder(schema: dict[str, Any]) -> Callable[[Any], str]:
    """What finds the faults of a value: it gives them in a sentence, or an empty text."""
    from referencing import Registry

    validator = _validator_class(schema)(schema, registry=Registry())  # an empty one: nothing is ever downloaded

    def faults(value: Any) -> str:
        found = sorted(validator.iter_errors(value), key=lambda fault: str(fault.json_path))
        return "; ".join(f"{fault.message} - at `{fault.json_path}`" for fault in found[:10])

    return faults


def object_at_top(schema: dict[str, Any]) -> tuple[dict[str, Any], bool]:
    """A schema of an object, as providers ask for, and whether the one given had to be wrapped for that."""
    schema = _inlined(schema)
    if schema.get("type") == "object":
        return schema, False
    inner = {key: value for key, value in schema.items() if key not in {"$defs", "$schema", "$id"}}
    wrapped: dict[str, Any] = {
        "type": "object",
        "properties": {WRAPPED: _moved(inner, f"#/properties/{WRAPPED}")},
        "required": [WRAPPED],
        "additionalProperties": False,
    }
    if "$defs" in schema:
        wrapped["$defs"] = _moved(schema["$defs"], f"#/properties/{WRAPPED}")
    return wrapped, True


def _validator_class(schema: dict[str, Any]) -> Any:
    from jsonschema import Draft202012Validator
    from jsonschema.validators import validator_for

    if not isinstance(schema.get("$schema", ""), str):
        msg = "this is no JSON schema: its `$schema` is no address"
        raise UnsupportedInputError(msg)
    return validator_for(schema, default=Draft202012Validator)


def _check_references(schema: dict[str, Any]) -> None:
    from referencing import Registry, Resource
    from referencing.exceptions import Unresolvable
    from referencing.jsonschema import DRAFT202012

    resource = Resource.from_contents(schema, default_specification=DRAFT202012)
    resolver = Registry().with_resource("", resource).resolver_with_root(resource)
    for reference in _references(schema):
        try:
            resolver.lookup(reference)
        except Unresolvable as error:
            msg = f"this JSON schema refers to something it does not have: {reference!r:.80}"
            raise UnsupportedInputError(msg) from error


def _references(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        reference = value.get("$ref")
        if isinstance(reference, str):
            yield reference
    if isinstance(value, (dict, list)):
        for item in value.values() if isinstance(value, dict) else value:
            yield from _references(item)


def _inlined(schema: dict[str, Any]) -> dict[str, Any]:
    """A schema whose top is the type itself, not a reference to it."""
    reference = schema.get("$ref", "")
    if not reference.startswith(_DEFINITIONS):
        return schema
    definitions = schema["$defs"]
    name = reference.removeprefix(_DEFINITIONS)
    if name not in definitions:
        return schema  # a reference further into a definition
    others = dict(definitions)
    if reference not in _references(definitions):
        del others[name]  # nothing else refers to it
    return {**definitions[name], "$defs": others} if others else dict(definitions[name])


def _moved(value: Any, to: str) -> Any:
    """A schema for another place in a document: references to its top, or below it, lead there."""
    if isinstance(value, list):
        return [_moved(item, to) for item in value]
    if not isinstance(value, dict):
        return value
    moved = {key: _moved(item, to) for key, item in value.items()}
    reference = value.get("$ref")
    if isinstance(reference, str) and reference.startswith("#") and not reference.startswith(_DEFINITIONS):
        moved["$ref"] = to + reference[1:]
    return moved
