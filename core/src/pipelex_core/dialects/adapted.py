"""A canonical schema in a provider's dialect: what a plugin gets; the work is done by a distribution of its own.

A dialect that takes all of JSON Schema needs no work.
"""

from __future__ import annotations

import json
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from attrs import frozen

from pipelex_core.dialects.canonical import Canonical, canonical
from pipelex_core.dialects.nodes import CHOICES
from pipelex_core.first_party import DIALECTS, brought

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pipelex_core.dialects.dialect import Dialect

GROUP = "pipelex_core.dialects"
"""The entry point of the module that adapts schemas and conversations."""

OF_PLAIN_ROOTS = frozenset({*CHOICES, "enum", "const"})
"""Keywords that a plain root does not have."""

_LACK = "the schema has to be adapted to the provider, and what does that is not installed"


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
    source = schema if isinstance(schema, Canonical) else _of_text(json.dumps(schema, default=dict))
    found: Adapted | None = source.adapted.get(dialects)
    if found is None:
        found = source.adapted[dialects] = brought(GROUP, DIALECTS, _LACK).first_adapted(source, dialects)
    return found


def is_whole(schema: Mapping[str, Any], dialect: Dialect) -> bool:
    """Whether a schema is sent as it was written."""
    return dialect.is_whole and not (dialect.plain_root and schema.keys() & OF_PLAIN_ROOTS)


@lru_cache(maxsize=256)
def _of_text(text: str) -> Canonical:
    return canonical(json.loads(text))
