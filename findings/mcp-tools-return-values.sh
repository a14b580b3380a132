#!/usr/bin/env bash
# What a client reads of a Python function's return value, served by the two MCP servers for Python.
#
# Versions: mcp 2.3.0 (its MCPServer), fastmcp 4.2.3 (which runs on it).
# Expected: the same function with the same annotations gives the same text and the same structured content.
# Seen: of eleven return values, three are the same. A list of texts is one block for each text in mcp, without a mark of where one
#   ends, and one JSON array in fastmcp; an empty list is no content at all in both, and only the structured content has it. A Decimal or
#   a date is JSON with its quotes and no structured content in mcp, and bare text with structured content in fastmcp. An unannotated
#   dict is structured in fastmcp alone. bytes that are not UTF-8 are a failed tool in mcp and base64 in fastmcp. A NaN from a
#   function that returns float becomes null on the wire in mcp, so that its own client raises on the schema that the server
#   published; fastmcp answers with an error that names the value.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet --disable-pip-version-check 'mcp==2.3.0' 'fastmcp==4.2.3'
"$work/venv/bin/python" -W ignore - <<'PY'
import asyncio
import datetime
import decimal
import logging
from typing import Any

import fastmcp
import mcp
from mcp.server import MCPServer

logging.disable(logging.CRITICAL)


def number() -> int:
    return 5


def texts() -> list[str]:
    return ["a", "b"]


def empty() -> list[str]:
    return []


def table() -> dict[str, Any]:
    return {"a": 1}


def bare_table():
    return {"a": 1}


def by_number() -> dict[int, str]:
    return {1: "a"}


def money() -> decimal.Decimal:
    return decimal.Decimal("1.10")


def day() -> datetime.date:
    return datetime.date(2026, 12, 1)


def raw() -> bytes:
    return b"\x00\xff"


def nan() -> float:
    return float("nan")


def either() -> str | int:
    return 3


def shown(result: Any) -> tuple[Any, ...]:
    return ([block.text for block in result.content], result.structured_content, *(["failed"] if result.is_error else []))


async def called(call: Any) -> tuple[Any, ...]:
    try:
        return shown(await call)
    except RuntimeError as error:
        return ("client raises", str(error).splitlines()[0])


EXPECTED = {
    number: [(["5"], {"result": 5})],
    texts: [(["a", "b"], {"result": ["a", "b"]}), (['["a","b"]'], {"result": ["a", "b"]})],
    empty: [([], {"result": []})],
    table: [(['{\n  "a": 1\n}'], {"a": 1}), (['{"a":1}'], {"a": 1})],
    bare_table: [(['{\n  "a": 1\n}'], None), (['{"a":1}'], {"a": 1})],
    by_number: [(['{\n  "1": "a"\n}'], {"result": {"1": "a"}}), (['{"1":"a"}'], {"1": "a"})],
    money: [(['"1.10"'], None), (["1.10"], {"result": "1.10"})],
    day: [(['"2026-12-01"'], None), (["2026-12-01"], {"result": "2026-12-01"})],
    raw: [(["Error executing tool raw"], None, "failed"), (["AP8="], None)],
    nan: [
        ("client raises", "Invalid structured content returned by tool nan: None is not of type 'number'"),
        (["Tool result contains a non-finite float (nan) at $; JSON cannot represent NaN or Infinity"], None, "failed"),
    ],
    either: [(["3"], {"result": 3})],
}


async def main() -> None:
    official, fast = MCPServer("official"), fastmcp.FastMCP("fast")
    for function in EXPECTED:
        official.add_tool(function)
        fast.tool(function)
    async with mcp.Client(official) as one, fastmcp.Client(fast) as two:
        await one.list_tools()
        for function, expected in EXPECTED.items():
            name = function.__name__
            seen = [await called(one.call_tool(name, {})), await called(two.call_tool_mcp(name, {}))]
            print(f"{name}: mcp {seen[0]}; fastmcp {seen[1]}")
            assert seen == [expected[0], expected[-1]], (name, expected)


asyncio.run(main())
PY
