"""The tools of a run, of everything that a caller may write: functions, sources, and the addresses that plugins know."""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING, Any

from pipelex_core.errors import PipelexError, PluginError, UnsupportedInputError
from pipelex_core.first_party import TOOLS
from pipelex_core.parts import Tool
from pipelex_core.prompts.checks import check_tool
from pipelex_core.tools import RunnableTool, ToolSource
from pipelex_runs.functions import function_tool

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from contextlib import AbstractAsyncContextManager, AsyncExitStack

    from pipelex_core.plugins import Plugins

_PARTING = 10.0
"""Seconds that a source may take to close."""

_log = logging.getLogger("pipelex_core.execution")


async def open_tools(tools: Iterable[Any], plugins: Plugins, opened: AsyncExitStack) -> Mapping[str, RunnableTool]:
    """Open the sources among the tools, all at the same time, and name every tool.

    Args:
        tools: Functions, `RunnableTool`s, `ToolSource`s, and addresses such as `mcp:…`.
        plugins: Those that know the addresses.
        opened: Closes the sources.

    Raises:
        UnsupportedInputError: One of them cannot be run, or two tools have the same name.
        PipelexError: A source does not open.
    """
    if isinstance(tools, (str, bytes)) or not hasattr(tools, "__iter__"):
        raise UnsupportedInputError("tools is a list: write tools=[…]")
    read = [_read(tool, plugins) for tool in tools]
    opening = [asyncio.ensure_future(_open(source, opened)) for source in read if isinstance(source, ToolSource)]
    try:
        listed = iter(await asyncio.gather(*opening))
    finally:
        for task in opening:
            task.cancel()
        if opening:
            await asyncio.wait(opening)
    named: dict[str, RunnableTool] = {}
    for each in read:
        for tool in next(listed) if isinstance(each, ToolSource) else (each,):
            if tool.tool.name in named:
                raise UnsupportedInputError(f"two tools are named '{tool.tool.name}'")
            named[tool.tool.name] = tool
    return named


def _read(tool: Any, plugins: Plugins) -> RunnableTool | ToolSource:
    if isinstance(tool, ToolSource):
        return tool
    if isinstance(tool, RunnableTool):
        check_tool(tool.tool)
        return tool
    if isinstance(tool, str):
        return _of_plugin(tool, plugins)
    if isinstance(tool, Tool) or hasattr(tool, "keys"):
        raise UnsupportedInputError(
            "this tool has nothing that runs it: give `run` the function, or a RunnableTool with both; `generate_text` "
            "takes tools that your program runs itself"
        )
    return function_tool(tool)


def _of_plugin(address: str, plugins: Plugins) -> ToolSource:
    scheme, colon, rest = address.partition(":")
    makers = plugins.offered("pipelex_tools")
    if not colon or scheme not in makers:
        known = ", ".join(f"{name}:…" for name in sorted(makers)) or "none"
        hint = f"run: pip install {TOOLS[scheme]}" if scheme in TOOLS else f"the addresses that one knows are: {known}"
        raise UnsupportedInputError(f"no plugin knows the tools '{address:.80}'; {hint}")
    make, record = makers[scheme]
    made = make(rest)
    if not isinstance(made, ToolSource):
        msg = f"plugin {record.label} made {type(made).__name__} for the scheme '{scheme}' where a ToolSource was due"
        raise PluginError(msg)
    return made


async def _open(source: ToolSource, opened: AsyncExitStack) -> Sequence[RunnableTool]:
    try:
        context = source.open()
        tools = await context.__aenter__()
    except PipelexError:
        raise
    except Exception as error:
        msg = f"the source of tools {type(source).__name__} did not open: {type(error).__name__}: {error}"
        raise PluginError(msg) from error
    opened.push_async_callback(_close, source, context)
    for tool in tools:
        check_tool(tool.tool)
    return tools


async def _close(source: ToolSource, context: AbstractAsyncContextManager[Any]) -> None:
    """Close a source; what goes wrong is logged, because the answer of the run is there, and paid."""
    closing = asyncio.ensure_future(context.__aexit__(None, None, None))
    done, _ = await asyncio.wait([closing], timeout=_PARTING)
    fault = closing.exception() if done and not closing.cancelled() else None
    if not done or fault is not None:
        why = type(fault).__name__ if fault else f"not within {_PARTING:g} s"
        _log.warning("the source of tools %s did not close: %s", type(source).__name__, why)
