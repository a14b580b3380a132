"""A canonical schema in a provider's dialect: what a plugin gets; the work is done by a distribution of its own.

A dialect that takes all of JSON Schema needs no work.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from attrs import frozen

from pipelex_core.first_party import DIALECTS, brought

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pipelex_core.dialects.dialect import Dialect

GROUP = "pipelex_core.dialects"
"""The entry point of the module that adapts schemas and conversations."""

CHOICES = ("anyOf", "oneOf", "allOf", "not", "if", "then", "else")
"""Keywords whose schemas are chosen from, or looked at together."""

OF_PLAIN_ROOTS = frozenset({*CHOICES, "enum", "const"})
"""Keywords that a plain root does not have."""

_LACK = "the schema has to be adapted to the provider, and what does that is not installed"


class Canonical(dict[str, Any]):
    """A schema in the canonical form.

    Attributes:
        adapted: What was made of it, by dialects: adapting is done once.
    """

    __slots__ = ("adapted",)

    def __init__(self, schema: Mapping[str, Any]) -> None:
        super().__init__(schema)
        self.adapted: dict[Any, Any] = {}


@frozen(kw_only=True)
class Adapted:
    """A schema as it is sent.

    Attributes:
        schema: The schema, JSON data.
        dialect: The dialect that it is written in, of those that were offered.
        original: The canonical schema, where answers hold nulls for what that lets be left out; else None.
    """

    schema: Mapping[str, Any]
    dialect: Dialect
    original: Mapping[str, Any] | None = None

    def restore(self, text: str) -> str:
        """The answer in the original schema: without the nulls that only this dialect asked for."""
        if self.original is None or "null" not in text:
            return text
        restored: str = brought(GROUP, DIALECTS, _LACK).without_nulls(text, self.original)
        return restored


def adapt(schema: Mapping[str, Any], *dialects: Dialect) -> Adapted:
    """Write a schema in the first of some dialects that can express it; done once for a schema.

    Args:
        schema: A canonical schema, or any JSON schema.
        dialects: At least one, best first.

    Raises:
        UnsupportedInputError: None of them can express it; the message names the field, and says why.
    """
    if is_whole(schema, dialects[0]):
        return Adapted(schema=schema, dialect=dialects[0])
    work = brought(GROUP, DIALECTS, _LACK)
    source = schema if isinstance(schema, Canonical) else work.canonical_of(json.dumps(schema, default=dict))
    found: Adapted | None = source.adapted.get(dialects)
    if found is None:
        found = source.adapted[dialects] = work.first_adapted(source, dialects)
    return found


def is_whole(schema: Mapping[str, Any], dialect: Dialect) -> bool:
    """Whether a schema is sent as it was written."""
    return dialect.is_whole and not (dialect.plain_root and schema.keys() & OF_PLAIN_ROOTS)
