"""What a provider takes of JSON Schema, as data."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from attrs import field, frozen

if TYPE_CHECKING:
    import re

BOUNDS = frozenset(
    {
        *("minLength", "maxLength", "pattern", "format", "contentEncoding", "contentMediaType"),
        *("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf"),
        *("minItems", "maxItems", "uniqueItems", "contains", "minContains", "maxContains"),
        *("minProperties", "maxProperties", "propertyNames", "dependentRequired"),
        "default",
    }
)
"""Keywords that only narrow what other keywords allow: without them every valid answer is still possible."""


@frozen(kw_only=True)
class SchemaLimits:
    """The largest schema that a provider takes; None means no limit.

    Attributes:
        properties: Properties of all objects together.
        levels: Objects inside one another, the outermost included, references followed.
        enum_values: Values of all enums together.
        enum_length: Values and characters: an enum of more values has at most so many characters.
        characters: Characters of the names of properties and definitions and of enum and const values together.
        optional: Properties that are not required.
        unions: Nodes with a choice of several types.
    """

    properties: int | None = None
    levels: int | None = None
    enum_values: int | None = None
    enum_length: tuple[int, int] | None = None
    characters: int | None = None
    optional: int | None = None
    unions: int | None = None


@frozen(kw_only=True, eq=False)
class Dialect:
    """What a provider takes of JSON Schema.

    The structure (`type`, `properties`, `required`, `items`, `anyOf`, `enum`, `$ref`, `$defs`, `description`,
    `additionalProperties`) belongs to every dialect. `$ref` never has siblings in what is sent.

    Attributes:
        name: For messages, such as `OpenAI's strict mode`.
        keywords: The further keywords that are sent; None for all of JSON Schema. A `oneOf` that is not among them
            becomes `anyOf`, a `const` an enum of one value.
        described: Keywords that go into the description instead; they win over `keywords`. Whatever is neither kept nor described
            cannot be expressed.
        formats: The formats that are sent; others are described. None for all.
        no_patterns: Finds what a pattern must not hold; such patterns are described.
        enum_kinds: The types whose values an enum may hold; other enums are described.
        most_min_items: The largest `minItems` that is sent; a larger one is described.
        closes: Which objects get `additionalProperties: false`: none; `listed`, those that list their properties and
            allow no others in so many words; `all`, and a map cannot be expressed.
        requires_all: Whether every property is required: one that may be left out may be null instead.
        types_all: Whether every node says its type: a node that allows anything cannot be expressed.
        recursion: Whether a type may hold itself: always, only through properties that may be left out (those are
            made optional), or never.
        plain_root: Whether the outermost object has no choices: `anyOf`, `oneOf`, `allOf`, `not` and the like are described.
        is_whole: Whether schemas are sent as they were written, and not in the canonical form, unless the root is to be
            plain and is not.
        limits: The largest schema.
    """

    name: str
    keywords: frozenset[str] | None = None
    described: frozenset[str] = frozenset()
    formats: frozenset[str] | None = None
    no_patterns: re.Pattern[str] | None = None
    enum_kinds: frozenset[str] = frozenset({"string", "number", "integer", "boolean", "object", "array"})
    most_min_items: int | None = None
    closes: Literal["none", "listed", "all"] = "none"
    requires_all: bool = False
    types_all: bool = False
    recursion: Literal["any", "optional", "none"] = "any"
    plain_root: bool = False
    is_whole: bool = False
    limits: SchemaLimits = field(factory=SchemaLimits)


WHOLE = Dialect(name="JSON Schema", is_whole=True)
"""All of JSON Schema."""
