"""Conversations as a provider takes them: adapted once, from what each wire declares."""

from __future__ import annotations

from pipelex_core.histories.fitting import fit, turns
from pipelex_core.histories.form import HistoryForm

__all__ = ["HistoryForm", "fit", "turns"]
