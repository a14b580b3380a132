"""Goes through the sub-schemas of a JSON schema; shared by all dialects."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from attrs import frozen

from pipelex_rules.rule import Rule
from pipelex_rules.values import record, sequence, strings

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from pipelex_rules.rule import Findings, Request
    from pipelex_rules.sources import Source

    Places = Callable[[Request], Iterator[tuple[str, Any]]]
    """The schemas of a request that a dialect holds for, with their places."""

_MAPS = ("properties", "$defs", "definitions", "patternProperties", "dependentSchemas")
_LISTS = ("anyOf", "oneOf", "allOf", "prefixItems")
_SINGLE = (
    "items",
    "additionalProperties",
    "not",
    "if",
    "then",
    "else",
    "contains",
    "propertyNames",
    "unevaluatedProperties",
    "unevaluatedItems",
)
MOST = 100_000
"""Sub-schemas that are looked at; no provider takes as many."""
LOOK_AROUND = re.compile(r"(?<!\\)(?:\\\\)*\(\?(?:=|!|<=|<!)")
BACK_REFERENCE = re.compile(r"(?<!\\)(?:\\\\)*\\(?:[1-9]|k<)|\(\?P=")
WORD_BOUNDARY = re.compile(r"(?<!\\)(?:\\\\)*\\[bB]")


@frozen
class Node:
    """A sub-schema.

    Attributes:
        place: Where it is in the request.
        schema: The sub-schema; True and False are an empty object.
        via: The keyword that holds it; empty for the root.
    """

    place: str
    schema: Mapping[str, Any]
    via: str

    @property
    def types(self) -> tuple[str, ...]:
        """Its types."""
        return tuple(strings(self.schema.get("type")))

    @property
    def is_object(self) -> bool:
        """Whether it describes an object."""
        return "object" in self.types or ("type" not in self.schema and "properties" in self.schema)

    @property
    def enum(self) -> list[Any] | None:
        """The values of its enum; None without one."""
        values = self.schema.get("enum")
        return values if isinstance(values, list) else None


def walk(schema: Any, place: str) -> Iterator[Node]:
    """Go through a schema and everything in it, each once, references not followed."""
    stack: list[tuple[str, Any, str]] = [(place, schema, "")]
    seen = 0
    while stack and seen < MOST:
        at, current, via = stack.pop()
        seen += 1
        if not isinstance(current, dict):
            if isinstance(current, bool) and via not in {
                "additionalProperties",
                "unevaluatedProperties",
                "unevaluatedItems",
            }:
                yield Node(at, {}, via)
            continue
        yield Node(at, current, via)
        for key in _MAPS:
            stack += [(f"{at}.{key}.{name}", item, key) for name, item in record(current.get(key)).items()]
        for key in (*_LISTS, "items"):
            stack += [(f"{at}.{key}[{index}]", item, key) for index, item in enumerate(sequence(current.get(key)))]
        stack += [(f"{at}.{key}", current[key], key) for key in _SINGLE if isinstance(current.get(key), dict | bool)]


def resolve(root: Any, reference: Any) -> Any:
    """Follow a local reference, such as `#/$defs/A`; None where it leads nowhere."""
    if reference == "#":
        return root
    if not isinstance(reference, str) or not reference.startswith("#/"):
        return None
    current = root
    for part in reference[2:].split("/"):
        current = record(current).get(part.replace("~1", "/").replace("~0", "~"))
    return current


def is_local(reference: Any) -> bool:
    """Tell whether a reference stays in its schema."""
    return isinstance(reference, str) and reference.startswith("#")


def references(schema: Any, *, skip: Callable[[Mapping[str, Any], str], bool] | None = None) -> set[str]:
    """Collect the definitions that a schema refers to, without following them; `skip` leaves properties out."""
    found: set[str] = set()
    stack = [schema]
    while stack:
        current = stack.pop()
        if isinstance(current, list):
            stack += current
        elif isinstance(current, dict):
            if isinstance(current.get("$ref"), str):
                found.add(current["$ref"])
            for key, item in current.items():
                if key == "properties" and skip is not None:
                    stack += [sub for name, sub in record(item).items() if not skip(current, name)]
                elif key not in {"$defs", "definitions", "enum", "const", "default", "examples"}:
                    stack.append(item)
    return found


def is_cyclic(root: Any, *, skip: Callable[[Mapping[str, Any], str], bool] | None = None) -> bool:
    """Tell whether references lead back to where they came from."""
    targets: dict[str, set[str]] = {}
    waiting = list(references(root, skip=skip))
    while waiting:
        reference = waiting.pop()
        if reference not in targets:
            targets[reference] = references(resolve(root, reference), skip=skip)
            waiting += targets[reference]
    done: set[str] = set()
    while True:
        free = {name for name, further in targets.items() if name not in done and further <= done}
        if not free:
            return len(done) < len(targets)
        done |= free


def object_levels(root: Any) -> int:
    """Count how deep objects are nested, references followed but no cycle twice."""
    deepest, stack = 0, [(root, 0, frozenset[str]())]
    seen = 0
    while stack and seen < MOST:
        current, level, inside = stack.pop()
        seen += 1
        if isinstance(current, list):
            stack += [(item, level, inside) for item in current]
            continue
        if not isinstance(current, dict):
            continue
        reference = current.get("$ref")
        if isinstance(reference, str) and reference not in inside:
            stack.append((resolve(root, reference), level, inside | {reference}))
        if Node("", current, "").is_object:
            level += 1
            deepest = max(deepest, level)
        stack += [(item, level, inside) for item in record(current.get("properties")).values()]
        stack += [(current.get(key), level, inside) for key in ("items", *_LISTS, "additionalProperties")]
    return deepest


def node_rule(
    name: str, words: str, source: Source, places: Places, find: Callable[[Node], str | None], **more: Any
) -> Rule:
    """Make a rule of what each sub-schema must be; `find` tells what is wrong with one."""

    def look(request: Request) -> Findings:
        for place, schema in places(request):
            for node in walk(schema, place):
                wrong = find(node)
                if wrong is not None:
                    yield node.place, wrong

    severity = "refuse" if source.certainty == "documented" else "warn"
    return Rule(name=name, words=words, source=source, find=look, **{"severity": severity, **more})


def schema_rule(
    name: str, words: str, source: Source, places: Places, find: Callable[[Any], str | None], **more: Any
) -> Rule:
    """Make a rule of what a whole schema must be; `find` tells what is wrong with one."""

    def look(request: Request) -> Findings:
        for place, schema in places(request):
            wrong = find(schema)
            if wrong is not None:
                yield place, wrong

    severity = "refuse" if source.certainty == "documented" else "warn"
    return Rule(name=name, words=words, source=source, find=look, **{"severity": severity, **more})


def has_any(keywords: str, phrase: str = "'{}' is not supported") -> Callable[[Node], str | None]:
    """Make a check that none of some keywords, separated by spaces, is in a sub-schema."""
    refused = keywords.split()

    def find(node: Node) -> str | None:
        for keyword in refused:
            if keyword in node.schema:
                return phrase.format(keyword)
        return None

    return find
