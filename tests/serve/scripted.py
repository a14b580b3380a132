"""A provider whose model is a coding agent's dream: it has one command run, and says that it is done."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pipelex_testing.rulebook import Rulebook
from tests.servers.openai_server import OpenAIServer

if TYPE_CHECKING:
    from collections.abc import Mapping

COMMAND = "echo made-by-the-agent > made.txt"
DONE = "The file made.txt is there now."
WRITES = "write a file"
"""What a prompt says in which the command is to be run."""

_TOOLS: dict[str, dict[str, Any]] = {
    "Bash": {"command": COMMAND, "description": "Make the file"},
    "bash": {"command": COMMAND, "description": "Make the file"},
    "exec_command": {"cmd": COMMAND},
    "run_commands": {"commands": [COMMAND]},
    "run_shell_command": {"command": COMMAND, "description": "Make the file", "is_background": False},
}
"""The tool by which each agent runs a command, and how it is called."""


class AgentServer(OpenAIServer):
    """Calls the agent's own tool once for a prompt that wants a file; else it answers in text."""

    text = DONE

    def __init__(self) -> None:
        # OpenAI had a limit of 1,024 characters for a tool's description until 2025; every agent's tools have more:
        # https://github.com/run-llama/llama_index/pull/18784
        super().__init__(Rulebook(provider="openai", warnings=False))

    def _stated(self, body: dict[str, Any], format_: Mapping[str, Any] | None) -> tuple[str, Any]:
        messages = body["messages"]
        wants = any(WRITES in str(message["content"]) for message in messages if message["role"] == "user")
        has_run = any(message["role"] == "tool" for message in messages)
        offered = {tool["function"]["name"]: tool["function"] for tool in body.get("tools") or ()}
        name = next((name for name in _TOOLS if name in offered), None)
        if not wants or has_run or name is None:
            return super()._stated(body, format_)
        return "", {"function": {"name": name, "parameters": {"const": _TOOLS[name]}}}
