"""Where the keys of backends and models were written."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from pipelex_cli.positions import position
from pipelex_cli.written import WrittenValues

if TYPE_CHECKING:
    from tests.core.config_project import Project


@pytest.fixture
def project(project: Project) -> Project:
    """A project, and a plugin that ships a backend it has, and one it has not."""
    project.ship(
        "acme",
        """
        [backend]
        display_name = "Shipped"
        verbose = true

        [defaults]
        sdk = "acme"
        max_tokens = 100

        [m-one]
        model_id = "shipped-one"
        context_window = 9000
        costs = { input = 1, output = 1 }
        as_of = "2026-01-01"

        [shipped-only]
        prompting_target = "x"
        """,
    )
    return project


def written(project: Project) -> WrittenValues:
    return WrittenValues(project.folder, project.plugins)


def test_a_models_keys_say_who_wrote_them(project: Project) -> None:
    """The project's table wins, then its defaults, then the plugin's table, then the plugin's defaults."""
    keys = written(project).model("acme", "m-one")
    acme = str(project.folder / "backends/acme.toml")
    assert position(keys["model_id"].source)[:2] == (acme, project.line_of("backends/acme.toml", "acme-one"))
    assert position(keys["sdk"].source)[:2] == (acme, project.line_of("backends/acme.toml", 'sdk = "acme"'))
    assert keys["context_window"].source.plugin == "plugin-acme"
    assert keys["as_of"].source.plugin == "plugin-acme"
    only = written(project).model("acme", "shipped-only")
    assert {key: each.source.plugin for key, each in only.items()} == dict.fromkeys(
        ("sdk", "max_tokens", "prompting_target"), "plugin-acme"
    )


def test_a_backends_keys_say_who_wrote_them(project: Project) -> None:
    """The project's table over the plugin's; values as they stand, variables not filled in."""
    keys = written(project).backend("acme")
    assert (keys["api_key"].value, keys["display_name"].value) == ("${ACME_KEY}", "Acme")
    line = project.line_of("backends.toml", 'api_key = "${ACME_KEY}"')
    assert position(keys["api_key"].source)[1] == line
    assert keys["verbose"].source.plugin == "plugin-acme"


def test_what_is_not_there_has_no_keys(project: Project) -> None:
    """Neither a backend nor a model; nothing is raised."""
    assert written(project).backend("nosuch") == {}
    assert written(project).model("nosuch", "m") == {}
    assert written(project).model("acme", "nosuch") == {}


def test_what_is_written_agrees_with_what_was_loaded(project: Project) -> None:
    """Every key of every spec: the value that a load gave is the one that stands there."""
    loaded = project.load()
    reported = written(project)
    compared = 0
    for entry in loaded.deck.models.values():
        if entry.spec is None:
            continue
        keys = reported.model(entry.spec.backend, entry.name)
        for key in ("model_id", "sdk", "max_tokens", "context_window", "prompting_target"):
            if key in keys:
                assert getattr(entry.spec, key) == keys[key].value
                compared += 1
    assert compared > 8
