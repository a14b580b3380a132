"""A value for a JSON schema: the same one each time, and never one that the schema refuses.

A schema is taken apart into what has to hold together (`$ref`, `allOf`, and one way through each `anyOf`, `oneOf` and
`if`), candidates are made for that, and jsonschema says which of them is one. What recurses ends as soon as it may.
"""

from __future__ import annotations

from itertools import islice, product
from typing import TYPE_CHECKING, Any

from pipelex_backend_mock.scalars import numbers, strings
from pipelex_backend_mock.schema_parts import DEEPEST, TYPES, Document, TooDeepError, kinds_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from pipelex_backend_mock.schema_parts import Parts

_OPTIONAL_UNTIL = 2
"""How deep optional properties are filled in."""
_TRIES = 200
"""Candidates looked at for one place in a document."""


_STEPS = 10_000
"""Places looked at for a whole document; a schema whose alternatives all go on for ever would never end otherwise."""


class NoInstanceError(ValueError):
    """No value was found; the schema may allow none."""

    def __init__(self) -> None:
        super().__init__("the mock finds no value that this JSON schema allows; script the answer with `text`")


def instance(schema: Mapping[str, Any]) -> Any:
    """A value that the schema allows.

    Raises:
        NoInstanceError: None was found.
    """
    maker = _Maker(Document(dict(schema)))
    try:
        return maker.first([schema], 0)
    except (_NoneFoundError, TooDeepError):
        raise NoInstanceError from None


class _NoneFoundError(Exception):
    """A place in a document for which nothing was found."""


class _Maker:
    def __init__(self, document: Document) -> None:
        self._document = document
        self._steps = 0

    def first(self, schemas: Parts, depth: int) -> Any:
        """The first candidate that all of the schemas allow."""
        for candidate in islice(self._candidates(schemas, depth), _TRIES):
            if all(self._document.allows(schema, candidate) for schema in schemas):
                return candidate
        raise _NoneFoundError

    def _candidates(self, schemas: Parts, depth: int) -> Iterator[Any]:
        if depth > DEEPEST:
            raise TooDeepError
        self._steps += 1
        if self._steps > _STEPS:
            raise NoInstanceError
        too_deep = None
        for parts in self._document.ways(schemas, depth):
            listed = [
                part["enum"] if "enum" in part else [part["const"]] for part in parts if {"enum", "const"} & part.keys()
            ]
            if listed:
                yield from min(listed, key=len)
                continue
            for kind in kinds_of(parts):
                try:
                    yield from self._of_kind(kind, parts, depth)
                except TooDeepError as error:
                    too_deep = error
                except _NoneFoundError:
                    continue
        if too_deep is not None:
            raise too_deep

    def _of_kind(self, kind: str, parts: Parts, depth: int) -> Iterator[Any]:
        if kind == "object":
            yield from self._objects(parts, depth)
        elif kind == "array":
            yield from self._arrays(parts, depth)
        elif kind == "string":
            yield from strings(parts)
        elif kind in {"integer", "number"}:
            yield from numbers(parts, whole=kind == "integer")
        else:
            yield from {"boolean": (True, False), "null": (None,)}[kind]

    # Objects.

    def _objects(self, parts: Parts, depth: int) -> Iterator[dict[str, Any]]:
        required = list(dict.fromkeys(name for part in parts for name in part.get("required", ())))
        known = list(dict.fromkeys(name for part in parts for name in part.get("properties", {})))
        least = max((part.get("minProperties", 0) for part in parts), default=0)
        most = min((part["maxProperties"] for part in parts if "maxProperties" in part), default=None)
        made = {
            name: self.first(self._document.of_property(parts, name), depth + 1)
            for name in self._needed(required, parts)
        }
        bare = dict(made)
        for name in known:
            wanted = depth < _OPTIONAL_UNTIL or len(made) < least
            if name not in made and wanted and (most is None or len(made) < most):
                self._try(made, name, parts, depth)
        for name in self._new_names(parts):
            if len(made) >= least:
                break
            if name not in made:
                self._try(made, name, parts, depth)
        ordered = {name: made[name] for name in [*known, *made] if name in made}
        yield ordered
        if bare != made:
            yield bare
            yield from ({**bare, name: value} for name, value in made.items() if name not in bare)
            yield from ({n: v for n, v in made.items() if n != name} for name in made if name not in bare)

    def _needed(self, required: list[str], parts: Parts) -> list[str]:
        """What is required, and what that requires in turn."""
        needed = list(required)
        for name in needed:  # it grows meanwhile
            for part in parts:
                more = part.get("dependentRequired", {}).get(name, ())
                needed += [other for other in more if other not in needed]
        return needed

    def _try(self, made: dict[str, Any], name: str, parts: Parts, depth: int) -> None:
        """Fill in an optional property, where there is a value for it."""
        try:
            made[name] = self.first(self._document.of_property(parts, name), depth + 1)
        except (_NoneFoundError, TooDeepError):
            return

    def _new_names(self, parts: Parts) -> Iterator[str]:
        """Names for properties that no schema lists."""
        rules = [part["propertyNames"] for part in parts if "propertyNames" in part]
        patterns = [{"pattern": pattern} for part in parts for pattern in part.get("patternProperties", {})]
        for extra in (*([pattern] for pattern in patterns), []):
            yield from islice(strings([*(rule for rule in rules if isinstance(rule, dict)), *extra]), 20)
        for rule in rules:
            yield from rule.get("enum", ()) if isinstance(rule, dict) else ()
        yield from (f"property_{number}" for number in range(1, 50))

    # Arrays.

    def _arrays(self, parts: Parts, depth: int) -> Iterator[list[Any]]:
        least = max((part.get("minItems", 0) for part in parts), default=0)
        most = min((part["maxItems"] for part in parts if "maxItems" in part), default=None)
        contained = [part["contains"] for part in parts if "contains" in part]
        wanted = [
            schema for part in parts if "contains" in part for schema in [part["contains"]] * part.get("minContains", 1)
        ]
        long = max(least, len(wanted) if contained else 0, 1 if depth < _OPTIONAL_UNTIL else 0)
        for length in dict.fromkeys((long, least, len(wanted), 0)):
            if length >= least and (most is None or length <= most):
                try:
                    yield self._array(parts, length, wanted, depth)
                except _NoneFoundError:
                    continue
                except TooDeepError:
                    if length == least:
                        raise

    def _array(self, parts: Parts, length: int, wanted: Parts, depth: int) -> list[Any]:
        unique = any(part.get("uniqueItems") for part in parts)
        made: list[Any] = []
        free = length - len(wanted)
        for index in range(length):
            schemas = self._document.of_item(parts, index)
            if index >= free >= 0:
                schemas = [*schemas, wanted[index - free]]
            made.append(self._unlike(made, schemas, depth + 1) if unique else self.first(schemas, depth + 1))
        return made

    def _unlike(self, others: list[Any], schemas: Parts, depth: int) -> Any:
        """A value that is none of those before it."""
        for candidate in islice(self._varied(schemas, depth), _TRIES):
            fresh = all(not _same(candidate, other) for other in others)
            if fresh and all(self._document.allows(schema, candidate) for schema in schemas):
                return candidate
        raise _NoneFoundError

    def _varied(self, schemas: Parts, depth: int) -> Iterator[Any]:
        yield from self._candidates(schemas, depth)
        for parts in self._document.ways(schemas, depth):
            names = [name for part in parts for name in part.get("properties", {})]
            if names:  # objects that differ in one of their scalars each
                choices = [
                    list(islice(self._candidates(self._document.of_property(parts, name), depth + 1), 12))
                    for name in names
                ]
                yield from (dict(zip(names, values, strict=True)) for values in product(*choices))
            elif "array" in kinds_of(parts):
                least = max((part.get("minItems", 0) for part in parts), default=0)
                yield from (self._array(parts, least + more, [], depth) for more in range(1, 8))


def _same(one: Any, other: Any) -> bool:
    """Equality as JSON has it: 1 is 1.0, and True is neither."""
    return type(one) is type(other) and bool(one == other) if bool in {type(one), type(other)} else bool(one == other)


__all__ = ["TYPES", "NoInstanceError", "instance"]
