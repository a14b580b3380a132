"""The whole way of a handle: `explain` finds it, `facts` tells each value and its place, `remedies` what would help."""

from __future__ import annotations

from pipelex_core.explain.explanation import Explainer, Explanation, explain

__all__ = ["Explainer", "Explanation", "explain"]
