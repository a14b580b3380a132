"""The tools of MCP servers for `client.run`: `MCPTools`, and the addresses `mcp:COMMAND` and `mcp:https://…`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pipelex_core.hookspecs import hookimpl

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from pipelex_core.tools import ToolSource
    from pipelex_tools_mcp._source import MCPTools

__all__ = ["MCPTools", "pipelex_tools"]


@hookimpl
def pipelex_tools() -> Mapping[str, Callable[[str], ToolSource]]:
    """The scheme `mcp`."""
    return {"mcp": _tools_at}


def _tools_at(address: str) -> ToolSource:
    from pipelex_tools_mcp._source import MCPTools

    return MCPTools(address)


def __getattr__(name: str) -> Any:
    """`MCPTools`, imported when it is first used: every program that reads the plugins imports this package."""
    if name != "MCPTools":
        msg = f"module {__name__!r} has no attribute {name!r}"
        raise AttributeError(msg)
    from pipelex_tools_mcp._source import MCPTools

    return MCPTools
