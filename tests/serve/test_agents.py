"""Coding agents against one gateway, each as its package has it: the second table of the plugin's page is made of these.

An agent is started in an empty folder and has its model write a file: its request, with all of its tools, goes through the
gateway, its command runs, and the next turn says what came of it. They are installed when the tests run, and so behind the
slow marker. What they send is in the recorded requests of `test_recorded_clients.py`, which every run plays.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
from typing import TYPE_CHECKING

import pytest
from attrs import field, frozen

from tests.packaging.environments import ROOT
from tests.serve.scripted import DONE, WRITES, AgentServer
from tests.servers.base import in_thread
from tests.support.serving import Served, serving

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

PROMPT = f"Please {WRITES} made.txt"


@frozen(kw_only=True)
class Agent:
    """An agent.

    Attributes:
        package: Its package of npm.
        speaks: The surface that it uses.
        command: What runs it on a prompt, after its program; `@URL@` and `@HOME@` are filled in.
        before: Arguments of a run that sets it up first.
        files: What it finds at home: path -> content.
        environ: What it finds in its environment.
    """

    package: str
    speaks: str
    command: tuple[str, ...]
    before: tuple[str, ...] = ()
    files: Mapping[str, str] = field(factory=dict)
    environ: Mapping[str, str] = field(factory=dict)


_OPENCODE = {
    "provider": {
        "gateway": {
            "npm": "@ai-sdk/openai-compatible",
            "name": "gateway",
            "options": {"baseURL": "@URL@/v1", "apiKey": "x"},
            "models": {"gpt": {"name": "gpt"}},
        }
    },
    "model": "gateway/gpt",
    "small_model": "gateway/gpt",
    "autoupdate": False,
    "share": "disabled",
    "permission": {"bash": "allow"},
}


def _pi(api: str, base: str) -> str:
    gateway = {"baseUrl": base, "api": api, "apiKey": "x", "models": [{"id": "gpt", "reasoning": True}]}
    return json.dumps({"providers": {"gateway": gateway}})


_PI = {
    "chat": _pi("openai-completions", "@URL@/v1"),
    "responses": _pi("openai-responses", "@URL@/v1"),
    "messages": _pi("anthropic-messages", "@URL@"),
}
AGENTS = {
    "Claude Code": Agent(
        package="@anthropic-ai/claude-code",
        speaks="messages",
        command=("claude", "-p", PROMPT, "--allowedTools", "Bash"),
        environ={
            "ANTHROPIC_BASE_URL": "@URL@",
            "ANTHROPIC_AUTH_TOKEN": "x",
            "ANTHROPIC_MODEL": "gpt",
            "ANTHROPIC_SMALL_FAST_MODEL": "gpt",
            "CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC": "1",
        },
    ),
    "Codex": Agent(
        package="@openai/codex",
        speaks="responses",
        command=("codex", "exec", "--skip-git-repo-check", "--dangerously-bypass-approvals-and-sandbox", PROMPT),
        files={
            ".codex/config.toml": 'model = "gpt"\nmodel_provider = "gateway"\n[model_providers.gateway]\nname = "gateway"\n'
            'base_url = "@URL@/v1"\nwire_api = "responses"\nenv_key = "GATEWAY_KEY"\n'
        },
        environ={"GATEWAY_KEY": "x"},
    ),
    "Cline": Agent(
        package="cline",
        speaks="chat",
        before=(
            *("cline", "auth", "-p", "openai-compatible", "-k", "x", "-m", "gpt"),
            *("-b", "@URL@/v1", "--data-dir", "@HOME@/cline"),
        ),
        command=("cline", "--data-dir", "@HOME@/cline", "--auto-approve", "true", PROMPT),
    ),
    "Continue": Agent(
        package="@continuedev/cli",
        speaks="chat",
        command=("cn", "-p", "--config", "@HOME@/continue.yaml", "--allow", "Bash", PROMPT),
        files={
            "continue.yaml": "name: gateway\nversion: 1.0.0\nschema: v1\nmodels:\n  - name: gpt\n    provider: openai\n"
            "    model: gpt\n    apiKey: x\n    apiBase: @URL@/v1\n    roles: [chat]\n    capabilities: [tool_use]\n"
        },
    ),
    "Qwen Code": Agent(
        package="@qwen-code/qwen-code",
        speaks="chat",
        command=("qwen", "--yolo", "-p", PROMPT),
        environ={"OPENAI_API_KEY": "x", "OPENAI_BASE_URL": "@URL@/v1", "OPENAI_MODEL": "gpt"},
    ),
    "OpenCode": Agent(
        package="opencode-ai",
        speaks="chat",
        command=("opencode", "run", PROMPT),
        files={".config/opencode/opencode.json": json.dumps(_OPENCODE)},
    ),
    **{
        f"Pi ({surface})": Agent(
            package="@mariozechner/pi-coding-agent",
            speaks=surface,
            command=("pi", "-p", PROMPT, "--provider", "gateway", "--model", "gpt"),
            files={".pi/agent/models.json": config},
        )
        for surface, config in _PI.items()
    },
}

PAGE = ROOT / "plugins" / "serve" / "README.md"


def table_rows() -> str:
    """The rows of the table in the plugin's page, as these tests have them."""
    return "\n".join(f"| {name} | `{agent.package}` | {agent.speaks} |" for name, agent in AGENTS.items())


def test_the_table_of_the_page_is_what_is_tested() -> None:
    """No agent is named that no test runs."""
    text = PAGE.read_text(encoding="utf-8")
    found = re.search(r"\| agent \| package \| surface \|\n\|---\|---\|---\|\n((?:\|.*\n)+)", text)
    assert found is not None
    assert found[1].strip() == table_rows()


@pytest.fixture(scope="module")
def provider() -> Iterator[AgentServer]:
    with in_thread(AgentServer()) as server:
        assert isinstance(server, AgentServer)
        yield server


@pytest.fixture(scope="module")
def served(provider: AgentServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with serving(tmp_path_factory.mktemp("agents"), {"openai": f"{provider.url}/v1"}) as served:
        yield served


@pytest.mark.slow
@pytest.mark.parametrize("name", AGENTS)
def test_an_agent_has_its_command_run(served: Served, provider: AgentServer, tmp_path: Path, name: str) -> None:
    """Over two turns, at a provider that has no idea of the agent's protocol; it shows what the model says in the end."""
    agent, npm = AGENTS[name], shutil.which("npm")
    if npm is None:
        pytest.skip("there is no npm")
    home = tmp_path / "home"
    (home / "work").mkdir(parents=True)

    def filled(text: str) -> str:
        return text.replace("@URL@", served.url).replace("@HOME@", str(home))

    for path, content in agent.files.items():
        (home / path).parent.mkdir(parents=True, exist_ok=True)
        (home / path).write_text(filled(content))
    installed = subprocess.run(
        [npm, "install", "--no-audit", "--no-fund", agent.package],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert installed.returncode == 0, installed.stderr[-2000:]
    environ = {
        key: value
        for key, value in os.environ.items()
        if not key.startswith(("ANTHROPIC_", "OPENAI_", "CLAUDE", "XDG_"))
    }
    environ |= {"HOME": str(home), "PWD": str(home / "work"), "NO_PROXY": "127.0.0.1", "CI": "1"}
    environ |= {key: filled(value) for key, value in agent.environ.items()}

    def run(command: tuple[str, ...]) -> str:
        program = tmp_path / "node_modules" / ".bin" / command[0]
        done = subprocess.run(
            [str(program), *map(filled, command[1:])],
            cwd=home / "work",
            env=environ,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=600,
            check=False,
        )
        assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
        return done.stdout + done.stderr

    if agent.before:
        run(agent.before)
    provider.received.clear()
    shown = run(agent.command)
    assert (home / "work" / "made.txt").read_text() == "made-by-the-agent\n"
    assert DONE in shown
    requested = [request.json for request in provider.received if request.method == "POST"]
    assert any(message["role"] == "tool" for message in requested[-1]["messages"])
    assert not provider.refused
