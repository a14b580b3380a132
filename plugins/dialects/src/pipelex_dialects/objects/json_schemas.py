"""JSON schemas as callers write them: checked before a model is asked, and what finds the faults of an answer."""

from __future__ import annotations

import json
import re
import warnings
from fractions import Fraction
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from pipelex_core.dialects import Canonical
from pipelex_core.dialects.adapted import CHOICES
from pipelex_core.errors import UnsupportedInputError
from pipelex_dialects.canonical import canonical

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

WRAPPED = "value"
"""The key of the object that a schema of anything else is wrapped into."""


def read_schema(text: str) -> dict[str, Any]:
    """A schema from its JSON.

    Raises:
        UnsupportedInputError: It is not a JSON schema, or refers to something outside itself.
    """
    from jsonschema import FormatChecker, SchemaError

    schema: dict[str, Any] = json.loads(text)
    try:  # no formats are checked: one of them is that patterns are Python's, and a schema's are ECMA-262's
        _validator_class(schema).check_schema(schema, format_checker=FormatChecker(()))
    except SchemaError as error:
        raise UnsupportedInputError(f"this is not a JSON schema: {error.message} - at `{error.json_path}`") from error
    except RecursionError as error:
        raise UnsupportedInputError("this JSON schema is nested too deep") from error
    _check_references(schema)
    return schema


def faults_finder(schema: dict[str, Any]) -> Callable[[Any], str]:
    """What finds the faults of a value: it gives them in a sentence, or an empty text."""
    from referencing import Registry

    checked = _without_foreign_patterns(schema)
    validator = _validator(_validator_class(schema))(
        checked, registry=Registry()
    )  # an empty one: nothing is downloaded

    def faults(value: Any) -> str:
        found = sorted(validator.iter_errors(value), key=lambda fault: str(fault.json_path))
        return "; ".join(f"{fault.message} - at `{fault.json_path}`" for fault in found[:10])

    return faults


def object_at_top(schema: dict[str, Any]) -> tuple[Canonical, bool]:
    """The canonical form of a schema, of an object as providers ask for, and whether it was wrapped for that."""
    made = canonical(schema)
    if made.get("type") == "object" and not made.keys() & {*CHOICES, "enum", "const"}:
        return made, False
    inner = {key: value for key, value in made.items() if key != "$defs"}
    wrapped = {"type": "object", "properties": {WRAPPED: inner}, "required": [WRAPPED], "additionalProperties": False}
    return Canonical({**wrapped, **{key: made[key] for key in ("$defs",) if key in made}}), True


@lru_cache
def _validator(of_draft: Any) -> Any:
    from jsonschema.validators import extend

    return extend(
        of_draft,
        {"multipleOf": _multiples},
    )


def _multiples(validator: Any, step: Any, value: Any, _: Any) -> Iterator[Any]:
    """Compare decimals as they are written: 4.35 is a multiple of 0.01, though their binary forms are not."""
    from jsonschema import ValidationError

    if not validator.is_type(value, "number"):
        return
    try:
        fits = (value if isinstance(value, int) else Fraction(repr(value))) % Fraction(repr(step)) == 0
    except ValueError:  # beyond what a float holds
        fits = False
    if not fits:
        yield ValidationError(f"{value!r} is not a multiple of {step!r}")


def _without_foreign_patterns(value: Any) -> Any:
    """A schema without the patterns that Python cannot read, such as those of Unicode properties: they are not checked."""
    if isinstance(value, list):
        return [_without_foreign_patterns(item) for item in value]
    if not isinstance(value, dict):
        return value
    left_out = {"pattern"} if isinstance(value.get("pattern"), str) and not _is_readable(value["pattern"]) else set()
    by_pattern = value.get("patternProperties")
    if isinstance(by_pattern, dict) and not all(map(_is_readable, by_pattern)):
        left_out |= {"patternProperties", "additionalProperties", "unevaluatedProperties"}
    return {key: _without_foreign_patterns(item) for key, item in value.items() if key not in left_out}


def _is_readable(pattern: str) -> bool:
    """Whether Python reads a pattern, and reads it as it is meant: it warns of what other engines read in another way."""
    try:
        with warnings.catch_warnings(action="error", category=FutureWarning):
            re.compile(pattern)
    except (re.error, RecursionError, OverflowError, FutureWarning):
        return False
    return True


def _validator_class(schema: dict[str, Any]) -> Any:
    from jsonschema import Draft202012Validator
    from jsonschema.validators import validator_for

    if not isinstance(schema.get("$schema", ""), str):
        raise UnsupportedInputError("this is not a JSON schema: its `$schema` is not an address")
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
