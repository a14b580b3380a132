"""What the further capabilities do with a call: embeddings, reranking, transcription, speech, moderation.

Each is a module with the functions of a `pipelex_core.capabilities.Capability`: `read`, `build`, `expect`, `sample`, and for some
`gather`, `fetch`, `mock`; `ANSWER` and `RESULT` are the classes of its answer and result.
"""

from __future__ import annotations

from importlib import import_module
from typing import Any

__all__ = ["work"]


def work(capability: str) -> Any:
    """Import what a capability of core does with a call."""
    return import_module(f"{__name__}.{capability}")
