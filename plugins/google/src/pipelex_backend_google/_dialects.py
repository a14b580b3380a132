"""What `responseJsonSchema` and `parametersJsonSchema` take of JSON Schema; core adapts schemas to it."""

from __future__ import annotations

from pipelex_core.dialects import BOUNDS, Dialect

_KEPT = frozenset({"title", "format", "prefixItems", "minItems", "maxItems", "minimum", "maximum", "oneOf"})
_APPLICATORS = frozenset(
    {
        *("allOf", "not", "if", "then", "else", "patternProperties", "dependentSchemas"),
        *("unevaluatedItems", "unevaluatedProperties"),
    }
)

GEMINI = Dialect(
    name="Gemini",
    keywords=_KEPT,
    described=(BOUNDS | _APPLICATORS) - _KEPT,
    enum_kinds=frozenset({"string", "number", "integer"}),
    recursion="optional",
)
"""https://ai.google.dev/api/generate-content#GenerationConfig, responseJsonSchema: it never closes an object by itself, so
that whatever is only described can be answered."""
