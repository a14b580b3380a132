"""What Mistral's structured output takes of JSON Schema; core adapts schemas to it."""

from __future__ import annotations

from pipelex_core.dialects import WHOLE, Dialect

STRICT = Dialect(name="Mistral's strict mode", closes="all")
"""Objects are closed: https://docs.mistral.ai/capabilities/structured_output/custom. A map is asked for without `strict`."""

LOOSE = WHOLE
