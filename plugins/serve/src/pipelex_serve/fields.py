"""The fields of a request, each with the type that it has to have; null is the same as absent."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, NoReturn

from pipelex_core.parts import Tool
from pipelex_serve.problems import refuse

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping


def wrong(param: str, expected: str, value: object) -> NoReturn:
    """Refuse a value.

    Raises:
        RefusedError: 400, with what was expected.
    """
    shown = repr(value)
    msg = f"'{param}' must be {expected}, not {shown if len(shown) <= 60 else shown[:57] + '…'}"
    raise refuse(400, msg, code="invalid_type", param=param)


def text(table: Mapping[str, Any], name: str, param: str | None = None) -> str:
    """A string that has to be there."""
    value = table.get(name)
    if not isinstance(value, str):
        if value is None:
            msg = f"'{param or name}' is missing"
            raise refuse(400, msg, code="missing_required_parameter", param=param or name)
        wrong(param or name, "a string", value)
    return value


def model(table: Mapping[str, Any]) -> str:
    """The handle of a request."""
    name = text(table, "model")
    if not name:
        msg = "'model' is empty: name a handle of GET /v1/models"
        raise refuse(400, msg, code="missing_required_parameter", param="model")
    return name


def rows(table: Mapping[str, Any], name: str, param: str | None = None) -> list[Mapping[str, Any]]:
    """A list of objects; empty where it is absent."""
    value = table.get(name)
    if value is None:
        return []
    if not isinstance(value, list) or not all(isinstance(each, dict) for each in value):
        wrong(param or name, "a list of objects", value)
    return value


def number(table: Mapping[str, Any], name: str) -> float | None:
    """A number, or None."""
    value = table.get(name)
    if value is not None and (isinstance(value, bool) or not isinstance(value, (int, float))):
        wrong(name, "a number", value)
    return value


def whole(table: Mapping[str, Any], name: str) -> int | None:
    """A whole number, or None."""
    value = number(table, name)
    if value is None or isinstance(value, int):
        return value
    if not value.is_integer():
        wrong(name, "a whole number", value)
    return int(value)


def flag(table: Mapping[str, Any], name: str) -> bool:
    """True or false; false where it is absent."""
    value = table.get(name)
    if value is not None and not isinstance(value, bool):
        wrong(name, "true or false", value)
    return bool(value)


def table_of(table: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    """An object; empty where it is absent."""
    value = table.get(name)
    if value is None:
        return {}
    if not isinstance(value, dict):
        wrong(name, "an object", value)
    return value


def strings(table: Mapping[str, Any], name: str) -> list[str]:
    """A string, or a list of strings; empty where it is absent."""
    value = table.get(name)
    if value is None:
        return []
    listed = [value] if isinstance(value, str) else value
    if not isinstance(listed, list) or not all(isinstance(each, str) for each in listed):
        wrong(name, "a string or a list of strings", value)
    return [each for each in listed if each]


def arguments(value: object, name: str) -> Mapping[str, Any]:
    """The arguments of a tool call, which OpenAI's protocol has as JSON text."""
    if isinstance(value, dict):
        return value
    if value is None or value == "":
        return {}
    if isinstance(value, str):
        try:
            parsed = json.loads(value)
        except (ValueError, RecursionError):
            parsed = None
        if isinstance(parsed, dict):
            return parsed
    msg = f"the arguments of tool call '{name:.64}' are not a JSON object"
    raise refuse(400, msg, code="invalid_value", param="messages")


def tool(name: object, description: object, parameters: object) -> Tool:
    """A tool; one without parameters takes none."""
    if not isinstance(name, str) or not name:
        wrong("tools.name", "a string", name)
    if parameters is not None and not isinstance(parameters, dict):
        wrong("tools.parameters", "a JSON schema", parameters)
    schema = dict(parameters or {})
    if schema.get("type") in (None, ["object"]):
        schema["type"] = "object"
    schema.setdefault("properties", {})
    return Tool(name=name, description=description if isinstance(description, str) else "", parameters=schema)


def settings_of(pairs: Iterable[tuple[str, Any]]) -> dict[str, Any]:
    """The settings that are there."""
    return {name: value for name, value in pairs if value is not None and value != ()}


def unused(table: Mapping[str, Any], known: frozenset[str]) -> tuple[str, ...]:
    """The parameters with a value that this gateway does not use."""
    if table.keys() <= known:
        return ()
    return tuple(
        name for name, value in table.items() if name not in known and value not in (None, False, 0, "", [], {})
    )
