"""The configuration a project begins with, and what a new plugin adds to it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
import tomli

from pipelex_cli.starter import starter_files
from pipelex_cli.starter.backend import ShippedBackend
from pipelex_cli.starter.deck import starter_deck
from pipelex_core.config import load
from pipelex_core.plugins import discover
from tests.support.projects import write_files
from tests.support.scripted import Script, ScriptedBackend, plugin

if TYPE_CHECKING:
    from pathlib import Path

    from pipelex_core.plugins import Plugins

SPECS = """
[backend]
display_name = "Acme"
api_key = "${ACME_KEY}"
endpoint = "${ACME_ENDPOINT:-https://acme.example}"

[defaults]
sdk = "acme"

["acme/one.5"]
model_id = "one"
"""


@pytest.fixture
def acme(tmp_path: Path) -> Plugins:
    """One plugin, that ships one backend."""
    file = tmp_path / "acme.toml"
    file.write_text(SPECS)
    made = plugin(
        {"acme": lambda config: ScriptedBackend(config, Script())}, pipelex_model_specs=lambda: {"acme": file}
    )
    return discover(entry_points=(), extra=[made])


def write(files: dict[str, str], folder: Path) -> None:
    """Put files into a folder."""
    write_files(folder, files)


@pytest.mark.parametrize("key", ["", "k-123456"])
def test_what_a_project_begins_with_loads(acme: Plugins, tmp_path: Path, key: str) -> None:
    """With the key, the plugin's models can be called; without it, they say why they cannot."""
    environ = {"ACME_KEY": key} if key else {}
    write(starter_files(acme, environ), tmp_path / "project")
    deck = load(tmp_path / "project", plugins=acme, environ=environ).deck
    entry = deck.models["acme/one.5"]
    assert entry.available == bool(key)
    assert bool(entry.reason) != bool(key)


def test_the_variables_of_a_backend_are_those_its_table_reads() -> None:
    """What has a default, or another variable beside it, it can do without."""
    table = {"api_key": "${A_KEY}", "endpoint": "${A_URL:-https://a.example}", "region": "${A_REGION|env:B_REGION}"}
    backend = ShippedBackend(name="a", table=table, models=(), plugin="p")
    assert backend.variables == {"A_KEY": "api_key", "A_URL": "endpoint", "A_REGION": "region", "B_REGION": "region"}
    assert backend.needed == ("A_KEY",)
    assert backend.enabled({"A_KEY": "k"})
    assert not backend.enabled({"A_KEY": ""})
    assert not ShippedBackend(name="a", table={**table, "enabled": False}, models=(), plugin="p").enabled(
        {"A_KEY": "k"}
    )


def test_the_example_of_the_environment_has_each_variable_once(acme: Plugins) -> None:
    """With what it is for; optional ones say so."""
    text = starter_files(acme, {})[".env.example"]
    assert "# Acme: api_key\nACME_KEY=\n" in text
    assert "# Acme: endpoint (optional)\nACME_ENDPOINT=\n" in text


@pytest.mark.parametrize("models", [set(), {"gpt-4o-mini"}, {"nosuch"}])
def test_the_first_deck_names_only_what_there_is(models: Any) -> None:
    """Whatever is installed, it is valid TOML, and every alias leads to a model that exists."""
    deck = tomli.loads(starter_deck(models))
    for chain in deck["aliases"].values():
        assert ({chain} if isinstance(chain, str) else set(chain)) <= models
    for preset in deck.get("llm", {}).get("presets", {}).values():
        assert preset["model"] in models | set(deck["aliases"])
