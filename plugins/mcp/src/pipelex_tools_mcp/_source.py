"""A server's tools as a source: what is to be started, and what a run gets of it."""

from __future__ import annotations

import re
import shlex
from collections.abc import Mapping
from contextlib import asynccontextmanager
from functools import partial
from typing import TYPE_CHECKING, Any

from pipelex_core.errors import PluginError, UnsupportedInputError
from pipelex_core.parts import Tool
from pipelex_core.tools import RunnableTool, ToolSource

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterable, Sequence
    from os import PathLike

    from pipelex_tools_mcp._connection import Connection

_LONGEST_NAME = 64
_NOT_IN_NAMES = re.compile(r"[^A-Za-z0-9_-]")


class MCPTools(ToolSource):
    """The tools of one MCP server; it is started, or connected to, when a run begins, and left when the run ends.

    Args:
        server: A command with its arguments, as a list or as a shell writes it; or an `http(s)` URL (Streamable HTTP).
        env: Environment variables of the command, beside the few that it has anyway (`HOME`, `PATH`, `SHELL`, `TERM` …): keys that it
            needs are named here.
        cwd: The working directory of the command.
        headers: Headers of every request to the URL, such as `Authorization`.
        prefix: Put before the name of each tool, where two servers have tools of one name.
        only: Names of the tools to offer, as the server has them; None for all.
        connect_timeout: Seconds that starting the server and listing its tools may take.

    Raises:
        UnsupportedInputError: The server is neither a command nor a URL, or something is given that does not belong to it.
    """

    def __init__(
        self,
        server: str | Sequence[str],
        *,
        env: Mapping[str, str] | None = None,
        cwd: str | PathLike[str] | None = None,
        headers: Mapping[str, str] | None = None,
        prefix: str = "",
        only: Iterable[str] | None = None,
        connect_timeout: float = 30.0,
    ) -> None:
        self._command, self._url = _command_or_url(server)
        if self._url and (env is not None or cwd is not None):
            msg = "env and cwd belong to a command, and this MCP server is a URL"
            raise UnsupportedInputError(msg)
        if self._command and headers is not None:
            msg = "headers belong to a URL, and this MCP server is a command"
            raise UnsupportedInputError(msg)
        self._env, self._cwd, self._headers = env, cwd, headers
        self._prefix = prefix
        self._only = None if only is None else tuple(only)
        self._connect_timeout = connect_timeout

    @property
    def name(self) -> str:
        """What messages call it: the command without its arguments, or the URL without credentials and query."""
        return self._command[0] if self._command else re.sub(r"//[^/@]*@", "//", self._url.partition("?")[0])

    @asynccontextmanager
    async def open(self) -> AsyncIterator[Sequence[RunnableTool]]:
        """The tools of the server, which is started for this run, or connected to.

        Raises:
            PluginError: It does not start, does not answer, or has a tool that cannot be offered.
        """
        from pipelex_tools_mcp._connection import Connection  # imports mcp, which takes most of a second

        connection = Connection(self.name, self._target(), self._headers)
        tools = await connection.open(self._connect_timeout)
        try:
            yield self._offered(tools, connection)
        finally:
            await connection.close()

    def _target(self) -> Any:
        if self._url:
            return self._url
        from mcp import StdioServerParameters

        command, *arguments = self._command
        env = None if self._env is None else dict(self._env)
        return StdioServerParameters(
            command=command, args=arguments, env=env, cwd=None if self._cwd is None else str(self._cwd)
        )

    def _offered(self, tools: Sequence[Any], connection: Connection) -> list[RunnableTool]:
        missing = [name for name in self._only or () if name not in {tool.name for tool in tools}]
        if missing:
            known = ", ".join(tool.name for tool in tools) or "none"
            msg = f"the MCP server '{self.name}' has no tool '{missing[0]}'; its tools are: {known}"
            raise PluginError(msg)
        made: dict[str, RunnableTool] = {}
        for tool in tools:
            if self._only is not None and tool.name not in self._only:
                continue
            name = _NOT_IN_NAMES.sub("_", self._prefix + tool.name)[:_LONGEST_NAME]
            if name in made:
                msg = f"two tools of the MCP server '{self.name}' are named '{name}', as providers take names"
                raise PluginError(msg)
            offered = Tool(name=name, description=tool.description or "", parameters=_parameters(tool.input_schema))
            made[name] = RunnableTool(tool=offered, call=partial(connection.call, tool.name))
        return list(made.values())

    def __repr__(self) -> str:
        return f"MCPTools({self.name!r})"  # without keys, which env, headers, a query and arguments may hold


def _command_or_url(server: object) -> tuple[list[str], str]:
    if isinstance(server, str) and re.match(r"https?://", server):
        return [], server
    try:
        command = shlex.split(server) if isinstance(server, str) else list(server)  # type: ignore[call-overload]
    except (TypeError, ValueError) as error:
        msg = f"an MCP server is a command or an http(s) URL: {error}"
        raise UnsupportedInputError(msg) from error
    if not command or not all(isinstance(word, str) and word for word in command[:1]):
        msg = "an MCP server is a command or an http(s) URL, and this one is empty"
        raise UnsupportedInputError(msg)
    return command, ""


def _parameters(schema: Any) -> Mapping[str, Any]:
    """The schema of the arguments, which is that of an object where a server leaves the type out."""
    return {"properties": {}, **(schema if isinstance(schema, Mapping) else {}), "type": "object"}
