"""What the Messages API takes of JSON Schema; core adapts schemas to it."""

from __future__ import annotations

from pipelex_core.dialects import BOUNDS, Dialect, SchemaLimits

STRUCTURED = Dialect(
    name="Claude's structured output",
    keywords=frozenset({"title", "const", "format", "minItems"}),
    described=BOUNDS - {"format", "minItems"},
    formats=frozenset({"date-time", "time", "date", "duration", "email", "hostname", "uri", "ipv4", "ipv6", "uuid"}),
    enum_kinds=frozenset({"string", "number", "integer", "boolean"}),
    most_min_items=1,
    closes="all",
    types_all=True,
    recursion="none",
    limits=SchemaLimits(optional=24, unions=16),
)
"""https://platform.claude.com/docs/en/build-with-claude/structured-outputs#json-schema-limitations"""

TOOL = Dialect(name="Claude's tools", plain_root=True, is_whole=True)
"""The `input_schema` of a tool: an object without a choice at the top."""
