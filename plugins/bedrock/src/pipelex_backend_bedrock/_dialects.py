"""What Converse takes of JSON Schema; core adapts schemas to it."""

from __future__ import annotations

from pipelex_core.dialects import BOUNDS, Dialect, SchemaLimits

STRUCTURED = Dialect(
    name="Bedrock's structured output",
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
"""As Claude's own: https://docs.aws.amazon.com/bedrock/latest/userguide/structured-output.html."""

TOOL = Dialect(name="Bedrock's tools", plain_root=True, is_whole=True)
"""The schema of a tool: an object without a choice at the top."""
