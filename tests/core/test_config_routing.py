"""routing_profiles.toml: which rule decides, what a match on a disabled backend means, and what is refused."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from pipelex_core.errors import ModelsManagerError

if TYPE_CHECKING:
    from pipelex_core.routing import ModelEntry
    from tests.core.config_project import Project


def write_routes(project: Project, routes: str, *, default: str = 'default = "acme"', more: str = "") -> None:
    text = f'active = "main"\n[profiles.main]\n{default}\n{more}\n[profiles.main.routes]\n{routes}\n'
    project.write("routing_profiles.toml", text)


def entry(project: Project, name: str) -> ModelEntry:
    return project.load().deck.models[name]


def test_an_exact_route_wins_over_earlier_patterns(project: Project) -> None:
    """The model's own name first; else the first pattern of the file; else the default."""
    write_routes(project, '"m-*" = "acme"\n"*-two" = "off"\n"m-two" = "beta"')
    two, one, reader = entry(project, "m-two"), entry(project, "m-one"), entry(project, "reader")
    assert two.spec is not None
    assert (two.spec.backend, two.route.rule, two.route.pattern) == ("beta", "exact", "m-two")
    assert (one.route.rule, one.route.pattern) == ("pattern", "m-*")
    assert (reader.route.rule, reader.route.backend) == ("default", "acme")
    assert two.route.source is not None
    assert two.route.source.key == ("profiles", "main", "routes", "m-two")


def test_a_pattern_to_a_backend_that_lacks_the_model_makes_it_unavailable(project: Project) -> None:
    """The load goes on, and the reason names the route, the backend, and who else offers the model."""
    write_routes(project, '"m-o*" = "beta"')
    one = entry(project, "m-one")
    assert (one.spec, one.available) == (None, False)
    assert one.reason == (
        "route 'm-o*' of profile 'main' leads to 'beta', which does not offer it; it is offered by acme"
    )


def test_an_exact_route_to_a_backend_that_lacks_the_model_is_an_error(project: Project) -> None:
    """Someone asked for exactly this, and it cannot be."""
    write_routes(project, '"m-one" = "beta"')
    problems = [problem for problem in project.check() if problem.severity == "error"]
    (problem,) = problems
    assert (problem.code, problem.key) == ("model-not-offered", "profiles.main.routes.m-one")
    assert problem.expected == "one of acme"


def test_an_exact_route_for_a_name_that_exists_nowhere_is_an_error(project: Project) -> None:
    """With the nearest model; a warning where its backend is off, since its models may not all be known."""
    write_routes(project, '"m-onee" = "acme"')
    problem = project.only()
    assert (problem.severity, problem.code, problem.suggestion) == (
        "error",
        "model-not-offered",
        "did you mean 'm-one'?",
    )
    write_routes(project, '"m-onee" = "off"')
    assert project.only().severity == "warning"


def test_a_default_that_lacks_the_model_gives_it_to_the_first_that_offers_it(project: Project) -> None:
    """In the order of backends.toml; a disabled default counts as lacking every model."""
    write_routes(project, "", default='default = "beta"')
    assert [entry(project, name).spec.backend for name in ("m-two", "m-one")] == ["beta", "acme"]  # type: ignore[union-attr]  # an AttributeError fails the test too
    write_routes(project, "", default='default = "off"')
    assert [entry(project, name).spec.backend for name in ("m-two", "b-only")] == ["acme", "beta"]  # type: ignore[union-attr]  # as above


def test_without_a_default_what_no_route_names_is_unrouted(project: Project) -> None:
    """No rule, no backend, and a reason."""
    write_routes(project, '"m-*" = "acme"', default="")
    only = entry(project, "b-only")
    assert (only.spec, only.route.rule, only.offered_by) == (None, "none", ("beta",))
    assert only.reason == "no route of profile 'main' matches it, and the profile has no default"


def test_optional_routes_count_where_their_backend_is_on(project: Project) -> None:
    """An optional route to a disabled backend is as if it were not there."""
    write_routes(project, "", more='[profiles.main.optional_routes]\n"m-two" = "beta"\n"m-*" = "off"\n')
    two, one = entry(project, "m-two"), entry(project, "m-one")
    assert two.spec is not None
    assert one.spec is not None
    assert (two.spec.backend, one.spec.backend, one.route.rule) == ("beta", "acme", "default")
    assert project.check() == ()
    write_routes(project, "", more='[profiles.main.optional_routes]\n"not-known-here" = "off"\n')
    assert project.check() == ()
    write_routes(project, "", more='[profiles.main.optional_routes]\n"not-known-here" = "beta"\n')
    assert project.only().code == "model-not-offered"


def test_the_fallback_order_is_tried_for_what_is_left(project: Project) -> None:
    """Before the order of backends.toml, and without a default too; disabled ones are passed over."""
    write_routes(project, "", default='default = "off"', more='fallback_order = ["off", "beta", "acme"]')
    two = entry(project, "m-two")
    assert two.spec is not None
    assert (two.spec.backend, two.route.rule) == ("beta", "fallback")
    write_routes(project, "", default="", more='fallback_order = ["acme"]')
    assert entry(project, "m-two").available
    assert entry(project, "b-only").spec is None


def test_another_profile_may_be_asked_for(project: Project) -> None:
    """`profile=` wins over `active`, which may then be anything."""
    project.add("routing_profiles.toml", '\n[profiles.other]\ndefault = "beta"\n')
    loaded = project.load(profile="other")
    assert loaded.deck.profile is not None
    assert loaded.deck.profile.name == "other"
    assert list(loaded.profiles) == ["main", "other"]
    project.replace("routing_profiles.toml", 'active = "main"', 'active = "nowhere"')
    assert project.load(profile="other").deck.models["m-two"].route.backend == "beta"


@pytest.mark.parametrize(
    ("old", "new", "code", "key", "suggestion"),
    [
        ('active = "main"', 'active = "mian"', "unknown-profile", "active", "did you mean 'main'?"),
        ('active = "main"', "active = 3", "bad-value", "active", None),
        ('active = "main"\n', "", "missing-key", "active", None),
        ('active = "main"', 'active = "main"\nactiv = 3', "unknown-key", "activ", "did you mean 'active'?"),
        ('default = "acme"', 'default = "acne"', "unknown-backend", "profiles.main.default", "did you mean 'acme'?"),
        ('default = "acme"', "default = 3", "bad-value", "profiles.main.default", None),
        ('default = "acme"', 'defualt = "acme"', "unknown-key", "profiles.main.defualt", "did you mean 'default'?"),
        ('default = "acme"', "description = 3", "bad-value", "profiles.main.description", None),
        ('default = "acme"', 'default = "acme"\nroutes = 3', "bad-value", "profiles.main.routes", None),
        ('default = "acme"', 'default = "acme"\nroutes = { m = 3 }', "bad-value", "profiles.main.routes.m", None),
        (
            'default = "acme"',
            'default = "acme"\nroutes = { "m-*" = "baeta" }',
            "unknown-backend",
            'profiles.main.routes."m-*"',
            "did you mean 'beta'?",
        ),
        (
            'default = "acme"',
            'default = "acme"\nroutes = { "" = "acme" }',
            "bad-value",
            'profiles.main.routes.""',
            None,
        ),
        (
            'default = "acme"',
            'default = "acme"\noptional_routes = { x = "nobody" }',
            "unknown-backend",
            "profiles.main.optional_routes.x",
            None,
        ),
        (
            'default = "acme"',
            'default = "acme"\nfallback_order = ["acme", "beat"]',
            "unknown-backend",
            "profiles.main.fallback_order.1",
            "did you mean 'beta'?",
        ),
        (
            'default = "acme"',
            'default = "acme"\nfallback_order = "acme"',
            "bad-value",
            "profiles.main.fallback_order",
            None,
        ),
    ],
)
def test_a_fault_of_the_active_profile_is_one_error(
    project: Project, *, old: str, new: str, code: str, key: str, suggestion: str | None
) -> None:
    """Each with its key and line, and the nearest name where there is one."""
    project.replace("routing_profiles.toml", old, new)
    problem = project.only()
    assert (problem.severity, problem.code, problem.key, problem.suggestion) == ("error", code, key, suggestion)
    assert problem.line is not None or code == "missing-key"
    with pytest.raises(ModelsManagerError):
        project.load()


def test_a_fault_of_another_profile_is_a_warning(project: Project) -> None:
    """It is shown, and stops nothing; asked for, the same profile is refused."""
    project.add("routing_profiles.toml", '\n[profiles.other]\ndefault = "nobody"\n[profiles.third]\ndefault = 3\n')
    problems = project.check()
    assert [(p.severity, p.code) for p in problems] == [("warning", "unknown-backend"), ("warning", "bad-value")]
    assert [p.severity for p in project.check(profile="other")] == ["error", "warning"]
    with pytest.raises(ModelsManagerError):
        project.load(profile="third")


def test_a_profile_that_is_no_table(project: Project) -> None:
    """Also `profiles` itself."""
    project.write("routing_profiles.toml", 'active = "main"\nprofiles = 3\n')
    assert project.only().key == "profiles"
    project.write("routing_profiles.toml", 'active = "main"\n[profiles]\nmain = 3\n')
    assert project.only().key == "profiles.main"


def test_the_reason_of_an_unrouted_model_names_who_knows_it(project: Project) -> None:
    """What would have to be turned on stands in the reason."""
    reason = entry(project, "m-off").reason
    assert reason == "no enabled backend offers it; it is known by 'off', which is disabled in backends.toml"
