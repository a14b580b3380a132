"""What a type of `config/tables.py`, an option of a plugin or a setting may hold, as a JSON schema."""

from __future__ import annotations

from types import NoneType, UnionType
from typing import TYPE_CHECKING, Any, Literal, Union, get_args, get_origin, get_type_hints

from attrs import NOTHING, fields

from pipelex_cli.schemas.prices import costs_schema
from pipelex_core.config import tables
from pipelex_core.constraints import CONSTRAINTS

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from pipelex_core.backend import Option
    from pipelex_core.settings import SettingRule

Schema = dict[str, Any]

_STRING: Schema = {"type": "string"}


def _list_of(words: Iterable[str]) -> Schema:
    return {"type": "array", "items": {"enum": list(words)}}


_TYPES: dict[Any, Schema] = {
    str: _STRING,
    bool: {"type": "boolean"},
    tables.TypeOfModel: _STRING,
    tables.Positive: {"type": "integer", "minimum": 1},
    tables.Counts: {"type": "array", "items": {"type": "integer", "minimum": 1}},
    tables.NotNegative: {"type": "integer", "minimum": 0},
    tables.Seconds: {"type": "number", "minimum": 0},
    tables.SomeSeconds: {"type": "number", "exclusiveMinimum": 0},
    tables.Inputs: _list_of(tables.INPUTS),
    tables.Outputs: _list_of(tables.OUTPUTS),
    tables.Constraints: _list_of(CONSTRAINTS),
    tables.Prices: costs_schema(),
    tables.Day: {**_STRING, "format": "date"},
    dict[str, str]: {"type": "object", "additionalProperties": _STRING},
    tuple[str, ...]: {"type": "array", "items": _STRING},
}
_OPTIONS: dict[str, Schema] = {
    "str": _STRING,
    "secret": _STRING,
    "int": {"type": "integer"},
    "float": {"type": "number"},
    "bool": {"type": "boolean"},
    "list": {"type": "array"},
    "table": {"type": "object"},
    "strings": {"type": "object", "additionalProperties": {"type": "string"}},
}
_SETTINGS: dict[str, Schema] = {
    "string": _STRING,
    "integer": {"type": "integer"},
    "number": {"type": "number"},
    "boolean": {"type": "boolean"},
    "strings": {"type": "array", "items": _STRING},
}


def of_type(hint: Any) -> Schema:
    """The schema of a type; TOML has no null, so that what may be None is what it else may be.

    Raises:
        TypeError: The type is not known here.
    """
    if get_origin(hint) in {Union, UnionType}:
        (hint,) = (part for part in get_args(hint) if part is not NoneType)
    if get_origin(hint) is Literal:
        return {"enum": list(get_args(hint))}
    if hint not in _TYPES:
        msg = f"there is no schema for {hint}"
        raise TypeError(msg)
    return dict(_TYPES[hint])


def of_table(cls: type, meanings: Mapping[str, str]) -> dict[str, Schema]:
    """The schemas of the keys of a table, each with its default and its meaning."""
    hints = get_type_hints(cls)
    found = {}
    for attribute in fields(cls):
        made = of_type(hints[attribute.name])
        if attribute.default not in {None, NOTHING} and isinstance(attribute.default, (str, bool)):
            made["default"] = attribute.default
        found[attribute.name] = {**made, "description": meanings[attribute.name]}
    return found


def of_options(options: Iterable[Option]) -> dict[str, Schema]:
    """The schemas of options; where two plugins have one of the same name, what either takes."""
    found: dict[str, list[Schema]] = {}
    for option in options:
        made = {"enum": list(option.choices)} if option.choices else dict(_OPTIONS[option.type])
        reported = f"{option.help} Default: {option.default}." if option.default else option.help
        made = {**made, "description": reported}
        known = found.setdefault(option.name, [])
        if made not in known:
            known.append(made)
    return {name: made[0] if len(made) == 1 else {"anyOf": made} for name, made in found.items()}


def of_setting(rule: SettingRule) -> Schema:
    """The schema of a setting."""
    if rule.kind == "string" and rule.choices:
        return {"enum": list(rule.choices), "description": rule.help}
    made = dict(_SETTINGS[rule.kind])
    bounds = {"minimum": rule.minimum, "maximum": rule.maximum, "exclusiveMinimum": rule.above}
    made |= {name: bound for name, bound in bounds.items() if bound is not None}
    if rule.choices:
        made = {"anyOf": [made, {"enum": list(rule.choices)}]}
    return {**made, "description": rule.help}


def left_out(keys: Mapping[str, str]) -> dict[str, Schema]:
    """Keys of newer releases of the format, which are taken and mean nothing."""
    return {
        key: {"deprecated": True, "description": f"Left out here: {why}."}
        for key, why in keys.items()
        if "." not in key
    }


def table(properties: Mapping[str, Schema], **more: Any) -> Schema:
    """A table with these keys and no others."""
    return {"type": "object", "properties": dict(properties), "additionalProperties": False, **more}
