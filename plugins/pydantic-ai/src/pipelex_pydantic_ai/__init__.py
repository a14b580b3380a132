"""pydantic-ai's interface on pipelex-core: `PipelexModel`, a model whose name is a handle."""

from __future__ import annotations

from pipelex_pydantic_ai.model import PipelexModel

__all__ = ["PipelexModel"]
