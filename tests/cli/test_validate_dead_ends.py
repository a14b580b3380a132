"""Handles that lead to nothing that can be called, and routes and members of chains that decide nothing: what `validate` adds."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from pipelex_cli.validation import Validation
from tests.core.test_config_routing import write_routes

if TYPE_CHECKING:
    from pipelex_core import Problem
    from tests.core.config_project import Project


def validated(project: Project) -> tuple[Problem, ...]:
    """What `validate` finds and a load does not."""
    found = Validation(project.root, environ=project.environ, plugins=project.plugins).report().problems
    return tuple(problem for problem in found if problem not in project.check())


def only(project: Project) -> Problem:
    """The one problem that `validate` finds."""
    problems = validated(project)
    assert len(problems) == 1, "\n".join(map(str, problems))
    return problems[0]


def test_a_member_that_another_leads_to_is_named(project: Project) -> None:
    """A call asks it once."""
    project.write("deck/more.toml", 'aliases.x = ["chain", "m-one"]\n')
    problem = only(project)
    assert (problem.severity, problem.code, problem.key) == ("warning", "duplicate-chain-member", "aliases.x.1")


@pytest.mark.parametrize("text", ['aliases.x = ["m-off"]', 'llm.presets.x = { model = "m-off" }'])
def test_a_handle_that_leads_nowhere_is_a_finding_and_no_error(project: Project, text: str) -> None:
    """It is shown by `validate`, and an error when it is used."""
    project.write("deck/more.toml", text)
    problem = only(project)
    assert (problem.severity, problem.code) == ("warning", "no-available-model")
    assert "'off', which is disabled in backends.toml" in problem.message
    assert problem.suggestion == "set OFF_KEY, and enabled = true for its backend in backends.toml"
    assert project.load().deck.resolve("x").chosen is None


def test_one_backend_that_is_off_is_one_finding_however_many_handles_need_it(project: Project) -> None:
    """It stands where the backend is switched off, names the handles, and says what to set."""
    project.write("deck/more.toml", 'aliases.x = "m-off"\naliases.y = "m-off"\nllm.presets.p = { model = "m-off" }\n')
    problem = only(project)
    assert (problem.code, problem.key, problem.line) == ("no-available-model", "off.enabled", 10)
    assert "alias 'x', alias 'y', preset 'p' lead to no model" in problem.message
    assert problem.suggestion == "set OFF_KEY, and enabled = true for its backend in backends.toml"


def test_handles_that_a_route_to_a_disabled_backend_leaves_without_a_model(project: Project) -> None:
    """The route says so; there is no second finding."""
    project.write("deck/more.toml", 'aliases.x = "m-off"\nllm.choice_defaults.for_object = "m-off"\n')
    project.add("routing_profiles.toml", '[profiles.main.routes]\n"m-o*" = "off"\nm-one = "acme"\n')
    problem = only(project)
    assert (problem.code, problem.key) == ("route-to-disabled-backend", 'profiles.main.routes."m-o*"')
    assert "nothing is left of alias 'x', 'for_object'" in problem.message


@pytest.mark.parametrize("pattern", ["m-one", "m-on*"])
def test_a_route_to_a_disabled_backend_stops_nothing(project: Project, pattern: str) -> None:
    """Exact or pattern: the models are unavailable, the reason says why, and one warning names the route."""
    write_routes(project, f'"{pattern}" = "off"')
    problem = next(p for p in validated(project) if p.code == "route-to-disabled-backend")
    assert (problem.severity, problem.line) == ("warning", 6)
    assert "'m-one'" in problem.message
    one = project.load().deck.models["m-one"]
    assert one.reason == (
        f"route '{pattern}' of profile 'main' leads to 'off', which is disabled in backends.toml; it is offered by acme"
    )


@pytest.mark.parametrize(
    ("routes", "shadowed"),
    [
        ('"m-*" = "acme"\n"m-t*" = "acme"', ["m-t*"]),
        ('"m-t*" = "acme"\n"m-*" = "acme"', []),
        ('"*" = "acme"\n"m-*" = "acme"\n"*o*" = "acme"', ["m-*", "*o*"]),
        ('"*-*" = "acme"\n"m-*o" = "acme"\n"*m" = "acme"', ["m-*o"]),
        ('"m*o" = "acme"\n"m-*-two" = "acme"\n"m*" = "acme"', ["m-*-two"]),
        ('"m-*" = "acme"\n"m-two" = "acme"', []),
        ('"*m*t*" = "acme"\n"*t*m*" = "acme"', []),
    ],
)
def test_a_route_that_an_earlier_one_covers_is_warned_about(project: Project, routes: str, shadowed: list[str]) -> None:
    """It can never decide; an exact route always can."""
    write_routes(project, routes)
    problems = [problem for problem in validated(project) if problem.code == "route-shadowed"]
    assert {problem.severity for problem in problems} <= {"warning"}
    assert [problem.message.split("'")[1] for problem in problems] == shadowed
