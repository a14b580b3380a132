"""The built wheels, in a virtual environment that has never seen this repository."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.documents.pdfs import lines, pdf
from tests.packaging.environments import COMMAND_LINE_NAMES, with_command_line
from tools.benchmarks.server import fixed_server

if TYPE_CHECKING:
    from collections.abc import Callable

INSTALLED = ("openai", "llamacpp", "internal")


@pytest.fixture(scope="module")
def clean(built_wheels: dict[str, Path], tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Any]:
    """Runs a command of the clean environment in an empty project; its stdout."""
    folder = tmp_path_factory.mktemp("clean")
    uv = [sys.executable, "-m", "uv"]
    subprocess.run([*uv, "venv", "--quiet", "--python", sys.executable, str(folder / "venv")], check=True)
    python = folder / "venv" / "bin" / "python"
    wheels = with_command_line(built_wheels, *INSTALLED)
    subprocess.run([*uv, "pip", "install", "--quiet", "--python", str(python), *wheels], check=True)
    project = folder / "project"
    project.mkdir()
    (project / "two.pdf").write_bytes(pdf(lines("First page"), lines("Second page")))

    def run(command: str, *arguments: str, **variables: str) -> str:
        environ = {
            name: value for name, value in os.environ.items() if not name.startswith(("PYTHONPATH", "VIRTUAL_ENV"))
        }
        done = subprocess.run(
            [str(python.parent / command), *arguments],
            cwd=project,
            env=environ | variables,
            capture_output=True,
            text=True,
            check=False,
            timeout=300,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    return run


def test_the_plugins_are_found_and_nothing_of_the_workspace(clean: Any) -> None:
    """The plugins of three providers and those of the command line, each from its own wheel."""
    rows = json.loads(clean("pipelex", "plugins", "--json"))
    providers = {row["distribution"] for row in rows} - COMMAND_LINE_NAMES
    assert providers == {f"pipelex-backend-{name}" for name in INSTALLED}
    assert {row["status"] for row in rows} == {"ok"}
    where = clean("python", "-c", "import pipelex_core; print(pipelex_core.__file__)")
    assert "site-packages" in where


def test_the_main_job_runs(clean: Any) -> None:
    """A handle goes in, the deck decides, a plugin answers: text from the real local model, pages, and a provider."""
    clean("pipelex", "init")
    assert json.loads(clean("pipelex", "validate", "--json"))["ok"]
    answer = json.loads(clean("pipelex", "generate", "Name a river.", "--max-tokens", "8", "--json"))
    assert (answer["model"], answer["backend"]) == ("smollm2", "llamacpp")
    assert answer["text"].strip()
    pages = json.loads(clean("pipelex", "extract", "two.pdf", "--json"))["pages"]
    assert [page["text"] for page in pages] == ["First page", "Second page"]
    with fixed_server() as url:
        program = (
            "from pipelex_core import Client\n"
            "with Client.from_project() as client:\n"
            "    print(client.generate_text('Name three rivers.', model='gpt-4o-mini').text)\n"
        )
        clean("pipelex", "enable", "openai", OPENAI_API_KEY="sk-loopback")
        backends = (
            Path(clean("python", "-c", "import os; print(os.getcwd())").strip()) / ".pipelex/inference/backends.toml"
        )
        backends.write_text(backends.read_text().replace("[openai]\n", f'[openai]\nendpoint = "{url}"\n'))
        assert "Rhine" in clean("python", "-c", program, OPENAI_API_KEY="sk-loopback")


def test_a_missing_plugin_says_what_to_install(clean: Any) -> None:
    """A model whose plugin is not installed fails with the command that brings it."""
    program = (
        "from pipelex_core import Client, PluginError\nfrom pipelex_core.plugins import discover\n"
        "try: discover().require('anthropic', 'anthropic')\nexcept PluginError as error: print(error)\n"
    )
    assert "pip install pipelex-backend-anthropic" in clean("python", "-c", program)
