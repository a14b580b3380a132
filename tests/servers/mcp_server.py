"""An MCP server of our own, with the official SDK: run as a program, over stdio, or over HTTP on a port of loopback.

`python mcp_server.py` speaks over stdio; `python mcp_server.py PORT` over HTTP, at `/mcp`; `--silent` never answers; `--broken` ends at once.
"""

from __future__ import annotations

import os
import sys
import time

from mcp.server.mcpserver import Image, MCPServer

server = MCPServer("acme")


@server.tool()
def add(a: int, b: int) -> int:
    """Add two numbers."""
    return a + b


@server.tool(name="acme.shout/loud")
def shout(words: str) -> str:
    """Say it loudly."""
    return words.upper()


@server.tool()
def variable(name: str) -> str:
    """A variable of the environment."""
    return os.environ.get(name, "there is none")


@server.tool()
def fail() -> str:
    """Always fails."""
    msg = "no such city"
    raise ValueError(msg)


@server.tool()
def picture() -> Image:
    """A picture."""
    return Image(data=b"\x89PNG" * 3, format="png")


@server.tool()
def lines(count: int) -> list[str]:
    """Texts, each of two lines."""
    return [f"{number}\nend" for number in range(count)]


@server.tool()
def slow() -> str:
    """Takes its time."""
    time.sleep(60)
    return "at last"


@server.tool()
def die() -> str:
    """Ends the server."""
    os._exit(3)


if __name__ == "__main__":
    arguments = sys.argv[1:]
    if arguments == ["--silent"]:
        sys.stdin.read()
    elif arguments == ["--broken"]:
        sys.exit(4)
    elif arguments:
        server.run("streamable-http", host="127.0.0.1", port=int(arguments[0]))
    else:
        server.run()
