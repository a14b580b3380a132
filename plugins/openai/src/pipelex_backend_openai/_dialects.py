"""What endpoints that speak OpenAI's API take of JSON Schema; core adapts schemas to it.

Each has a dialect for strict schemas, and one for the others and for the parameters of tools.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from attrs import evolve

from pipelex_core.dialects import BOUNDS, Dialect, SchemaLimits

if TYPE_CHECKING:
    from pipelex_backend_openai._traits import SchemaDialect, Traits

_LOOK_AROUND = re.compile(r"\(\?(?:[=!]|<[=!])")
_KEPT = frozenset(
    {
        *("title", "const", "format", "pattern", "minItems", "maxItems"),
        *("multipleOf", "minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum"),
    }
)
_OF_FINE_TUNED = frozenset({"pattern", "format", "minimum", "maximum", "multipleOf", "minItems", "maxItems"})

# https://developers.openai.com/api/docs/guides/structured-outputs (Supported schemas); constrained sampling has no
# look-around: https://github.com/pydantic/pydantic-ai/issues/5508
_OPENAI = Dialect(
    name="OpenAI's strict mode",
    keywords=_KEPT,
    described=BOUNDS - _KEPT,
    formats=frozenset({"date-time", "time", "date", "duration", "email", "hostname", "ipv4", "ipv6", "uuid"}),
    no_patterns=_LOOK_AROUND,
    enum_kinds=frozenset({"string", "number", "integer", "boolean"}),
    closes="all",
    requires_all=True,
    types_all=True,
    limits=SchemaLimits(properties=5_000, levels=10, enum_values=1_000, enum_length=(250, 15_000), characters=120_000),
)
_FINE_TUNED = evolve(_OPENAI, name="strict mode of a fine-tuned model", described=_OPENAI.described | _OF_FINE_TUNED)

STRICT: dict[SchemaDialect, Dialect] = {
    "openai": _OPENAI,
    # https://learn.microsoft.com/azure/ai-foundry/openai/how-to/structured-outputs: 100 properties, 5 levels
    "azure_openai": evolve(
        _OPENAI, name="Azure OpenAI's strict mode", limits=evolve(_OPENAI.limits, properties=100, levels=5)
    ),
    # https://console.groq.com/docs/structured-outputs
    "groq": evolve(_OPENAI, name="Groq's strict mode"),
    # https://docs.x.ai/docs/guides/structured-outputs: no lengths, of texts and lists alike
    "xai": evolve(_OPENAI, name="xAI's strict mode", described=_OPENAI.described | {"minItems", "maxItems"}),
    # https://api-docs.deepseek.com/guides/tool_calls (strict mode)
    "deepseek": evolve(
        _OPENAI,
        name="DeepSeek's strict mode",
        described=_OPENAI.described | {"minItems", "maxItems"},
        formats=frozenset({"email", "hostname", "ipv4", "ipv6", "uuid"}),
    ),
}
_TOOLS = Dialect(name="tools of OpenAI's API", plain_root=True, is_whole=True)
_LENGTHS = frozenset({"minLength", "maxLength", "minItems", "maxItems", "minContains", "maxContains"})
_LOOSE: dict[SchemaDialect, Dialect] = {
    # `required` wants `properties` beside it, as the canonical form has it: https://github.com/livekit/agents/issues/4610
    "groq": Dialect(name="Groq's tools", plain_root=True),
    "xai": Dialect(name="xAI's structured outputs", plain_root=True, described=_LENGTHS | {"allOf"}),
}


def for_objects(traits: Traits, model_id: str) -> tuple[Dialect, ...]:
    """The dialects for the schema of an object, best first; the last is for a schema that is not strict."""
    loose = for_tools(traits)
    if not traits.strict_schemas:
        return (loose,)
    fine_tuned = traits.schema_dialect == "openai" and model_id.startswith("ft:")
    return (_FINE_TUNED if fine_tuned else STRICT[traits.schema_dialect], loose)


def for_tools(traits: Traits) -> Dialect:
    """The dialect for the parameters of tools, which are never strict."""
    return _LOOSE.get(traits.schema_dialect, _TOOLS)
