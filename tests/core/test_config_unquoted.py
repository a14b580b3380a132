"""A name with dots that lacks its quotes: the commonest mistake of all, and one fault each."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.core.config_project import Project


@pytest.mark.parametrize(
    ("name", "text", "key", "line", "expected"),
    [
        ("backends/beta.toml", "[defaults]\nsdk = 'acme'\n[gpt-4.1]\n", "gpt-4.1", 3, '["gpt-4.1"]'),
        ("backends/beta.toml", "[a.b.c]\nsdk = 'acme'\n", "a.b.c", 1, '["a.b.c"]'),
        ("backends/beta.toml", "[a]\nsdk = 'acme'\n[a.b]\nmodel_id = 'x'\nsdk = 'acme'\n", "a.b", 3, '["a.b"]'),
        ("backends/beta.toml", "default_sdk = 'acme'\n[models.gpt-4.1]\n", "models.gpt-4.1", 2, '[models."gpt-4.1"]'),
        ("deck/more.toml", "[aliases]\ngpt-4.1 = 'm-one'\n", "aliases.gpt-4.1", 2, '"gpt-4.1" = …'),
        ("deck/more.toml", "[aliases]\na.b.c = ['m-one']\n", "aliases.a.b.c", 2, '"a.b.c" = …'),
        ("deck/more.toml", "[llm.presets.v1.5]\nmodel = 'm-one'\n", "llm.presets.v1.5", 1, '"v1.5" = …'),
    ],
)
def test_it_is_told_at_its_place(project: Project, name: str, text: str, key: str, line: int, expected: str) -> None:  # noqa: PLR0917 -- one table
    """With the form it has to have."""
    project.write(name, text)
    problem = project.only()
    assert (problem.code, problem.key, problem.line, problem.expected) == ("unknown-key", key, line, expected)
    assert problem.message.endswith("a name with dots is written in quotes")


def test_nothing_follows_from_it(project: Project) -> None:
    """What leads to the whole name leads somewhere; and the faults inside are told too, at their places."""
    project.write("backends/beta.toml", "[gpt-4.1]\nsdk = 'acme'\n[gpt-4.1-mini]\nsdk = 'acme'\nmax_token = 3\n")
    project.write("deck/more.toml", "[aliases]\none = ['gpt-4.1', 'gpt-4.1-mini', 'v.1']\nv.1 = 'm-one'\n")
    reported = [(problem.key, problem.line) for problem in project.check() if problem.severity == "error"]
    assert reported == [("gpt-4.1", 1), ("gpt-4.1-mini", 3), ("gpt-4.1-mini.max_token", 5), ("aliases.v.1", 3)]


@pytest.mark.parametrize(
    ("text", "key"),
    [
        ("routes = { gpt-4.1 = 'acme' }", "profiles.more.routes.gpt-4"),
        ("[profiles.more.1]\ndefault = 'acme'", "profiles.more.1"),
    ],
)
def test_routes_and_profiles_say_so_too(project: Project, text: str, key: str) -> None:
    """As help."""
    project.add("routing_profiles.toml", f"[profiles.more]\n{text}\n")
    problem = project.only()
    assert problem.key == key
    assert "a name with dots is written in quotes" in (problem.suggestion or "")


@pytest.mark.parametrize(
    "text", ["thinkin = {}", "thinking = { style = 'x' }", "style = {}", "stile = { a = { b = {} } }"]
)
def test_a_table_in_the_place_of_an_option_is_no_name(project: Project, text: str) -> None:
    """It is what it was: an unknown key, or a wrong value."""
    project.write("backends/beta.toml", f"[b-only]\nsdk = 'acme'\n{text}\n")
    assert "quotes" not in str(project.only())


@pytest.mark.parametrize("text", ["[llm.presets.cold]\ntemperatur = 0.1", "[aliases.a]\nmodle = 'm-one'"])
def test_a_misspelt_key_is_no_name(project: Project, text: str) -> None:
    """The nearest key is the help then."""
    project.write("deck/more.toml", f"{text}\n")
    problems = project.check()
    assert any("did you mean" in (problem.suggestion or "") for problem in problems)
    assert not any("quotes" in str(problem) for problem in problems)
