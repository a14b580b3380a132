"""Answers in a dialect that requires every property: null where the original schema lets one be left out."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from pipelex_core.dialects.adapted import CHOICES
from pipelex_dialects.nodes import kind_of, target

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping


def without_nulls(text: str, schema: Mapping[str, Any]) -> str:
    """The JSON document without the nulls that its canonical schema does not know; any other text as it is."""
    try:
        value = json.loads(text[text.index("{") : text.rindex("}") + 1])
    except (ValueError, RecursionError):
        return text
    definitions = schema.get("$defs", {})
    return json.dumps(_pruned(value, schema, definitions), ensure_ascii=False)


def _pruned(value: Any, schema: Mapping[str, Any], definitions: Mapping[str, Any]) -> Any:
    if isinstance(value, list):
        items: Mapping[str, Any] = next(
            (node["items"] for node in _fitting(value, schema, definitions) if "items" in node), {}
        )
        return [_pruned(item, items, definitions) for item in value]
    if not isinstance(value, dict):
        return value
    node = next(_fitting(value, schema, definitions), {})
    properties, required = node.get("properties", {}), node.get("required", ())
    return {
        name: _pruned(item, properties.get(name, {}), definitions)
        for name, item in value.items()
        if item is not None or name in required or name not in properties or accepts_null(properties[name], definitions)
    }


def _fitting(value: Any, schema: Mapping[str, Any], definitions: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """The nodes that a value was made by: of an object, those with its very properties and its constants."""
    waiting = [schema]
    seen: set[str] = set()
    while waiting:
        node = waiting.pop(0)
        name = target(node)
        if name is not None and name not in seen:
            seen.add(name)
            waiting.append(definitions.get(name, {}))
        elif "anyOf" in node or "oneOf" in node:
            waiting += [*node.get("anyOf", ()), *node.get("oneOf", ())]
        elif node.get("type") == kind_of(value) and (not isinstance(value, dict) or _is_of(value, node)):
            yield node


def _is_of(value: Mapping[str, Any], node: Mapping[str, Any]) -> bool:
    properties = node.get("properties", {})
    if value.keys() != properties.keys():
        return False
    allowed = {name: sub.get("enum", [sub["const"]] if "const" in sub else None) for name, sub in properties.items()}
    return all(values is None or value[name] is None or value[name] in values for name, values in allowed.items())


def accepts_null(node: Mapping[str, Any], definitions: Mapping[str, Any]) -> bool:
    """Tell whether null fits a canonical node; a node that says nothing accepts it too."""
    seen: set[str] = set()
    waiting: list[Mapping[str, Any]] = [node]
    while waiting:
        current = waiting.pop()
        name = target(current)
        if name is not None:
            if name not in seen:
                seen.add(name)
                waiting.append(definitions.get(name, {}))
        elif "anyOf" in current or "oneOf" in current:
            waiting += [*current.get("anyOf", ()), *current.get("oneOf", ())]
        elif current.get("type") == "null" or not current.keys() & {"type", *CHOICES}:
            return True
    return False
