"""Typed objects: the JSON schema of a type, and a JSON answer validated against it.

attrs classes, dataclasses, TypedDicts and everything else that msgspec knows go through msgspec; pydantic models bring
their own; a `dict` is a JSON schema itself, and its answers stay plain data.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from attrs import frozen

from pipelex_core.errors import UnsupportedInputError

if TYPE_CHECKING:
    from collections.abc import Callable

T = TypeVar("T")

_WRAPPED = "value"
_FENCED = re.compile(r"\A\s*```(?:json)?\s*\n(.*?)\n?\s*```\s*\Z", re.DOTALL | re.IGNORECASE)


class InvalidObjectError(ValueError):
    """A JSON text that does not fit a type; its message says where and why, for the model to mend."""


@frozen(kw_only=True)
class ObjectType(Generic[T]):
    """A type a model can be asked for.

    Attributes:
        name: Letters, digits, `_` and `-`.
        schema: Its JSON schema, always an object at the top.
        decode: Makes the value of a JSON text; raises `InvalidObjectError`.
    """

    name: str
    schema: Mapping[str, Any]
    decode: Callable[[str], T]


def object_type(asked: Any) -> ObjectType[Any]:
    """What to ask a model for.

    Args:
        asked: An attrs class, dataclass, TypedDict, pydantic model, any other type msgspec knows (such as `list[Line]`),
            or a JSON schema.

    Raises:
        UnsupportedInputError: The type cannot be written as a JSON schema.
    """
    if isinstance(asked, Mapping):
        return _from_schema(asked)
    if hasattr(asked, "model_json_schema") and hasattr(asked, "model_validate_json"):
        return _from_pydantic(asked)
    return _from_type(asked)


def _from_type(asked: Any) -> ObjectType[Any]:
    import msgspec

    try:
        schema = _inlined(msgspec.json.schema(asked))
        decoder = msgspec.json.Decoder(asked)
    except (TypeError, RuntimeError, NameError) as error:
        msg = f"{_name(asked)} cannot be asked of a model: {error}"
        raise UnsupportedInputError(msg) from error

    def decode(text: str) -> Any:
        try:
            return decoder.decode(text)
        except (msgspec.DecodeError, UnicodeError, RecursionError) as error:
            raise InvalidObjectError(str(error)) from None

    return _object_at_top(
        ObjectType(name=_name(asked), schema=schema, decode=decode), lambda value: msgspec_value(asked, value)
    )


def msgspec_value(asked: Any, value: Any) -> Any:
    """A plain value made into a type that msgspec knows."""
    import msgspec

    try:
        return msgspec.convert(value, asked)
    except msgspec.ValidationError as error:
        raise InvalidObjectError(str(error)) from None


def _from_pydantic(asked: Any) -> ObjectType[Any]:
    def decode(text: str) -> Any:
        try:
            return asked.model_validate_json(text)
        except ValueError as error:  # pydantic.ValidationError is one
            faults: list[dict[str, Any]] = getattr(error, "errors", list)()
            told = "; ".join(f"{fault['msg']} - at `$.{'.'.join(map(str, fault['loc']))}`" for fault in faults)
            raise InvalidObjectError(told or str(error)) from None

    return ObjectType(name=_name(asked), schema=_inlined(asked.model_json_schema()), decode=decode)


def _from_schema(schema: Mapping[str, Any]) -> ObjectType[Any]:
    from jsonschema import SchemaError
    from jsonschema.validators import validator_for

    validator_class = validator_for(schema)
    try:
        validator_class.check_schema(dict(schema))
    except SchemaError as error:
        msg = f"this is no JSON schema: {error.message} - at `{error.json_path}`"
        raise UnsupportedInputError(msg) from error
    validator = validator_class(dict(schema))

    def check(value: Any) -> Any:
        faults = sorted(validator.iter_errors(value), key=lambda fault: fault.json_path)
        if faults:
            raise InvalidObjectError("; ".join(f"{fault.message} - at `{fault.json_path}`" for fault in faults[:10]))
        return value

    def decode(text: str) -> Any:
        return check(_parsed(text))

    name = re.sub(r"[^A-Za-z0-9_-]+", "_", str(schema.get("title") or "answer"))[:64]
    return _object_at_top(ObjectType(name=name, schema=dict(schema), decode=decode), check)


def _object_at_top(kind: ObjectType[Any], convert: Callable[[Any], Any]) -> ObjectType[Any]:
    """The type itself where its schema is an object; else wrapped into one, because providers ask for an object."""
    if kind.schema.get("type") == "object":
        return kind
    inner = {key: value for key, value in kind.schema.items() if key not in {"$defs", "$schema"}}
    schema: dict[str, Any] = {
        "type": "object",
        "properties": {_WRAPPED: inner},
        "required": [_WRAPPED],
        "additionalProperties": False,
    }
    if "$defs" in kind.schema:
        schema["$defs"] = kind.schema["$defs"]

    def decode(text: str) -> Any:
        parsed = _parsed(text)
        if not isinstance(parsed, dict) or _WRAPPED not in parsed:
            msg = f'Expected an object with the key "{_WRAPPED}" - at `$`'
            raise InvalidObjectError(msg)
        return convert(parsed[_WRAPPED])

    return ObjectType(name=kind.name, schema=schema, decode=decode)


def bare_json(text: str) -> str:
    """The JSON of an answer, out of the code fence some models put around it."""
    fenced = _FENCED.match(text)
    return fenced.group(1) if fenced else text.strip()


def _parsed(text: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:
        msg = f"JSON is malformed: {error}"
        raise InvalidObjectError(msg) from None


def _inlined(schema: dict[str, Any]) -> dict[str, Any]:
    """A schema whose top is the type itself, not a reference to it."""
    reference = schema.get("$ref", "")
    if not reference.startswith("#/$defs/"):
        return schema
    definitions = schema["$defs"]
    name = reference.removeprefix("#/$defs/")
    top = dict(definitions[name])
    others = {other: definition for other, definition in definitions.items() if other != name}
    if f'"{reference}"' in json.dumps(definitions):
        others[name] = definitions[name]  # it refers to itself
    return {**top, "$defs": others} if others else top


def _name(asked: Any) -> str:
    name = getattr(asked, "__name__", None) or str(asked)
    return re.sub(r"[^A-Za-z0-9_-]+", "_", name).strip("_")[:64] or "answer"
