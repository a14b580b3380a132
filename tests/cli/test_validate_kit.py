"""A real project's configuration validates with the findings it really has, and no others."""

from __future__ import annotations

from importlib.metadata import entry_points
from typing import TYPE_CHECKING

import pytest

from pipelex_cli.validation import Validation
from pipelex_core.plugins import discover
from tests.testing.test_kit import KIT, expected, variables

if TYPE_CHECKING:
    from pipelex_core.errors import Problem
    from pipelex_core.plugins import Plugins

pytestmark = pytest.mark.skipif(not (KIT / "expected.json").is_file(), reason=f"there is no kit in {KIT}")


def backend_plugins() -> Plugins:
    """The installed plugins that bring backends; what else is installed has no say in a configuration."""
    points = entry_points(group="pipelex_core.plugins")
    return discover(entry_points=[point for point in points if point.dist and "-backend-" in point.dist.name])


OF_ITS_TIME = {"model-retired", "model-deprecated", "short-key"}
"""What is true of the kit, and no fault of its form: its models are of 2025, and its keys are dummies."""


def findings(variant: str, profile: str | None = None, *, installed: bool = True) -> list[Problem]:
    plugins = backend_plugins() if installed else discover(entry_points=())
    report = Validation(config=KIT / variant, environ=variables(), profile=profile, plugins=plugins).report()
    return [problem for problem in report.problems if problem.code not in OF_ITS_TIME]


def reported(problems: list[Problem]) -> list[tuple[str, str, str | None]]:
    return [(problem.severity, problem.code, problem.key) for problem in problems]


ASTRAY = {
    # Each of these patterns leads models that the project's own files have to a backend that does not offer them.
    "pipelex_first": ["claude-*", "gpt-*", "grok-*", "gemini-*"],
    "custom_routing": ["gpt-*", "claude-*", "gemini-*"],
}


def test_with_every_backend_enabled_models_that_patterns_lead_astray_are_all_there_is() -> None:
    """They are offered elsewhere, and unavailable: the reference drops them in silence."""
    for profile, patterns in ASTRAY.items():
        problems = findings("all_enabled", profile)
        wanted = {("warning", "route-without-model", f'profiles.{profile}.routes."{pattern}"') for pattern in patterns}
        assert set(reported(problems)) == wanted
        assert len(problems) == len(patterns)


def test_a_profile_without_a_default_leaves_many_handles_without_a_model() -> None:
    """One finding for all of them, where the default is missing."""
    (problem,) = findings("all_enabled", "to_test_various_backends")
    assert (problem.code, problem.key) == ("no-available-model", "profiles.to_test_various_backends")
    assert "alias 'base-claude', alias 'base-gpt'" in problem.message


def test_profiles_of_one_backend_have_no_finding() -> None:
    """Their default goes on to the next backend: nothing is lost."""
    for profile in ("all_anthropic", "all_azure_openai", "all_bedrock", "all_blackboxai", "all_gemini"):
        assert reported(findings("all_enabled", profile)) == []


def test_as_shipped_routes_to_disabled_backends_are_what_there_is() -> None:
    """One finding a backend that is off: five routes to three of them, and what that leaves without a model."""
    problems = findings("as_shipped")
    routes = ['"*-sdxl"', "gpt-image-1", "mistral-ocr"]
    assert reported(problems) == [
        ("warning", "route-to-disabled-backend", f"profiles.pipelex_first.routes.{route}") for route in routes
    ]
    assert "the routes '*-sdxl', 'flux-*', 'nano-banana' lead to 'blackboxai'" in problems[0].message
    assert "alias 'base-mistral', alias 'best-mistral'" in problems[2].message


def test_without_plugins_one_finding_a_plugin_and_the_file_of_no_backend() -> None:
    """`perplexity.toml` belongs to no backend where no plugin declares one; eight plugins serve the kit's models."""
    problems = findings("all_enabled", "all_anthropic", installed=False)
    assert [problem.code for problem in problems] == ["orphan-file", *["plugin-missing"] * 8]
    mends = {problem.suggestion for problem in problems[1:]}
    names = ("anthropic", "bedrock", "fal", "google", "internal", "mistral", "openai", "vertexai")
    assert mends == {f"run: pip install pipelex-backend-{name}" for name in names}


def test_nothing_of_the_kit_is_an_error() -> None:
    """In no profile of any variant: all of it loads."""
    for variant in ("all_enabled", "as_shipped"):
        for profile in expected()["all_enabled"]:
            assert not [problem for problem in findings(variant, profile) if problem.severity == "error"]
