"""Surroundings of a fragment that are read from a wire's shape: what is required beside it, and the tag of what holds it."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from pipelex_rules.shapes import Shape

_TEXTS = (
    "a",
    "abc123XYZ",
    "s3://bucket/a.png",
    "text/plain",
    "2026-01-01",
    "/a",
    "24h",
    "a" * 32,
    "arn:aws:iam::123456789012:role/batches",
)
"""Texts of which one fits most patterns."""
_BESIDE: dict[str, dict[str, Any]] = {
    "mcp": {"server_url": "https://x.test/mcp"},
    "input_image": {"image_url": "https://x.test/a.png"},
    "input_file": {"file_id": "file-1"},
    "image_url": {"image_url": {"url": "https://x.test/a.png"}},
    "file": {"file": {"file_id": "file-1"}},
}
"""What has one of several fields, none of which its shape requires; by tag."""
_DEPTH = 20
MOST = 40
"""How many surroundings are proposed; a place within several unions has many."""


def enclose(shape: Shape | None, path: Sequence[str | int], fragment: Any) -> Iterator[Any]:
    """Propose values of a shape with a fragment at a place, and beside it only what is required.

    What the shape does not know is made of plain objects and lists.
    """
    for number, value in enumerate(_enclose(shape, path, fragment)):
        if number == MOST:
            return
        yield value


def _enclose(shape: Shape | None, path: Sequence[str | int], fragment: Any) -> Iterator[Any]:
    if not path:
        yield fragment
        return
    step, rest = path[0], path[1:]
    if shape is not None and shape.kind == "either":
        fitting = [option for option in shape.options if _leads(option, path)]
        for option in fitting:
            yield from _enclose(option, path, fragment)
        if not fitting:
            yield from _enclose(None, path, fragment)
    elif isinstance(step, int):
        yield from ([item] for item in _enclose(shape.item if shape else None, rest, fragment))
    elif shape is not None and shape.kind == "tagged":
        yield from _in_tagged(shape, path, fragment)
    else:
        known = shape.fields.get(step) if shape else None
        beside = _required(shape, step) if shape else {}
        for value in _enclose(known or (shape.item if shape else None), rest, fragment):
            yield {**beside, step: value}


def _in_tagged(shape: Shape, path: Sequence[str | int], fragment: Any) -> Iterator[Any]:
    is_tag = path[0] == shape.tag
    leading = {tag: inner for tag, inner in shape.shapes.items() if is_tag or _leads(inner, path)}
    for tag, inner in (leading or shape.shapes).items():
        for value in _enclose(inner, path, fragment):
            named = {} if is_tag else {shape.tag: tag}
            yield {**value, **named}
            if tag in _BESIDE:
                yield {**_BESIDE[tag], **value, **named}


def _leads(shape: Shape, path: Sequence[str | int]) -> bool:
    """Tell whether a place is within a shape."""
    if not path:
        return True
    step, rest = path[0], path[1:]
    if shape.kind == "either":
        return any(_leads(option, path) for option in shape.options)
    if shape.kind == "tagged":
        return step == shape.tag or any(_leads(inner, path) for inner in shape.shapes.values())
    if isinstance(step, int):
        return shape.kind == "list" and (shape.item is None or _leads(shape.item, rest))
    if shape.kind == "object" and step in shape.fields:
        return _leads(shape.fields[step], rest)
    return shape.kind in {"map", "any"} or (shape.kind == "object" and not shape.fields)


def _required(shape: Shape, but: str) -> dict[str, Any]:
    return {name: plainest(shape.fields[name]) for name in sorted(shape.required - {but}) if name in shape.fields}


def plainest(shape: Shape, depth: int = 0) -> Any:
    """Make a value that has a shape, the smallest one that is easily found."""
    make = _PLAIN.get(shape.kind)
    return {} if make is None or depth > _DEPTH else make(shape, depth + 1)


def _text(shape: Shape, depth: int) -> str:  # noqa: ARG001 -- as all of them
    least = int(shape.low or 0)
    fitting = (text for text in _TEXTS if shape.pattern is None or re.fullmatch(shape.pattern, text))
    found = next(fitting, "a")
    return found if len(found) >= least else "a" * least


def _number(shape: Shape, depth: int) -> float:  # noqa: ARG001 -- as all of them
    return max(shape.low or 0, min(1, 1 if shape.high is None else shape.high))


def _list(shape: Shape, depth: int) -> list[Any]:
    return [plainest(shape.item, depth) if shape.item else "a"] * max(1, int(shape.low or 0))


def _tagged(shape: Shape, depth: int) -> dict[str, Any]:
    tag, inner = next(iter(shape.shapes.items()))
    return {**(plainest(inner, depth) if inner.kind == "object" else {}), **_BESIDE.get(tag, {}), shape.tag: tag}


def _object(shape: Shape, depth: int) -> dict[str, Any]:
    needed = sorted(shape.required) or list(shape.fields)[: shape.members is not None]
    return {name: plainest(shape.fields[name], depth) for name in needed if name in shape.fields}


_PLAIN: dict[str, Callable[[Shape, int], Any]] = {
    "text": _text,
    "data": lambda _shape, _depth: "AAAA",
    "choice": lambda shape, _depth: shape.values[0],
    "integer": _number,
    "number": _number,
    "boolean": lambda _shape, _depth: True,
    "list": _list,
    "tagged": _tagged,
    "either": lambda shape, depth: plainest(shape.options[0], depth),
    "object": _object,
}
