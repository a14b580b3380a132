"""The deck: every handle, and what it means."""

from __future__ import annotations

from pipelex_core.deck.model_deck import Alias, ChainMember, ModelDeck, Preset, Resolution

__all__ = ["Alias", "ChainMember", "ModelDeck", "Preset", "Resolution"]
