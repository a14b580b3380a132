"""The directory of plugins: every one of ours is in it, it is searched, and a command that a plugin brings says which."""

from __future__ import annotations

import json
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING

import tomli

from pipelex_cli.directory import COMMANDS, listed
from tests.support.processes import run_pipelex
from tools.catalogue.directory import directory

if TYPE_CHECKING:
    import pytest

ROOT = Path(__file__).resolve().parents[2]


def test_every_distribution_is_listed_with_its_own_words() -> None:
    """As its pyproject.toml describes it."""
    projects = [tomli.loads(file.read_text())["project"] for file in (ROOT / "plugins").glob("*/pyproject.toml")]
    ours = {each.distribution: each.summary for each in listed() if not each.by}
    assert ours == {project["name"]: project["description"] for project in projects}
    assert set(COMMANDS.values()) <= ours.keys()


def test_the_catalogue_lists_what_came_later(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Its `plugins.toml` is made of the same data; a newer one adds plugins of others."""
    shipped = files("pipelex_catalogue").joinpath("plugins.toml").read_text(encoding="utf-8")
    assert shipped == directory()
    later = tmp_path / "pipelex_catalogue"
    later.mkdir()
    (later / "__init__.py").touch()
    table = '[acme-pipelex]\nsummary = "Acme\'s models, for pipelex-core."\nby = "Acme"\n'
    (later / "plugins.toml").write_text(f"{shipped}\n{table}", encoding="utf-8")
    monkeypatch.setattr("pipelex_cli.directory.files", lambda name: later if name == later.name else files(name))
    (found,) = listed("acme models")
    assert (found.distribution, found.by, found.installed) == ("acme-pipelex", "Acme", None)
    assert len(listed()) > 20


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
