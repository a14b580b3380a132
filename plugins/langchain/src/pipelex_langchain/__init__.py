"""LangChain's interfaces on pipelex-core: `ChatPipelex`, a chat model, and `PipelexEmbeddings`."""

from __future__ import annotations

from pipelex_langchain.chat import ChatPipelex
from pipelex_langchain.embeddings import PipelexEmbeddings

__all__ = ["ChatPipelex", "PipelexEmbeddings"]
