"""One form for every JSON schema, whoever wrote it.

Types are inferred where an enum, a constant or a keyword tells them; several types are an `anyOf` of one each, null like
any other; `$ref` has no siblings and leads to `$defs`; notes for readers of the schema file are gone. A schema and its
canonical form accept the same values, but that a keyword is taken to mean its type: `{"minLength": 1}` is a string.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Any
from urllib.parse import unquote

from pipelex_core.dialects import Canonical
from pipelex_core.dialects.adapted import CHOICES
from pipelex_core.errors import UnsupportedInputError
from pipelex_dialects.nodes import DEFINITIONS, KIND_OF, Node, every_node, kind_of, mapped, target

_DROPPED = frozenset(
    {
        *("$schema", "$id", "$comment", "$anchor", "$defs", "definitions", "$vocabulary", "discriminator"),
        *("examples", "deprecated", "readOnly", "writeOnly"),
    }
)
_NOTES = frozenset({"title", "description", "default"})
_MOST_NODES = 20_000
_NARROWER: dict[str, Callable[[Any, Any], Any]] = {
    **dict.fromkeys(("minLength", "minimum", "exclusiveMinimum", "minItems", "minProperties"), max),
    **dict.fromkeys(("maxLength", "maximum", "exclusiveMaximum", "maxItems", "maxProperties"), min),
}
"""Which of two bounds holds where both are stated."""


def canonical(schema: Mapping[str, Any]) -> Canonical:
    """Write a schema in the canonical form; one that is in it already is the very same.

    Raises:
        UnsupportedInputError: It is too deep, or too large once its references are followed.
    """
    if isinstance(schema, Canonical):
        return schema
    reader = _Reader(schema)
    try:
        top = reader.node(schema)
    except RecursionError as error:
        raise UnsupportedInputError("this JSON schema is nested too deep") from error
    seen = set()
    while isinstance(top.get("$ref"), str) and top["$ref"].startswith(DEFINITIONS) and top["$ref"] not in seen:
        seen.add(top["$ref"])
        top = reader.definitions[top["$ref"].removeprefix(DEFINITIONS)]
    definitions = _needed(top, reader.definitions)
    return Canonical({**top, "$defs": definitions} if definitions else top)


@lru_cache(maxsize=256)
def canonical_of(text: str) -> Canonical:
    """As `canonical`, of a schema's JSON: once for each schema."""
    return canonical(json.loads(text))


def _needed(top: Node, definitions: Mapping[str, Node]) -> dict[str, Node]:
    """The definitions that a node leads to."""
    needed: dict[str, Node] = {}
    waiting = [top]
    while waiting:
        for node in every_node(waiting.pop()):
            name = target(node)
            if name is not None and name in definitions and name not in needed:
                needed[name] = definitions[name]
                waiting.append(definitions[name])
    return {name: needed[name] for name in definitions if name in needed}


class _Reader:
    """One walk over a schema."""

    def __init__(self, root: Mapping[str, Any]) -> None:
        self._root = root
        self._names: dict[str, str] = {}
        self._inlined: list[str] = []
        self._read = 0
        self.definitions: dict[str, Node] = {}

    def node(self, schema: Any, _step: str = "") -> Node:
        self._read += 1
        if self._read > _MOST_NODES:
            msg = f"this JSON schema is too large: more than {_MOST_NODES:,} parts once its references are followed"
            raise UnsupportedInputError(msg)
        if not isinstance(schema, Mapping):
            return {"not": {}} if schema is False else {}
        if isinstance(schema.get("$ref"), str):
            return self._reference(schema)
        lone = next((key for key in ("allOf", "anyOf", "oneOf") if _is_lone(schema, key)), None)
        if lone is not None:
            return self.node({**schema[lone][0], **{key: value for key, value in schema.items() if key != lone}})
        kept = {key: value for key, value in schema.items() if key not in _DROPPED}
        if isinstance(kept.get("items"), list):  # a tuple, as drafts before 2020-12 write it
            kept["prefixItems"], kept["items"] = kept["items"], kept.pop("additionalItems", True)
        open_ = kept.get("additionalProperties")
        members = kept.pop("allOf") if isinstance(kept.get("allOf"), list) else None
        node = mapped(_with_numeric_bounds(kept), self.node)
        if members is not None:
            node["allOf"] = [self._member(member) for member in members]
        if isinstance(open_, bool):
            node["additionalProperties"] = open_
        return _typed(_with_required(_merged(node)))

    def _member(self, schema: Any) -> Node:
        """A part of an `allOf`: what it refers to is read in its place, so that it can be joined with the others."""
        is_reference = isinstance(schema, Mapping) and isinstance(schema.get("$ref"), str)
        return self._reference(schema, in_place=True) if is_reference else self.node(schema)

    def _reference(self, schema: Mapping[str, Any], *, in_place: bool = False) -> Node:
        reference = schema["$ref"]
        found = self._find(reference)
        if found is None:
            return dict(schema)  # into a part that only a resolver of addresses finds
        beside = {key: value for key, value in schema.items() if key != "$ref" and key not in _DROPPED}
        if (beside or in_place) and reference not in self._inlined:
            self._inlined.append(reference)
            try:
                return self.node(_both(found, beside))
            finally:
                self._inlined.pop()
        if reference not in self._names:
            self._names[reference] = name = self._name(reference)
            self.definitions[name] = {}
            inlined, self._inlined = self._inlined, []
            self.definitions[name] = self.node(found)
            self._inlined = inlined
        return {"$ref": DEFINITIONS + self._names[reference]}

    def _name(self, reference: str) -> str:
        last = _unescaped(reference.rpartition("/")[2]).strip("#")
        base = "".join(c if c.isalnum() or c in "_-." else "_" for c in last) or "Root"
        name, number = base, 2
        while name in self.definitions:
            name, number = f"{base}_{number}", number + 1
        return name

    def _find(self, reference: str) -> Any:
        """The part that a local reference leads to; None where there is none."""
        if not reference.startswith("#"):
            return None
        if reference[1:] and not reference.startswith("#/"):
            return _anchored(self._root, reference[1:])
        current: Any = self._root
        for step in filter(None, reference[1:].split("/")):
            key = _unescaped(step)
            if isinstance(current, list) and key.isdigit() and int(key) < len(current):
                current = current[int(key)]
            elif isinstance(current, Mapping) and key in current:
                current = current[key]
            else:
                return None
        return current


def _both(found: Any, beside: Node) -> Any:
    """What a reference leads to together with what is beside it: both hold, but that the nearer notes win."""
    if not isinstance(found, Mapping) or not beside:
        return beside or found
    if not (found.keys() & beside.keys()) - _NOTES:
        return {**found, **beside}
    notes = {key: value for key, value in {**found, **beside}.items() if key in _NOTES}
    rules = [{key: value for key, value in each.items() if key not in _NOTES} for each in (found, beside)]
    return {**notes, "allOf": rules}


def _with_numeric_bounds(node: Node) -> Node:
    """A node whose exclusive bounds are numbers; in draft 4, true beside `minimum` or `maximum` makes that one exclusive."""
    for exclusive, bound in (("exclusiveMinimum", "minimum"), ("exclusiveMaximum", "maximum")):
        if isinstance(node.get(exclusive), bool):
            is_exclusive = node[exclusive] and bound in node
            number = {exclusive: node[bound]} if is_exclusive else {}
            left_out = {exclusive, bound} if is_exclusive else {exclusive}
            node = {**{key: value for key, value in node.items() if key not in left_out}, **number}
    return node


def _is_lone(schema: Mapping[str, Any], key: str) -> bool:
    """Whether a choice has one member that says nothing of what the node says beside it."""
    members = schema.get(key)
    if not isinstance(members, list) or len(members) != 1 or not isinstance(members[0], Mapping):
        return False
    return not (schema.keys() & members[0].keys()) - _NOTES


def _unescaped(step: str) -> str:
    return unquote(step).replace("~1", "/").replace("~0", "~")


def _anchored(value: Any, anchor: str) -> Any:
    waiting = [value]
    while waiting:
        current = waiting.pop()
        if isinstance(current, Mapping):
            if current.get("$anchor") == anchor:
                return current
            waiting += current.values()
        elif isinstance(current, list):
            waiting += current
    return None


def _merged(node: Node) -> Node:
    """A node whose choices hold no choices, with its `allOf` merged into it where the members say different things."""
    for key in ("anyOf", "oneOf"):
        if isinstance(node.get(key), list):
            flat: list[Node] = []
            for option in node[key]:
                flat += [one for one in (option[key] if option.keys() == {key} else [option]) if one not in flat]
            node = {**node, key: flat}
    return _joined(node) if isinstance(node.get("allOf"), list) else node


def _joined(node: Node) -> Node:
    parts = [{key: value for key, value in node.items() if key != "allOf"}, *node["allOf"]]
    made: Node = {}
    for part in parts:
        for key, value in part.items():
            if key == "properties":
                known = made.get(key, {})
                made[key] = {**known, **{name: _one_of_both(known.get(name), sub) for name, sub in value.items()}}
            elif key == "required":
                made[key] = list(dict.fromkeys([*made.get(key, ()), *value]))
            elif key == "type" and [made.get(key), value] in (["integer", "number"], ["number", "integer"]):
                made[key] = "integer"
            elif key in _NARROWER and all(isinstance(each, int | float) for each in (made.get(key), value)):
                made[key] = _NARROWER[key](made[key], value)
            elif key in {"$ref", "additionalProperties"} or (made.get(key, value) != value and key not in _NOTES):
                return node
            else:
                made.setdefault(key, value)
    return made


def _one_of_both(first: Node | None, second: Node) -> Node:
    """A property that two parts of an `allOf` describe."""
    return second if first is None or first == second else _joined({"allOf": [first, second]})


def _with_required(node: Node) -> Node:
    """A node whose required names are all among its properties."""
    required = node.get("required")
    if not isinstance(required, list):
        return node
    properties = node.get("properties") or {}
    others = node.get("additionalProperties")
    unlisted = {name: others if isinstance(others, dict) else {} for name in required if name not in properties}
    return {**node, "properties": {**properties, **unlisted}} if unlisted else node


def _typed(node: Node) -> Node:
    """A node that says its one type, or has a choice of nodes that do."""
    values = node.get("enum", [node["const"]] if "const" in node else None)
    kinds = node.get("type", _kinds(node, values))
    kinds = [kinds] if isinstance(kinds, str) else list(kinds)
    if isinstance(values, list):
        kinds = [kind for kind in kinds if any(_is(value, kind) for value in values)] or kinds
    if kinds == ["array"] and not node.keys() & {"items", "prefixItems"}:
        node = {**node, "items": {}}
    if len(kinds) == 1:
        return _of_kind({**node, "type": kinds[0]})
    if not kinds or node.keys() & {"anyOf", "oneOf"}:
        return node
    inside = {key: value for key, value in node.items() if key not in _NOTES}
    choices = [_of_kind({**inside, "type": kind}) for kind in kinds]
    return {**{key: value for key, value in node.items() if key in _NOTES}, "anyOf": choices}


def _kinds(node: Node, values: Any) -> list[str]:
    """The types that a node means and does not say."""
    if isinstance(values, list):
        kinds = list(dict.fromkeys(map(kind_of, values)))
        return [kind for kind in kinds if kind != "integer"] if "number" in kinds else kinds
    if node.keys() & {*CHOICES, "$dynamicRef"}:
        return []
    meant = {KIND_OF[key] for key in node if key in KIND_OF}
    return list(meant) if len(meant) == 1 else []


def _is(value: Any, kind: str) -> bool:
    return kind_of(value) == kind or {kind_of(value), kind} == {"integer", "number"}


def _of_kind(node: Node) -> Node:
    """What a node says of its type."""
    kind = node["type"]
    about = "number" if kind == "integer" else kind
    values = {"enum", "const"} if kind == "null" else set()
    made = {key: value for key, value in node.items() if KIND_OF.get(key, about) == about and key not in values}
    if isinstance(made.get("enum"), list):
        made["enum"] = [value for value in made["enum"] if _is(value, kind)] or made["enum"]
    return made
