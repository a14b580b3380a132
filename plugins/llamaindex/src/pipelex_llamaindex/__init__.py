"""LlamaIndex's interfaces on pipelex-core: `Pipelex`, an LLM, and `PipelexEmbedding`."""

from __future__ import annotations

from pipelex_llamaindex.embedding import PipelexEmbedding
from pipelex_llamaindex.llm import Pipelex

__all__ = ["Pipelex", "PipelexEmbedding"]
