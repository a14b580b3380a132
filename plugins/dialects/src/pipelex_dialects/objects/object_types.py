"""Typed objects: the JSON schema of a type, and a JSON answer validated against it.

attrs classes, dataclasses, TypedDicts and everything else that msgspec knows go through msgspec; pydantic's models, types
made of them, and where pydantic is installed what msgspec refuses, such as a union of dataclasses, through pydantic; a `dict`
is a JSON schema itself, and its answers stay plain data.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Hashable, Mapping
from contextlib import suppress
from functools import lru_cache
from importlib import import_module
from types import BuiltinFunctionType, FunctionType, MethodType
from typing import Any, TypeVar, get_args

from pipelex_core.errors import UnsupportedInputError
from pipelex_core.objects import InvalidObjectError, ObjectType
from pipelex_dialects.objects.answers import json_texts, with_whole_numbers
from pipelex_dialects.objects.date_formats import add_date_formats
from pipelex_dialects.objects.json_schemas import WRAPPED, faults_finder, object_at_top, read_schema

T = TypeVar("T")

_REMEMBERED = 128
"""How many types, and how many JSON schemas, are made ready once for all calls."""


def object_type(requested: Any) -> ObjectType[Any]:
    """See `pipelex_core.objects.object_type`."""
    if isinstance(requested, Mapping):
        try:
            text = json.dumps(dict(requested), allow_nan=False)
        except (TypeError, ValueError, RecursionError) as error:
            raise UnsupportedInputError(f"this is not a JSON schema: {error}") from error
        return _from_schema(text)
    return _of_type(requested) if isinstance(requested, Hashable) else _of_type.__wrapped__(requested)


def read_object(kind: ObjectType[T], text: str) -> tuple[T, str]:
    """See `pipelex_core.objects.read_object`."""
    texts = json_texts(text)
    first = next(texts)
    if not first:
        raise InvalidObjectError("it is empty")
    try:
        return kind.decode(first), first
    except InvalidObjectError:
        for other in texts:
            with suppress(InvalidObjectError):
                return kind.decode(other), other
        raise


@lru_cache(maxsize=_REMEMBERED)
def _of_type(requested: Any) -> ObjectType[Any]:
    return _from_pydantic(requested) if _is_pydantics(requested) else _from_type(requested)


def _from_type(requested: Any) -> ObjectType[Any]:
    import msgspec

    try:
        schema = msgspec.json.schema(requested)
        decoder = msgspec.json.Decoder(requested)
    except (TypeError, RuntimeError, NameError) as error:
        if not isinstance(requested, (str, FunctionType, BuiltinFunctionType, MethodType)):
            with suppress(UnsupportedInputError, ImportError):
                return _from_pydantic(requested)  # a union of dataclasses, or one that holds a pydantic model
        raise _no_type(requested, error) from error

    add_date_formats(schema, requested)

    def decode(text: str) -> Any:
        try:
            return decoder.decode(text)
        except (msgspec.DecodeError, UnicodeError, RecursionError) as error:
            raise InvalidObjectError(str(error)) from None

    def convert(value: Any) -> Any:
        try:
            return msgspec.convert(value, requested)
        except msgspec.ValidationError as error:
            raise InvalidObjectError(str(error)) from None

    return _made(_name(requested), schema, decode, convert)


def _from_pydantic(requested: Any) -> ObjectType[Any]:
    pydantic = import_module("pydantic")  # installed where a model of it was made; else asked for by name alone
    try:
        adapter: Any = pydantic.TypeAdapter(requested)
        schema = adapter.json_schema()
    except (TypeError, ValueError, RuntimeError, NameError, AttributeError) as error:
        raise _no_type(requested, error) from error

    def decode(text: str) -> Any:
        try:
            return adapter.validate_json(text)
        except ValueError as error:  # pydantic.ValidationError is one
            faults: list[dict[str, Any]] = getattr(error, "errors", list)()
            raise InvalidObjectError(
                "; ".join(f"{fault['msg']} - at `{'.'.join(map(str, ('$', *fault['loc'])))}`" for fault in faults)
                or str(error)
            ) from None

    return _made(_name(requested), schema, decode, lambda value: decode(json.dumps(value)))


@lru_cache(maxsize=_REMEMBERED)
def _from_schema(text: str) -> ObjectType[Any]:
    schema = read_schema(text)
    faults = faults_finder(schema)

    def check(value: Any) -> Any:
        message = faults(value)
        if message:
            raise InvalidObjectError(message)
        return value

    return _made(_as_name(str(schema.get("title", ""))), schema, lambda text: check(_parsed(text)), check)


def _made(
    name: str, schema: dict[str, Any], decode: Callable[[str], Any], convert: Callable[[Any], Any]
) -> ObjectType[Any]:
    """The type, decoded by `decode`; where its schema must be wrapped, what is in the wrapping by `convert`."""
    schema, is_wrapped = object_at_top(schema)

    def unwrap(text: str) -> Any:
        parsed = _parsed(text)
        if not isinstance(parsed, dict) or WRAPPED not in parsed:
            raise InvalidObjectError(f'Expected an object with the key "{WRAPPED}" - at `$`')
        return convert(parsed[WRAPPED])

    decode = unwrap if is_wrapped else decode

    def decode_leniently(text: str) -> Any:
        try:
            return decode(text)
        except InvalidObjectError:
            whole = with_whole_numbers(text)
            if whole is None:
                raise
            with suppress(InvalidObjectError):
                return decode(whole)
            raise

    return ObjectType(name=name, schema=schema, decode=decode_leniently, wrapped=WRAPPED if is_wrapped else None)


def _parsed(text: str) -> Any:
    try:
        return json.loads(text, parse_constant=_no_number)
    except (ValueError, RecursionError) as error:
        raise InvalidObjectError(f"JSON is malformed: {error}") from None


def _no_number(constant: str) -> Any:
    raise ValueError(f"{constant} is not a JSON number")


def _is_pydantics(requested: Any) -> bool:
    """Whether pydantic made a type, or a type it is made of."""
    return hasattr(requested, "__pydantic_validator__") or any(map(_is_pydantics, get_args(requested)))


def _no_type(requested: Any, error: Exception) -> UnsupportedInputError:
    reason = str(error)
    if "schema_hook" in reason:  # msgspec's advice to those who call it
        reason = "it is, or holds, something other than attrs classes, dataclasses, TypedDicts, pydantic models and plain types"
    return UnsupportedInputError(f"{_name(requested)} cannot be asked of a model: {reason}")


def _name(requested: Any) -> str:
    return _as_name(getattr(requested, "__name__", None) or str(requested))


def _as_name(text: str) -> str:
    return re.sub(r"[^A-Za-z0-9_-]+", "_", text).strip("_")[:64] or "answer"
