"""A small language for the shape of a request: types, required fields, enumerations, ranges, lengths and patterns.

    BODY = obj(
        required="model messages",
        model=text(),
        messages=listing(MESSAGE, at_least=1),
        temperature=number(0, 2),
        origin=SPECIFICATION,
    )

`faults.find_faults` compares a value with a shape. Optional fields may be null, required ones may not.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

from attrs import evolve, field, frozen

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pipelex_rules.sources import Source

Kind = Literal[
    "any", "object", "map", "list", "text", "data", "integer", "number", "boolean", "choice", "tagged", "either"
]


@frozen(kw_only=True)
class Shape:
    """What a value must look like.

    Attributes:
        kind: Its type; `choice` is one of `values`, `tagged` an object whose field `tag` tells which of `shapes` it
            has, `either` one of several shapes of different types.
        fields: An object's known fields.
        required: Those that must be present.
        closed: Whether other fields are refused.
        members: How many of the fields may be set at once (a union has exactly one); None for any number.
        item: What a list or a map holds.
        low: The smallest number, length or count.
        high: The largest number, length or count.
        pattern: What a text matches as a whole.
        values: What a choice may be.
        ignores_case: Whether a choice may be written in any case.
        tag: The field that tells the shapes of a tagged object apart.
        shapes: The shapes by tag.
        tags_closed: Whether other tags are refused.
        default_tag: The tag of objects without one; None where it is required.
        options: The shapes of an `either`, tried in this order.
        source: Where all this was read; a shape without one has its parent's.
        since: The day (ISO) from which the provider refuses what does not fit.
    """

    kind: Kind
    fields: Mapping[str, Shape] = field(factory=dict)
    required: frozenset[str] = frozenset()
    closed: bool = False
    members: tuple[int, int] | None = None
    item: Shape | None = None
    low: float | None = None
    high: float | None = None
    pattern: str | None = None
    values: tuple[Any, ...] = ()
    ignores_case: bool = False
    tag: str = "type"
    shapes: Mapping[str, Shape] = field(factory=dict)
    tags_closed: bool = True
    default_tag: str | None = None
    options: tuple[Shape, ...] = ()
    source: Source | None = None
    since: str | None = None

    def but(self, **changes: Any) -> Shape:
        """Copy the shape with other attributes."""
        return evolve(self, **changes)

    def having(self, *, required: str = "", drop: str = "", closed: bool | None = None, **fields: Shape) -> Shape:
        """Copy an object's shape with more fields, other ones, or fewer."""
        kept = {name: shape for name, shape in self.fields.items() if name not in drop.split()}
        return evolve(
            self,
            fields={**kept, **fields},
            required=(self.required - set(drop.split())) | set(required.split()),
            closed=self.closed if closed is None else closed,
        )


ANY = Shape(kind="any")
BOOLEAN = Shape(kind="boolean")
TEXT = Shape(kind="text")
INTEGER = Shape(kind="integer")
NUMBER = Shape(kind="number")
OBJECT = Shape(kind="object")


def obj(
    required: str = "",
    *,
    closed: bool = False,
    origin: Source | None = None,
    fields: Mapping[str, Shape] | None = None,
    **more: Shape,
) -> Shape:
    """Describe an object: its fields, and the names of the required ones, separated by spaces."""
    known = {**(fields or {}), **more}
    return Shape(kind="object", fields=known, required=frozenset(required.split()), closed=closed, source=origin)


def union(*, origin: Source | None = None, at_least: int = 1, **fields: Shape) -> Shape:
    """Describe an object with exactly one of its fields."""
    return Shape(kind="object", fields=fields, closed=True, members=(at_least, 1), source=origin)


def mapping(
    item: Shape = ANY,
    *,
    at_least: int | None = None,
    at_most: int | None = None,
    keys: str | None = None,
    source: Source | None = None,
) -> Shape:
    """Describe an object with any keys; `keys` is the pattern of a whole key."""
    return Shape(kind="map", item=item, low=at_least, high=at_most, pattern=keys, source=source)


def listing(
    item: Shape = ANY, *, at_least: int | None = None, at_most: int | None = None, source: Source | None = None
) -> Shape:
    """Describe a list by what it holds and how many."""
    return Shape(kind="list", item=item, low=at_least, high=at_most, source=source)


def text(
    at_least: int | None = None,
    at_most: int | None = None,
    *,
    pattern: str | None = None,
    source: Source | None = None,
    since: str | None = None,
) -> Shape:
    """Describe a text by its length in characters and the pattern of the whole."""
    return Shape(kind="text", low=at_least, high=at_most, pattern=pattern, source=source, since=since)


def data(at_least: int | None = None, at_most: int | None = None, *, source: Source | None = None) -> Shape:
    """Describe binary data, as base64 in JSON; bounds are bytes."""
    return Shape(kind="data", low=at_least, high=at_most, source=source)


def integer(low: float | None = None, high: float | None = None, *, source: Source | None = None) -> Shape:
    """Describe an integer by its range."""
    return Shape(kind="integer", low=low, high=high, source=source)


def number(low: float | None = None, high: float | None = None, *, source: Source | None = None) -> Shape:
    """Describe a number by its range."""
    return Shape(kind="number", low=low, high=high, source=source)


def choice(values: str, *, source: Source | None = None, ignores_case: bool = False) -> Shape:
    """Describe a text that is one of some words, separated by spaces."""
    return Shape(kind="choice", values=tuple(values.split()), source=source, ignores_case=ignores_case)


def tagged(
    tag: str = "type",
    *,
    shapes: Mapping[str, Shape],
    open: bool = False,
    default: str | None = None,
    source: Source | None = None,
) -> Shape:
    """Describe an object whose field `tag` tells its shape; with `open`, unknown tags are taken."""
    return Shape(kind="tagged", tag=tag, shapes=shapes, tags_closed=not open, default_tag=default, source=source)


def either(*options: Shape, source: Source | None = None) -> Shape:
    """Describe a value that has one of several types."""
    return Shape(kind="either", options=options, source=source)
