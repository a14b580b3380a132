"""The one converter of values to plain data and back, on cattrs; `plain.py` imports it when the first value is converted.

The form, beyond what JSON says itself:

- bytes are base64, decimals are strings without an exponent, tuples and frozen sets are lists; numbers that JSON does
  not have are `"inf"`, `"-inf"`, `"nan"`;
- a `Tagged` value names its class under `type`;
- fields that are not compared, such as an SDK's own `raw` answer, are left out;
- a `Secret` is `***`, and cannot be read back;
- a field that may hold anything, such as the arguments of a tool call, is written as `free_form.py` says.

Reading is strict: `3` is not `"3"`, `"false"` is not `True`, and unknown keys are faults.

The compact form is for files of this library: bytes stay bytes, and fields that have their default are left out.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from decimal import Decimal
from enum import StrEnum
from functools import cache, partial
from types import GenericAlias, UnionType
from typing import Any, Literal, TypeVar, Union, get_args, get_origin, get_type_hints

import attrs
from cattrs import Converter, transform_error
from cattrs.errors import ForbiddenExtraKeysError
from cattrs.gen import make_dict_structure_fn, make_dict_unstructure_fn, override

from pipelex_core.faults import PlainDataError
from pipelex_core.free_form import read_any, read_base64, read_decimal, read_scalar, write_any, write_base64
from pipelex_core.near import did_you_mean

Read = Callable[[Any, Any], Any]
Write = Callable[[Any], Any]

_DEEP = "it is nested too deeply"
_SCALARS: dict[Any, tuple[str, tuple[type, ...]]] = {
    str: ("a string", (str,)),
    int: ("a whole number", (int,)),
    bool: ("true or false", (bool,)),
    float: ("a number", (float, int)),
}


def to_plain(value: Any, *, compact: bool = False) -> Any:
    """Write a value as plain data.

    Raises:
        PlainDataError: A part of it has no plain form.
    """
    return _written(value, partial(_converter(compact).unstructure, value))


def from_plain(kind: Any, data: Any, *, compact: bool = False) -> Any:
    """Read a value of a class, or of one of the classes of a union.

    Raises:
        PlainDataError: With every fault and its path.
    """
    try:
        return _converter(compact).structure(data, kind)
    except RecursionError:
        faults = [f"$: {_DEEP}"]
    except Exception as error:  # noqa: BLE001 -- cattrs collects whatever a hook or a class raises
        lines = transform_error(error, format_exception=_described)
        faults = [f"{path}: {fault}" for fault, _, path in (line.rpartition(" @ ") for line in lines)]
    raise PlainDataError(f"this is not the plain form of {_name(kind)}", faults)


@cache
def keys_of(cls: Any) -> tuple[str, ...]:
    """Name the keys of a class's plain form."""
    tag = ("type",) if _is_tagged(cls) else ()
    return (*tag, *(field.name for field in attrs.fields(cls) if field.eq))


def item_of(value: Any, key: str) -> Any:
    """Write one field of a value, as it is in the plain form of the whole.

    Raises:
        KeyError: The plain form has no such key.
    """
    cls: Any = type(value)
    if key not in keys_of(cls):
        raise KeyError(key)
    item = getattr(value, key)
    if key == "type":
        return item
    declared = attrs.fields_dict(attrs.resolve_types(cls))[key].type
    return _written(value, partial(_converter(compact=False).unstructure, item, unstructure_as=declared))


def _written(value: Any, write: Callable[[], Any]) -> Any:
    try:
        return write()
    except RecursionError:
        fault = _DEEP
    except (TypeError, ValueError, AttributeError, NameError) as error:
        fault = str(error)
    raise PlainDataError(f"this {type(value).__name__} has no plain form", [fault])


@cache
def _converter(compact: bool) -> Converter:
    """Make a converter; of several hooks that fit a type, the one registered last is used."""
    converter = Converter(
        forbid_extra_keys=True, omit_if_default=compact, unstruct_collection_overrides={tuple: list, frozenset: sorted}
    )
    reads = converter.register_structure_hook_func
    makes_reader: Callable[[Any, Any], Any] = converter.register_structure_hook_factory
    writes = converter.register_unstructure_hook_func
    makes_writer: Callable[[Any, Any], Any] = converter.register_unstructure_hook_factory
    for kind, (noun, classes) in _SCALARS.items():
        converter.register_structure_hook(kind, partial(read_scalar, noun=noun, classes=classes))
    converter.register_structure_hook(float, _read_float)
    reads(partial(_is, Any), lambda value, _: read_any(value))
    reads(partial(_is, Decimal), lambda value, _: read_decimal(value))
    reads(_is_literal, _read_literal)
    reads(_is_secret, _refuse_secret)
    makes_reader(_is_named_tuple, _reader_of_named_tuple)
    makes_reader(_is_several, _reader_of_several)
    makes_reader(_is_mapping, _reader_of_mapping)
    makes_reader(attrs.has, _reader_of_class)
    makes_reader(_is_tagged_union, _reader_of_union)
    converter.register_unstructure_hook(float, _write_float)
    converter.register_unstructure_hook(StrEnum, str)
    writes(partial(_is, Any), partial(write_any, keeps_bytes=compact))
    writes(partial(_is, Decimal), lambda value: f"{value:f}")
    writes(_is_named_tuple, list)
    writes(_is_secret, str)
    makes_writer(attrs.has, _writer_of_class)
    writes(_is_tagged_union, converter.unstructure)
    if not compact:
        converter.register_structure_hook(bytes, lambda value, _: read_base64(value))
        converter.register_unstructure_hook(bytes, write_base64)
    else:
        converter.register_structure_hook(bytes, partial(read_scalar, noun="bytes", classes=(bytes,)))
    return converter


def _is(kind: Any, type_: Any) -> bool:
    return type_ is kind


def _is_literal(type_: Any) -> bool:
    return get_origin(type_) is Literal


def _is_several(type_: Any) -> bool:
    return get_origin(type_) in {tuple, frozenset}


def _is_mapping(type_: Any) -> bool:
    return get_origin(type_) is Mapping


def _is_named_tuple(type_: Any) -> bool:
    return isinstance(type_, type) and issubclass(type_, tuple) and hasattr(type_, "_fields")


def _is_secret(type_: Any) -> bool:
    return hasattr(type_, "reveal")


def _is_tagged_union(type_: Any) -> bool:
    return get_origin(type_) in {Union, UnionType} and bool(_classes(type_)) and all(map(_is_tagged, _classes(type_)))


def _is_tagged(type_: Any) -> bool:
    """Whether a class is a `Tagged` one: its `type` is a name, and no field."""
    return attrs.has(type_) and isinstance(getattr(get_origin(type_) or type_, "type", None), str)


def _overrides(cls: type, converter: Converter) -> dict[str, Any]:
    """Say how fields are written and read: one that is not compared is left out, one may bring functions of its own."""
    found = {}
    for field in attrs.fields(cls):
        if not field.eq:
            found[field.name] = override(omit=True)
        elif isinstance(field.type, TypeVar):  # of the type that a caller asked a model for
            found[field.name] = override(unstruct_hook=_write_open, struct_hook=lambda value, _: value)
        elif "plain" in field.metadata:  # a function to what is written in its place, and one back or None
            write, read = field.metadata["plain"]
            found[field.name] = override(
                unstruct_hook=partial(_write_by, write, converter), struct_hook=read and partial(_read_by, read)
            )
    return found


def _write_by(write: Write, converter: Converter, value: Any) -> Any:
    return None if value is None else converter.unstructure(write(value))


def _read_by(read: Write, value: Any, _: Any) -> Any:
    return None if value is None else read(value)


def _classes(union: Any) -> list[Any]:
    return [get_origin(each) or each for each in get_args(union) if each is not type(None)]


def _name(kind: Any) -> str:
    return " or ".join(each.__name__ for each in _classes(kind) or [kind])


# ── Reading ───────────────────────────────────────────────────────────────────────────────────────────────────────


def _reader_of_class(type_: Any, converter: Converter) -> Read:
    """Read one class; a tag is needed only where it names a subclass."""
    cls = get_origin(type_) or type_
    attrs.resolve_types(cls)
    read = make_dict_structure_fn(type_, converter, _cattrs_forbid_extra_keys=True, **_overrides(cls, converter))
    if not _is_tagged(type_):
        return lambda value, _: read(_mapping(value), type_)

    def read_tagged(value: Any, _: Any) -> Any:
        tag = _mapping(value).get("type", cls.type)
        if tag != cls.type:
            return converter.structure(value, _named([cls], tag))
        return read({key: item for key, item in value.items() if key != "type"}, type_)

    return read_tagged


def _reader_of_union(union: Any, converter: Converter) -> Read:
    """Read the class that the tag names, or None where the union has it."""

    def read(value: Any, _: Any) -> Any:
        if value is None and type(None) in get_args(union):
            return None
        return converter.structure(value, _named(_classes(union), _mapping(value).get("type")))

    return read


def _named(classes: list[Any], tag: object) -> Any:
    """Find the class of a tag, among some and their subclasses."""
    known = {each.type: each for cls in classes for each in _family(cls)}
    if isinstance(tag, str) and tag in known:
        return known[tag]
    raise ValueError(f"its type must be one of {', '.join(known)}, not {tag!r:.60}")


def _family(cls: Any) -> list[Any]:
    return [cls, *(each for child in cls.__subclasses__() for each in _family(child))]


def _reader_of_several(type_: Any, converter: Converter) -> Read:
    kind: Any = get_origin(type_)
    inner: Any = GenericAlias(list, get_args(type_)[:1])
    read = converter.get_structure_hook(inner)

    def read_several(value: Any, _: Any) -> Any:
        if not isinstance(value, (list, tuple)):
            raise TypeError(f"must be a list, not {type(value).__name__}")
        return kind(read(value, inner))

    return read_several


def _reader_of_named_tuple(type_: Any, converter: Converter) -> Read:
    kinds = [*get_type_hints(type_).values()]
    hooks = [converter.get_structure_hook(kind) for kind in kinds]

    def read_named_tuple(value: Any, _: Any) -> Any:
        if not isinstance(value, (list, tuple)) or len(value) != len(kinds):
            raise TypeError(f"must be a list of {', '.join(type_._fields)}")
        return type_(*(hook(item, kind) for hook, item, kind in zip(hooks, value, kinds, strict=True)))

    return read_named_tuple


def _reader_of_mapping(type_: Any, converter: Converter) -> Read:
    inner: Any = GenericAlias(dict, get_args(type_))
    read = converter.get_structure_hook(inner)
    return lambda value, _: read(_mapping(value), inner)


def _mapping(value: Any) -> Mapping[str, Any]:
    if isinstance(value, Mapping):
        return value
    raise TypeError(f"must be a mapping, not {type(value).__name__}")


def _read_float(value: Any, type_: Any) -> Any:
    if value in {"inf", "-inf", "nan"} if isinstance(value, str) else False:
        return float(value)
    return read_scalar(value, type_, noun=_SCALARS[float][0], classes=_SCALARS[float][1])


def _read_literal(value: Any, type_: Any) -> Any:
    known = get_args(type_)
    if any(value is each or (type(value) is type(each) and value == each) for each in known):
        return value
    raise ValueError(f"must be one of {', '.join(map(str, known))}, not {value!r:.60}")


def _refuse_secret(_value: Any, _type: Any) -> Any:
    raise ValueError("a secret is not written, and cannot be read")


def _described(error: BaseException, _: Any) -> str:
    """Describe one fault for people."""
    if isinstance(error, ForbiddenExtraKeysError):
        known = [field.name for field in attrs.fields(error.cl)]
        unknown = sorted(map(str, error.extra_fields))
        hint = did_you_mean(unknown[0], known) or f"its keys are {', '.join(known)}"
        return f"there is no key {', '.join(map(repr, unknown))}: {hint}"
    if isinstance(error, KeyError):
        return f"the key {error} is missing"
    return _DEEP if isinstance(error, RecursionError) else str(error)


# ── Writing ───────────────────────────────────────────────────────────────────────────────────────────────────────


def _writer_of_class(type_: Any, converter: Converter) -> Write:
    cls = get_origin(type_) or type_
    attrs.resolve_types(cls)
    compact = converter.omit_if_default
    write = make_dict_unstructure_fn(type_, converter, _cattrs_omit_if_default=compact, **_overrides(cls, converter))
    if not _is_tagged(type_):
        return write

    def write_tagged(value: Any) -> Any:
        return {"type": cls.type, **write(value)} if type(value) is cls else converter.unstructure(value)

    return write_tagged


def _write_float(value: Any) -> Any:
    return value if not isinstance(value, float) or math.isfinite(value) else str(value)


def _write_open(value: Any) -> Any:
    """Write an object of a type that a caller asked a model for: what msgspec and pydantic write for it."""
    import msgspec

    return msgspec.to_builtins(value, enc_hook=lambda each: each.model_dump(mode="json"), str_keys=True)
