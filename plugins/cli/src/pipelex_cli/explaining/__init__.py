"""How a handle resolves, step by step: `explanation` puts it together, `facts` has each value and its place, `remedies` what would help."""

from __future__ import annotations

from pipelex_cli.explaining.explanation import Explainer, explain

__all__ = ["Explainer", "explain"]
