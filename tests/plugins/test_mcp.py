"""The tools of MCP servers in a run: real servers over stdio and HTTP, that fail, hang, die, or never answer."""

from __future__ import annotations

import asyncio
import os
import socket
import subprocess
import sys
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

import pipelex_tools_mcp
from pipelex_core import AsyncClient, PluginError, UnsupportedInputError
from pipelex_core.plugins import discover
from pipelex_core.results import TextAnswer
from pipelex_tools_mcp import MCPTools
from tests.runs.test_run import asks
from tests.support.scripted import Script, ScriptedBackend, deck_of, plugin, spec

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pipelex_core.results import RunResult

SERVER = str(Path(__file__).parents[1] / "servers" / "mcp_server.py")
STDIO = [sys.executable, SERVER]


def ran(tools: Any, *answers: Any, **options: Any) -> tuple[RunResult, list[Any]]:
    """A run of a scripted model, and what it read of its tools."""
    script = Script(answers=list(answers))
    made = plugin({"scripted": lambda config: ScriptedBackend(config, script)})
    plugins = discover(entry_points=(), extra=[made, pipelex_tools_mcp])

    async def main() -> RunResult:
        async with AsyncClient(deck_of(spec("smart")), plugins) as client:
            return await client.run("x", tools=tools, model="smart", **options)

    result = asyncio.run(main())
    read = [part for message in result.messages if message.role == "tool" for part in message.parts]
    return result, read


@contextmanager
def http_server() -> Iterator[tuple[str, subprocess.Popen[bytes]]]:
    """A server over HTTP: its URL, and its process."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    process = subprocess.Popen([*STDIO, str(port)], stderr=subprocess.DEVNULL)
    try:
        ends = time.monotonic() + 60
        while time.monotonic() < ends:
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", port)) == 0:
                    break
            time.sleep(0.05)
        yield f"http://127.0.0.1:{port}/mcp", process
    finally:
        process.kill()
        process.wait()


def test_a_servers_tools_run_over_stdio() -> None:
    """What a tool gives, also at the same time as others; its failures; names that providers would refuse."""
    calls = asks(
        ("add", {"a": 1, "b": 2}),
        ("acme_shout_loud", {"words": "hello"}),
        ("fail", {}),
        ("picture", {}),
        ("add", {"a": "one"}),
        ("nothing", {}),
    )
    result, read = ran([MCPTools(STDIO)], calls, "done")
    assert result.text == "done"
    assert [(part.content, part.is_error) for part in read[:2]] == [("3", False), ("HELLO", False)]
    assert read[2].is_error
    assert "fail" in read[2].content
    assert (read[3].content, read[3].is_error) == ("[image/png, 12 bytes, which are not shown]", False)
    assert [part.is_error for part in read[4:]] == [True, True]
    assert "there is no tool named 'nothing'" in read[5].content


def test_a_list_of_texts_has_a_mark_where_one_ends() -> None:
    """The SDK's server sends a block for each, and none for an empty list: the structured content is read instead."""
    _, read = ran(
        [MCPTools(STDIO)], asks(("lines", {"count": 2}), ("lines", {"count": 0}), ("lines", {"count": 1})), "done"
    )
    assert [part.content for part in read] == ['{"result": ["0\\nend", "1\\nend"]}', '{"result": []}', "0\nend"]


def test_a_server_has_the_variables_that_it_is_given(monkeypatch: pytest.MonkeyPatch) -> None:
    """And not those of this process: keys are named."""
    monkeypatch.setenv("SECRET_OF_MINE", "canary")
    calls = asks(("variable", {"name": "GIVEN"}), ("variable", {"name": "SECRET_OF_MINE"}))
    _, read = ran([MCPTools(STDIO, env={"GIVEN": "yes"})], calls, "done")
    assert [part.content for part in read] == ["yes", "there is none"]


def test_a_server_over_http_and_an_address() -> None:
    """`mcp:URL` is `MCPTools(URL)`; two servers have tools of one name by a prefix, and `only` chooses."""
    with http_server() as (url, _):
        calls = asks(("add", {"a": 1, "b": 2}), ("two_add", {"a": 3, "b": 4}))
        only = MCPTools(url, prefix="two_", only=["add"], headers={"Authorization": "Bearer canary"})
        _, read = ran([f"mcp:{url}", only], calls, "done")
    assert [part.content for part in read] == ["3", "7"]


@pytest.mark.parametrize("transport", ["stdio", "http"])
def test_a_server_that_dies_is_told_to_the_model(transport: str) -> None:
    """At the call that it dies in, and at every further one; the run goes on."""
    turns = [asks(("die", {})), asks(("add", {"a": 1, "b": 2})), "sorry"]
    if transport == "stdio":
        result, read = ran([MCPTools(STDIO)], *turns)
    else:
        with http_server() as (url, _):
            result, read = ran([MCPTools(url)], *turns)
    assert result.text == "sorry"
    assert all(part.is_error for part in read)
    assert all("the MCP server '" in part.content for part in read)
    assert "is gone" in read[1].content


def test_a_tool_that_hangs_is_given_up_and_the_server_serves_on() -> None:
    """`tool_timeout`, and no server is left behind."""
    result, read = ran(
        [MCPTools(STDIO)], asks(("slow", {})), asks(("variable", {"name": "HOME"})), "done", tool_timeout=2.0
    )
    assert read[0].content == "tool 'slow' did not end within 2 s"
    assert result.text == "done"


@pytest.mark.parametrize(
    "server, words",
    [
        (["no-such-command-of-ours"], "cannot be used: there is no such command: no-such-command-of-ours"),
        ([*STDIO, "--broken"], "cannot be used: "),
        ([*STDIO, "--silent"], "did not answer within 2 s"),
        ("http://127.0.0.1:9/mcp", "the MCP server 'http://127.0.0.1:9/mcp' cannot be used: "),
    ],
)
def test_a_server_that_cannot_be_used_ends_the_run_before_a_model_is_asked(server: Any, words: str) -> None:
    """The error names the server, and says why."""
    started = time.monotonic()
    with pytest.raises(PluginError) as caught:
        ran(
            [MCPTools(server, connect_timeout=2.0 if "--silent" in server else 60.0)],
            TextAnswer(text="never", finish_reason="stop"),
        )
    assert words in str(caught.value)
    assert time.monotonic() - started < 60


def test_a_run_that_is_cancelled_leaves_no_server_behind() -> None:
    """Its process ends."""

    async def main() -> None:
        script = Script(answers=[asks(("slow", {}))])
        made = plugin({"scripted": lambda config: ScriptedBackend(config, script)})
        plugins = discover(entry_points=(), extra=[made])
        async with AsyncClient(deck_of(spec("smart")), plugins) as client:
            running = asyncio.create_task(client.run("x", tools=[MCPTools(STDIO)], model="smart", tool_timeout=None))
            for _ in range(600):
                await asyncio.sleep(0.1)
                if script.requests:
                    break
            assert children()
            running.cancel()
            with pytest.raises(asyncio.CancelledError):
                await running
            for _ in range(300):
                if not children():
                    return
                await asyncio.sleep(0.1)
            raise AssertionError("the server still runs")

    asyncio.run(main())


def children() -> list[str]:
    """The servers that this process has started and that run."""
    import psutil

    own = psutil.Process(os.getpid()).children(recursive=True)
    return [
        str(child.pid)
        for child in own
        if child.status() != psutil.STATUS_ZOMBIE and SERVER in " ".join(child.cmdline())
    ]


@pytest.mark.parametrize(
    "make, words",
    [
        (lambda: MCPTools(""), "this one is empty"),
        (lambda: MCPTools([]), "this one is empty"),
        (lambda: MCPTools("uvx 'mcp"), "an MCP server is a command or an http(s) URL"),
        (lambda: MCPTools(3), "an MCP server is a command or an http(s) URL"),  # type: ignore[arg-type]
        (lambda: MCPTools("http://x/mcp", env={"A": "b"}), "env and cwd belong to a command"),
        (lambda: MCPTools("uvx x", headers={"A": "b"}), "headers belong to a URL"),
    ],
)
def test_what_is_no_server_is_refused(make: Any, words: str) -> None:
    """When it is written, not when a run begins."""
    with pytest.raises(UnsupportedInputError) as caught:
        make()
    assert words in str(caught.value)


def test_a_tool_that_the_server_does_not_have_is_named() -> None:
    """`only` is checked when the run begins."""
    with pytest.raises(PluginError, match="has no tool 'subtract'; its tools are: add"):
        ran([MCPTools(STDIO, only=["subtract"])], "never")


def test_no_key_is_in_a_repr_or_a_name() -> None:
    """Arguments, variables, headers, credentials and the query of a URL are not shown."""
    for made in (
        MCPTools("server --token canary", env={"KEY": "canary"}),
        MCPTools("https://user:canary@example.org/mcp?key=canary", headers={"Authorization": "canary"}),
    ):
        assert "canary" not in repr(made) + made.name


def test_the_plugins_module_does_not_import_the_sdk() -> None:
    """It takes most of a second: it comes with the first run that needs it."""
    program = "import sys, pipelex_tools_mcp; print('mcp' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout == "False\n"
