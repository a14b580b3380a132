"""JSON schemas as providers take them: one canonical form, and an adapter that follows a declared dialect.

A plugin declares what its provider takes as a `Dialect`, best first, and sends what `adapt` returns:

    sent = adapt(request.schema, STRICT, WHOLE)
    body["schema"], body["strict"] = sent.schema, sent.dialect is STRICT
    answer = sent.restore(text)
"""

from __future__ import annotations

from pipelex_core.dialects.adapted import Adapted, Canonical, adapt
from pipelex_core.dialects.dialect import BOUNDS, WHOLE, Dialect, SchemaLimits

__all__ = ["BOUNDS", "WHOLE", "Adapted", "Canonical", "Dialect", "SchemaLimits", "adapt"]
