"""Dates with a time, described in a JSON schema: msgspec leaves their format out where a type does not say whether it has a zone.

A model that is asked for a mere string writes "3 May at noon"; one that is asked for a `date-time` writes what can be read. A
`duration` may have weeks, months and years, which msgspec does not read: a description rules them out.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

_DEFINITIONS = "#/$defs/"
_DURATION = "days, hours, minutes and seconds, such as P3DT4H30M; no weeks, months or years"


def add_date_formats(schema: dict[str, Any], requested: Any) -> None:
    """Put `date-time` and `time` where a schema made by msgspec has a mere string for them.

    Args:
        schema: The schema of the type, which is changed.
        requested: The type.
    """
    import msgspec

    definitions = schema.get("$defs", {})
    waiting = [(msgspec.inspect.type_info(requested), schema)]
    seen: set[str] = set()
    while waiting:
        kind, node = waiting.pop()
        name = str(node.get("$ref", "")).removeprefix(_DEFINITIONS)
        if name:
            if name in seen or name not in definitions:
                continue
            seen.add(name)
            node = definitions[name]
        if isinstance(kind, msgspec.inspect.UnionType):
            waiting += _of_union(kind, node)
        elif node.get("type") == "string" and "format" not in node:
            if isinstance(kind, msgspec.inspect.DateTimeType):
                node["format"] = "date-time"
            elif isinstance(kind, msgspec.inspect.TimeType):
                node["format"] = "time"
        elif node.get("format") == "duration":
            node.setdefault("description", _DURATION)
        else:
            waiting += _inside(kind, node)


def _of_union(kind: Any, node: dict[str, Any]) -> Iterator[tuple[Any, dict[str, Any]]]:
    """The options of a union that can be distinguished: one string among them, one list, one object each."""
    options = node.get("anyOf", ())
    for each in kind.types:
        fitting = [option for option in options if _may_be(each, option)]
        if len(fitting) == 1:
            yield each, fitting[0]


def _may_be(kind: Any, option: dict[str, Any]) -> bool:
    import msgspec

    if isinstance(kind, (msgspec.inspect.DateTimeType, msgspec.inspect.TimeType)):
        return option == {"type": "string"}
    if hasattr(kind, "fields"):
        return "$ref" in option
    return option.get("type") == ("object" if hasattr(kind, "value_type") else "array")


def _inside(kind: Any, node: dict[str, Any]) -> Iterator[tuple[Any, dict[str, Any]]]:
    """The types that a type is made of, each with its part of the schema."""
    fields = getattr(kind, "fields", ())
    for field in fields:
        if field.encode_name in node.get("properties", {}):
            yield field.type, node["properties"][field.encode_name]
    parts = (("item_type", "items"), ("value_type", "additionalProperties"))
    for attribute, key in parts:
        if hasattr(kind, attribute) and isinstance(node.get(key), dict):
            yield getattr(kind, attribute), node[key]
    items = getattr(kind, "item_types", ()) or (field.type for field in fields)
    yield from zip(items, node.get("prefixItems", ()), strict=False)
