"""The tools of MCP servers for `client.run`: `MCPTools`, and the addresses `mcp:COMMAND` and `mcp:https://…`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pipelex_core.hookspecs import hookimpl
from pipelex_tools_mcp._source import MCPTools

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from pipelex_core.tools import ToolSource

__all__ = ["MCPTools", "pipelex_tools"]


@hookimpl
def pipelex_tools() -> Mapping[str, Callable[[str], ToolSource]]:
    """The scheme `mcp`."""
    return {"mcp": MCPTools}
