"""One connection to an MCP server: a task of its own holds it, calls come from any other.

A client of `mcp` belongs to the task that opened it, and closing it elsewhere fails; over HTTP, a connection that is refused ends
it, and cancels what that task awaits. So the task that opens it does nothing but wait.
"""

from __future__ import annotations

import asyncio
import json
import logging
from contextlib import AsyncExitStack
from typing import TYPE_CHECKING, Any

from mcp import Client, MCPError
from mcp.client.streamable_http import streamable_http_client
from mcp.shared._httpx_utils import create_mcp_http_client

from pipelex_core.errors import PluginError, ToolFailedError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

_MOST_PAGES = 100
_PARTING = 5.0
"""Seconds that a server may take to stop before nobody waits for it any longer."""

_log = logging.getLogger("pipelex_tools_mcp")
_leaving: set[asyncio.Task[None]] = set()


class Connection:
    """A server that runs, or is connected to, until `close`."""

    def __init__(self, name: str, target: Any, headers: Mapping[str, str] | None) -> None:
        self._name = name
        self._target = target
        self._headers = headers
        self._client: Client | None = None
        self._holder: asyncio.Task[None] | None = None
        self._stop = asyncio.Event()
        self._fault: BaseException | None = None

    async def open(self, seconds: float) -> Sequence[Any]:
        """Connect, and list the tools.

        Raises:
            PluginError: It did not work, and why.
        """
        listed: asyncio.Future[Sequence[Any]] = asyncio.get_running_loop().create_future()
        self._holder = asyncio.create_task(self._hold(listed))
        either: list[asyncio.Future[Any]] = [listed, self._holder]
        try:
            await asyncio.wait(either, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
        except BaseException:
            self._leave()
            raise
        if listed.done() and not listed.cancelled():
            return listed.result()
        if not self._holder.done():
            self._leave()
            msg = f"the MCP server '{self._name}' did not answer within {seconds:g} s"
            raise PluginError(msg)
        msg = f"the MCP server '{self._name}' cannot be used: {_reason(self._fault)}"
        raise PluginError(msg)

    async def close(self) -> None:
        """Leave the server; one that does not stop is left to itself."""
        self._stop.set()
        if self._holder is not None:
            await asyncio.wait([self._holder], timeout=_PARTING)
            if not self._holder.done():
                self._leave()

    async def call(self, tool: str, arguments: Mapping[str, Any]) -> str:
        """Call a tool.

        Raises:
            ToolFailedError: It failed, or the server is gone; with what the model is to read.
        """
        client = self._client
        if client is None:
            msg = f"the MCP server '{self._name}' is gone: {_reason(self._fault)}"
            raise ToolFailedError(msg)
        try:
            result = await client.call_tool(tool, dict(arguments))
        except MCPError as error:
            word = "is gone" if self._is_gone(error) else "refused the call"
            msg = f"the MCP server '{self._name}' {word}: {error.error.message}"
            raise ToolFailedError(msg) from None
        except RuntimeError as error:  # what breaks the tool's own output schema
            raise ToolFailedError(str(error)) from None
        text = _text(result)
        if result.is_error:
            raise ToolFailedError(text or "the tool failed, and says nothing")
        return text

    def _is_gone(self, error: MCPError) -> bool:
        return self._client is None or self._holder is None or self._holder.done() or error.error.code == -32000

    async def _hold(self, listed: asyncio.Future[Sequence[Any]]) -> None:
        """Hold the connection until it is to stop, or stops by itself."""
        try:
            async with AsyncExitStack() as stack:
                target = self._target
                if isinstance(target, str):
                    http = await stack.enter_async_context(create_mcp_http_client(headers=dict(self._headers or {})))
                    target = streamable_http_client(target, http_client=http)
                client = await stack.enter_async_context(Client(target))
                tools = await _all_tools(client)
                self._client = client
                listed.set_result(tools)
                await self._stop.wait()
        except BaseException as error:
            self._fault = error
            _log.info("the connection to the MCP server %r has ended: %s", self._name, type(error).__name__)
            task = asyncio.current_task()
            if isinstance(error, asyncio.CancelledError) and task is not None and task.cancelling():
                raise
        finally:
            self._client = None

    def _leave(self) -> None:
        """Cancel the task that holds it, and let that end by itself."""
        if self._holder is not None and not self._holder.done():
            self._holder.cancel()
            _leaving.add(self._holder)
            self._holder.add_done_callback(_forget)


def _forget(task: asyncio.Task[None]) -> None:
    _leaving.discard(task)
    if not task.cancelled():
        task.exception()


async def _all_tools(client: Client) -> list[Any]:
    tools: list[Any] = []
    cursor: str | None = None
    for _ in range(_MOST_PAGES):
        page = await client.list_tools(cursor=cursor)
        tools += page.tools
        cursor = page.next_cursor
        if cursor is None:
            break
    return tools


def _text(result: Any) -> str:
    """The text of a result; what is not text is named, with its size.

    The SDK's server sends a list of texts as one block for each, without a mark of where one ends, and an empty list as no
    block at all: where there is not exactly one block of text, its structured content is the text.
    """
    shown = [_shown(block) for block in result.content]
    if (
        result.structured_content is not None
        and len(shown) != 1
        and all(block.type == "text" for block in result.content)
    ):
        return json.dumps(result.structured_content, ensure_ascii=False)
    return "\n".join(shown)


def _shown(block: Any) -> str:
    if block.type == "text":
        return str(block.text)
    if block.type in {"image", "audio"}:
        return f"[{block.mime_type}, {len(block.data) * 3 // 4} bytes, which are not shown]"
    if block.type == "resource_link":
        return f"[{block.name}: {block.uri}]"
    resource = block.resource
    text = getattr(resource, "text", None)
    return str(text) if text is not None else f"[{resource.uri}: {resource.mime_type or 'bytes'}, not shown]"


def _reason(error: BaseException | None) -> str:
    """Why it ended, out of the groups that the SDK puts errors in."""
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    if error is None or isinstance(error, asyncio.CancelledError):
        return "the connection was closed"
    if isinstance(error, FileNotFoundError):
        return f"there is no such command: {error.filename or error}"
    return f"{type(error).__name__}: {error}"
