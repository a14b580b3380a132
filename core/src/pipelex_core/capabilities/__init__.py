"""What there is to call: one record a capability, and the registry that all other modules ask.

A capability that plugins bring is a record of the same class, returned from the hook `pipelex_capabilities`.
"""

from __future__ import annotations

from pipelex_core.capabilities.extract import EXTRACT
from pipelex_core.capabilities.images import IMAGES
from pipelex_core.capabilities.operations import EMBED, MODERATE, RERANK, SPEAK, TRANSCRIBE
from pipelex_core.capabilities.record import Capability, Kind, Operation
from pipelex_core.capabilities.registry import Capabilities
from pipelex_core.capabilities.text import TEXT

__all__ = ["BUILT_IN", "Capabilities", "Capability", "Kind", "Operation"]

BUILT_IN = Capabilities(
    {kind.name: kind for kind in (TEXT, EXTRACT, IMAGES, EMBED, TRANSCRIBE, SPEAK, RERANK, MODERATE)},
)
"""The capabilities of this distribution, and those that the configuration may name before they can be called."""
