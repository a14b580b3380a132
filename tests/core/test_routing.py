"""Routes: patterns, their order, what covers what, and what becomes of each model."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipelex_cli.validation.routes import shadowed
from pipelex_core.routing import Route, RoutingProfile, assign
from pipelex_core.specs import ModelSpec

if TYPE_CHECKING:
    from collections.abc import Mapping

PATTERNS = st.text("ab*", min_size=1, max_size=6)
NAMES = st.text("ab", max_size=8)


def profile(routes: Mapping[str, str], *, default: str | None = None, **more: object) -> RoutingProfile:
    made = tuple(Route(pattern, backend) for pattern, backend in routes.items())
    return RoutingProfile(name="p", routes=made, default=default, **more)  # type: ignore[arg-type]  # the tests' own


def specs(*backends: str) -> dict[str, ModelSpec]:
    return {backend: ModelSpec(name="m", backend=backend, sdk="s", model_id="m") for backend in backends}


def fits(pattern: str, name: str) -> bool:
    """The meaning of a pattern, in other words."""
    return re.fullmatch(".*".join(map(re.escape, pattern.split("*"))), name, re.DOTALL) is not None


@pytest.mark.parametrize(
    ("pattern", "matching", "others"),
    [
        ("gpt-4o", ["gpt-4o"], ["gpt-4o-mini", "xgpt-4o", ""]),
        ("gpt-*", ["gpt-", "gpt-4o"], ["gpt", "agpt-4o"]),
        ("*-sdxl", ["-sdxl", "fast-sdxl"], ["sdxl", "fast-sdxl-2"]),
        ("*claude*", ["claude", "a-claude-4"], ["claud"]),
        ("a*b*c", ["abc", "a-b-c", "abbc"], ["ab", "acb", "abcd"]),
        ("ab*ba", ["abba", "abxba"], ["aba"]),
        ("*", ["", "anything", "with\nline"], []),
        ("**", ["", "x"], []),
        ("gpt-4.*", ["gpt-4.1"], ["gpt-4o"]),
        ("flux-pro/*", ["flux-pro/v1.1"], ["flux-pro"]),
        ("a[b]*", ["a[b]c"], ["ab"]),
    ],
)
def test_a_star_stands_for_anything_and_nothing_else_does(pattern: str, matching: list[str], others: list[str]) -> None:
    """`p*`, `*s`, `*c*`, and `*` anywhere; all other characters mean themselves."""
    route = Route(pattern, "b")
    assert all(route.matches(name) for name in matching)
    assert not any(route.matches(name) for name in others)


@settings(max_examples=300, deadline=None, derandomize=True, database=None)
@given(patterns=st.lists(PATTERNS, unique=True, max_size=8), name=NAMES)
def test_the_first_of_the_file_decides(patterns: list[str], name: str) -> None:
    """Found by the index, it is the same as by trying all in order, exact ones first."""
    found = profile(dict.fromkeys(patterns, "b")).match(name)
    exact = [pattern for pattern in patterns if pattern == name]
    fitting = [pattern for pattern in patterns if "*" in pattern and fits(pattern, name)]
    wanted = next(iter([*exact, *fitting]), None)
    assert found.pattern == wanted
    assert found.rule == ("none" if wanted is None else "pattern" if "*" in wanted else "exact")
    every = [route.pattern for route in profile(dict.fromkeys(patterns, "b")).routes if route.matches(name)]
    assert every == [pattern for pattern in patterns if fits(pattern, name)]


@settings(max_examples=300, deadline=None, derandomize=True, database=None)
@given(first=PATTERNS, second=PATTERNS, name=NAMES)
def test_what_is_called_shadowed_never_decides(first: str, second: str, name: str) -> None:
    """If an earlier pattern is said to cover a later one, it matches whatever the later one matches."""
    if first == second or "*" not in second:
        return
    covered = [(route.pattern, by.pattern) for route, by in shadowed(profile({first: "x", second: "y"}))]
    if (second, first) in covered:
        assert not fits(second, name) or fits(first, name)


@pytest.mark.parametrize(
    ("earlier", "later", "covered"),
    [
        ("gpt-*", "gpt-image-*", True),
        ("gpt-image-*", "gpt-*", False),
        ("*a*", "ba*b", True),
        ("*", "*x*", True),
        ("a*", "*a", False),
        ("a*c", "a*b*c", True),
        ("a*b*c", "a*c", False),
        ("a*a", "aa*", False),
        ("gpt-4", "gpt-*", False),
    ],
)
def test_which_pattern_covers_which(earlier: str, later: str, covered: bool) -> None:
    """Seen from the patterns alone."""
    assert [route.pattern for route, _ in shadowed(profile({earlier: "x", later: "y"}))] == [later] * covered


def test_a_default_is_for_what_no_route_names() -> None:
    """Without one, nothing decides."""
    assert profile({"a*": "x"}, default="d").match("b").rule == "default"
    assert profile({"a*": "x"}).match("b").rule == "none"


def test_optional_routes_to_ignored_backends_count_as_absent() -> None:
    """The next rule decides."""
    routes = (Route("m*", "off", optional=True), Route("m*", "on", optional=True))
    made = RoutingProfile(name="p", routes=routes, default="d")
    assert made.match("m", ignored={"off"}).backend == "on"
    assert made.match("m", ignored={"off", "on"}).backend == "d"
    assert made.match("m").backend == "off"


def test_a_model_goes_where_its_rule_leads() -> None:
    """Exact, pattern, default, fallback, and the first that offers it."""
    offers = specs("one", "two")
    for made, backend, rule in (
        (profile({"m": "two"}), "two", "exact"),
        (profile({"m*": "two"}), "two", "pattern"),
        (profile({}, default="two"), "two", "default"),
        (profile({}, default="three"), "one", "default"),
        (profile({}, default="three", fallback_order=("four", "two")), "two", "fallback"),
    ):
        entry = assign("m", made, offers, why_off={})
        assert entry.spec is not None
        assert (entry.spec.backend, entry.route.rule, entry.available) == (backend, rule, True)
        assert entry.offered_by == ("one", "two")


def test_a_model_that_goes_nowhere_says_why() -> None:
    """The route, its backend, why that cannot serve it, and who else offers it."""
    offers = specs("one")
    exact = assign("m", profile({"m": "two"}), offers, why_off={})
    assert (exact.spec, exact.exact_fault) == (None, True)
    assert exact.reason == "route 'm' of profile 'p' leads to 'two', which does not offer it; it is offered by one"
    off = assign("m", profile({"m*": "two"}), offers, why_off={"two": "is disabled"})
    assert (off.exact_fault, off.reason) == (
        False,
        "route 'm*' of profile 'p' leads to 'two', which is disabled; it is offered by one",
    )
    unknown = assign("m", profile({}, default="one"), {}, why_off={"two": "is off"}, withheld={"two": "is off"})
    assert unknown.reason == "no enabled backend offers it; it is known by 'two', which is off"


def test_a_model_whose_plugin_is_missing_keeps_its_spec() -> None:
    """It is routed as ever, and unavailable with the plugin's reason."""
    entry = assign("m", profile({}, default="one"), specs("one"), why_off={}, unserved={("one", "s"): "no plugin"})
    assert entry.spec is not None
    assert (entry.available, entry.reason) == (False, "no plugin")


def test_no_pattern_takes_for_ever() -> None:
    """Many stars against a long name that does not fit: no backtracking."""
    pattern = "*".join("a" * 30) + "*b"
    assert not Route(pattern, "b").matches("a" * 20_000)
    assert profile({pattern: "x"}).match("a" * 20_000).rule == "none"


def test_many_models_and_many_patterns() -> None:
    """A hundred thousand models with a thousand patterns of every kind are routed."""
    kinds = ("p{}-*", "*-s{}", "*-c{}-*", "g{}-*x*-e")
    routes = {kinds[number % 4].format(number): f"b{number}" for number in range(1000)}
    made = profile(routes, default="d")
    assert made.match("p996-model").backend == "b996"
    assert made.match("model-s997").backend == "b997"
    assert made.match("a-c998-b").backend == "b998"
    assert made.match("g999-x-e").backend == "b999"
    assert {made.match(f"model-{number}").backend for number in range(100_000)} == {"d"}
