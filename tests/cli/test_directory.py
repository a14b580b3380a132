"""The directory of plugins: every one of ours is in it, it is searched, and a command that a plugin brings says which."""

from __future__ import annotations

import json
from pathlib import Path

import tomli

from pipelex_cli.directory import COMMANDS, listed
from tests.support.processes import run_pipelex

ROOT = Path(__file__).resolve().parents[2]


def test_every_distribution_is_listed_with_its_own_words() -> None:
    """As its pyproject.toml describes it."""
    projects = [tomli.loads(file.read_text())["project"] for file in (ROOT / "plugins").glob("*/pyproject.toml")]
    ours = {each.distribution: each.summary for each in listed() if not each.by}
    assert ours == {project["name"]: project["description"] for project in projects}
    assert set(COMMANDS.values()) <= ours.keys()


def test_search_finds_by_words(tmp_path: Path) -> None:
    """Of a name or a summary, all of them; what is installed says so; nothing found is exit 1."""
    done = run_pipelex("plugins", "search", "langchain", "--json", cwd=tmp_path)
    (found,) = json.loads(done.stdout)
    assert (found["distribution"], found["installed"]) == ("pipelex-langchain", "0.1.0")
    done = run_pipelex("plugins", "search", "nothing like it", cwd=tmp_path)
    assert done.returncode == 1
    assert "no plugin that is listed" in done.stderr


def test_a_command_of_a_plugin_that_is_not_here_names_it(tmp_path: Path) -> None:
    """Before any guess at a slip."""
    done = run_pipelex("chat", cwd=tmp_path, PIPELEX_PLUGINS="cli,mock")
    assert done.returncode == 2
    assert "run: pip install pipelex-chat" in done.stderr
