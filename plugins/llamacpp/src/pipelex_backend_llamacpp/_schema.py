"""JSON schemas as llama.cpp's grammars take them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

_MAPS = ("properties", "patternProperties", "$defs", "definitions", "dependentSchemas")
_LISTS = ("anyOf", "oneOf", "prefixItems")
_SINGLE = ("items", "additionalProperties", "contains", "not", "if", "then", "else", "propertyNames")
_OPENS = ("patternProperties", "allOf", "anyOf", "oneOf", "$ref", "if", "unevaluatedProperties")

_BEYOND_REGEX = re.compile(r"\(\?(?:[=!]|<[=!])|\\[1-9k]")
"""Look-around and back references, which the grammar's regular expressions do not have."""

_STYLE = {
    "whitespace_flexible": False,  # a small model may fill its context with blanks
    "item_separator": ", ",
    "key_separator": ": ",
    "coerce_one_of": True,
    "lenient": True,
}
"""LLGuidance's options: https://github.com/guidance-ai/llguidance/blob/main/docs/json_schema.md"""


def grammar_schema(schema: Mapping[str, Any]) -> dict[str, Any]:
    """A schema for the grammar: objects closed where they say nothing, and without what no grammar can express.

    What is left out (keywords and patterns beyond a grammar) is checked when the answer is validated.
    """
    return {**_closed(schema), "x-guidance": _STYLE}


def _closed(schema: Any) -> Any:
    if not isinstance(schema, Mapping):
        return schema
    made = {key: _within(key, value) for key, value in schema.items()}
    if isinstance(made.get("pattern"), str) and _BEYOND_REGEX.search(made["pattern"]):
        del made["pattern"]
    if made.get("properties") and not any(key in made for key in _OPENS):
        made.setdefault("additionalProperties", False)
    return made


def _within(key: str, value: Any) -> Any:
    """What a keyword holds; the parts of `allOf` stay open, because together they say what is allowed."""
    if key in _MAPS and isinstance(value, Mapping):
        return {name: _closed(part) for name, part in value.items()}
    if key in _LISTS and isinstance(value, list):
        return [_closed(part) for part in value]
    return _closed(value) if key in _SINGLE else value
