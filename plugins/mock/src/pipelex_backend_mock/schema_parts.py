"""JSON schemas taken apart: what has to hold together at one place of a document."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, TypeAlias

from jsonschema import Draft202012Validator, FormatChecker
from referencing import Registry
from referencing.exceptions import Unresolvable
from referencing.jsonschema import DRAFT202012

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

Parts: TypeAlias = "Sequence[Any]"
"""Schemas that must all allow a value."""

TYPES = ("object", "array", "string", "integer", "number", "boolean", "null")
DEEPEST = 24
_SIMPLE_FROM = 3
"""The depth from which alternatives that end are looked at before those that go on."""
_FORMATS = FormatChecker()

_HINTS: tuple[tuple[str, frozenset[str]], ...] = (
    ("object", frozenset({"properties", "required", "minProperties", "maxProperties", "additionalProperties", "patternProperties", "propertyNames", "dependentRequired"})),
    ("array", frozenset({"items", "prefixItems", "minItems", "maxItems", "contains", "uniqueItems"})),
    ("string", frozenset({"minLength", "maxLength", "pattern", "format"})),
    ("number", frozenset({"minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf"})),
)  # fmt: skip


class TooDeepError(Exception):
    """A schema that goes on for ever, this way."""


class Document:
    """A whole schema, which others inside it refer to."""

    def __init__(self, root: Mapping[str, Any]) -> None:
        self._root = root
        self._resolver = Registry().resolver_with_root(DRAFT202012.create_resource(root))
        self._validator = Draft202012Validator(root, format_checker=_FORMATS)

    def allows(self, schema: Any, value: Any) -> bool:
        """Whether a schema of this document allows a value."""
        valid: bool = self._validator.evolve(schema=schema).is_valid(value)
        return valid

    def ways(self, schemas: Parts, depth: int) -> Iterator[list[Mapping[str, Any]]]:
        """Every way to choose among the alternatives, each as schemas without `$ref`, `allOf` and alternatives."""
        yield from self._ways(list(schemas), [], depth, frozenset())

    def _ways(
        self, todo: list[Any], done: list[Mapping[str, Any]], depth: int, seen: frozenset[str]
    ) -> Iterator[list[Mapping[str, Any]]]:
        if not todo:
            yield done
            return
        schema, rest = todo[0], todo[1:]
        if schema is False:
            return
        if schema is True or not isinstance(schema, dict):
            yield from self._ways(rest, done, depth, seen)
            return
        refs = [schema[name] for name in ("$ref", "$dynamicRef") if name in schema]
        if seen.intersection(refs):
            return  # a schema that is itself: no way ends here
        inner = [*map(self._resolved, refs), *schema.get("allOf", ())]
        for chosen in self._chosen(schema, depth):
            yield from self._ways([*inner, *chosen, *rest], [*done, schema], depth, seen.union(refs))

    def _chosen(self, schema: Mapping[str, Any], depth: int) -> Iterator[list[Any]]:
        options: list[list[Any]] = [[]]
        for keyword in ("anyOf", "oneOf"):
            if keyword in schema:
                branches = list(schema[keyword])
                if depth >= _SIMPLE_FROM:
                    branches.sort(key=self._weight)
                options = [[*before, branch] for before in options for branch in branches]
        if "if" in schema:
            then, otherwise = schema.get("then", True), schema.get("else", True)
            options = [[*before, *way] for before in options for way in ([schema["if"], then], [otherwise])]
        for name, extra in schema.get("dependentSchemas", {}).items():
            if name in schema.get("required", ()):
                options = [[*before, extra] for before in options]
        yield from options

    def _weight(self, schema: Any) -> int:
        """How far a schema may go on: scalars first, then what refers to something."""
        if not isinstance(schema, dict):
            return 0
        if "$ref" in schema:
            target = self._resolved(schema["$ref"])
            own = {name: item for name, item in target.items() if name != "$ref"} if isinstance(target, dict) else True
            return 2 + self._weight(own)
        if {"const", "enum"} & schema.keys() or kinds_of([schema])[0] not in {"object", "array"}:
            return 0
        return 1 + len(schema.get("required", ()))

    def _resolved(self, ref: str) -> Any:
        try:
            return self._resolver.lookup(ref).contents
        except Unresolvable:
            return False

    @staticmethod
    def of_property(parts: Parts, name: str) -> list[Any]:
        """What must hold for a property."""
        found: list[Any] = []
        for part in parts:
            own = [part["properties"][name]] if name in part.get("properties", {}) else []
            own += [schema for pattern, schema in part.get("patternProperties", {}).items() if re.search(pattern, name)]
            if not own and "additionalProperties" in part:
                own = [part["additionalProperties"]]
            found += own
        return found

    @staticmethod
    def of_item(parts: Parts, index: int) -> list[Any]:
        """What must hold for an item."""
        found = []
        for part in parts:
            first = part.get("prefixItems", ())
            if index < len(first):
                found.append(first[index])
            elif "items" in part:
                found.append(part["items"])
        return found


def kinds_of(parts: Parts) -> list[str]:
    """The types a value may have, the one that the schemas are about first."""
    kinds = list(TYPES)
    for part in parts:
        named = part.get("type")
        if named is not None:
            allowed = {named} if isinstance(named, str) else set(named)
            if "number" in allowed:
                allowed.add("integer")
            kinds = [kind for kind in kinds if kind in allowed]
    if all("type" not in part for part in parts):
        hinted = [kind for kind, words in _HINTS if any(words & part.keys() for part in parts)]
        kinds = [*hinted, *(["string"] if not hinted else []), *kinds]
    elif "number" in kinds and "integer" in kinds:
        kinds.remove("integer")
        kinds.append("integer")
    return list(dict.fromkeys(kinds)) or ["null"]
