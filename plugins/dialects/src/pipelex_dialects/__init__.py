"""Schemas in the dialects that providers take, and conversations in the forms that their wires take.

Core knows the declarations and what comes of them (`pipelex_core.dialects`, `pipelex_core.histories`); this is the work.
"""

from __future__ import annotations

from pipelex_dialects.adapting import first_adapted
from pipelex_dialects.canonical import canonical_of
from pipelex_dialects.fitting import fitted
from pipelex_dialects.nulls import without_nulls

__all__ = ["canonical_of", "first_adapted", "fitted", "without_nulls"]
