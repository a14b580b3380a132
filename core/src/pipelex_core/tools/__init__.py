"""Tools that run: Python functions, and what plugins bring, such as the tools of an MCP server."""

from __future__ import annotations

from pipelex_core.errors import ToolFailedError
from pipelex_core.tools.runnable import RunnableTool, ToolSource

__all__ = ["RunnableTool", "ToolFailedError", "ToolSource"]
