"""Models of a newer catalogue: of a model that a plugin ships too, the table counts whose facts are newer."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING

import pytest

from pipelex_cli.written import WrittenValues

if TYPE_CHECKING:
    from tests.core.config_project import Project

SHIPPED = """
    [backend]
    endpoint = "https://delta.test"
    [defaults]
    sdk = "acme"
    [d-one]
    costs = { input = 1, output = 2 }
    max_tokens = 100
    as_of = "2026-11-30"
    [d-two]
    costs = { input = 3, output = 4 }
    as_of = "2026-11-30"
    [d-three]
    style = "plain"
"""


@pytest.fixture
def project(project: Project) -> Project:
    """The same, with models that a plugin ships."""
    project.ship("delta", SHIPPED)
    return project


def price(project: Project, name: str) -> Decimal | None:
    """The price of a model's input."""
    spec = project.load().deck.models[name].spec
    assert spec is not None
    return spec.costs.input if spec.costs else None


@pytest.mark.parametrize(
    ("day", "expected"), [("2026-12-01", Decimal("0.5")), ("2026-11-30", Decimal(1)), ("2026-11-29", Decimal(1))]
)
def test_newer_facts_count(project: Project, day: str, expected: Decimal) -> None:
    """A plugin that is updated later wins again by itself; of the same day it is the plugin's word."""
    text = f'[defaults]\nsdk = "acme"\n[d-one]\ncosts = {{ input = 0.5, output = 2 }}\nas_of = "{day}"\n'
    project.write("catalogue/delta.toml", text)
    assert price(project, "d-one") == expected
    assert price(project, "d-two") == Decimal(3)
    assert not project.check()


def test_a_newer_table_replaces_the_whole_older_one(project: Project) -> None:
    """What it does not name is not taken from the older; a model that plugins do not have is new."""
    text = """
        [defaults]
        sdk = "acme"
        as_of = "2026-12-01"
        [d-one]
        costs = { input = 0.5, output = 2 }
        [d-four]
        costs = { input = 9, output = 9 }
    """
    project.write("catalogue/delta.toml", text)
    models = project.load().deck.models
    one, four = models["d-one"].spec, models["d-four"].spec
    assert one is not None
    assert four is not None
    assert one.max_tokens is None
    assert four.costs is not None
    assert str(one.source) == str(project.folder / "catalogue" / "delta.toml")
    written = WrittenValues(project.folder, project.plugins).model("delta", "d-one")
    assert written["costs"].value["input"] == Decimal("0.5")


def test_the_projects_own_table_wins_over_a_catalogue(project: Project) -> None:
    """Key by key, as over a plugin's."""
    project.write("catalogue/delta.toml", '[d-one]\nsdk = "acme"\nmax_tokens = 50\nas_of = "2026-12-01"\n')
    project.write("backends/delta.toml", "[d-one]\nmax_tokens = 7\n")
    project.add("backends.toml", "\n[delta]\n")
    spec = project.load().deck.models["d-one"].spec
    assert spec is not None
    assert spec.max_tokens == 7


@pytest.mark.parametrize("text", ["[d-one\n", '[d-one]\nas_of = "2026-12-01"\nsdk = "acme"\ncosts = { input = -1 }\n'])
def test_a_catalogue_with_a_fault_stops_nothing(project: Project, text: str) -> None:
    """It is a warning that names the file."""
    project.write("catalogue/delta.toml", text)
    (problem,) = project.check()
    assert problem.severity == "warning"
    assert price(project, "d-two") == Decimal(3)


def test_a_catalogue_is_for_backends_that_plugins_ship(project: Project) -> None:
    """Of any other it is not looked at; without a model of its own it changes nothing."""
    project.write("catalogue/other.toml", '[o-one]\nsdk = "acme"\n')
    project.write("catalogue/delta.toml", '[defaults]\nprompting_target = "x"\n')
    loaded = project.load()
    assert "o-one" not in loaded.deck.models
    spec = loaded.deck.models["d-one"].spec
    assert spec is not None
    assert spec.prompting_target is None
