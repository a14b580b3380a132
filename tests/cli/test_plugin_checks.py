"""Checks that plugins add to `validate`, and middlewares that change which model is asked."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import attrs
import pytest

from pipelex_core import Client
from pipelex_core.checks import CheckedConfig, Finding
from pipelex_core.errors import PluginError
from pipelex_core.plugins import discover
from tests.cli.valid_project import ValidProject
from tests.core.config_project import Acme
from tests.support.scripted import Script, deck_of, plugin, plugins_for, spec

if TYPE_CHECKING:
    from pathlib import Path

    from pipelex_core.errors import Problem


def found(tmp_path: Path, checks: Any) -> list[Problem]:
    """What `validate` reports with these checks of the plugin `scripted`."""
    project = ValidProject(tmp_path)
    project.plugins = discover(entry_points=(), extra=[Acme(), plugin({}, pipelex_checks=lambda: checks)])
    return [each for each in project.report().problems if each.code.startswith("plugin-")]


def test_a_check_s_finding_has_its_place(tmp_path: Path) -> None:
    """File, line and key come from the source; the plugin is named."""

    def check(config: CheckedConfig) -> list[Finding]:
        source = config.deck.backends["acme"].source
        return [Finding(message="no region", source=source, severity="error", suggestion="write one")]

    (problem,) = found(tmp_path, [check])
    assert (problem.severity, problem.code, problem.key) == ("error", "plugin-check", "acme")
    assert problem.message == "no region (found by scripted)"
    assert problem.suggestion == "write one"
    assert problem.line is not None


@pytest.mark.parametrize("answer", [ZeroDivisionError("canary"), 3, [3], "text"], ids=repr)
def test_a_check_that_fails_is_a_finding(tmp_path: Path, answer: object) -> None:
    """It names the plugin, and does not show what the check raised; the next check runs."""

    def fails(_: CheckedConfig) -> Any:
        if isinstance(answer, Exception):
            raise answer
        return answer

    first, second = found(tmp_path, [fails, lambda _: [Finding(message="found")]])
    assert first.severity == "warning"
    assert first.message.startswith("a check of the plugin scripted failed: it raised ")
    assert "canary" not in str(first)
    assert second.message == "found (found by scripted)"


def test_a_plugin_whose_answer_is_wrong_is_told_of(tmp_path: Path) -> None:
    """`validate` says that it is quarantined, and why."""
    (problem,) = found(tmp_path, 3)
    assert problem.code == "plugin-quarantined"
    assert "pipelex_checks must return" in problem.message


def test_a_load_calls_no_check(tmp_path: Path) -> None:
    """Only `validate` has a use for them."""
    project = ValidProject(tmp_path)
    calls: list[str] = []

    def pipelex_checks() -> list[Any]:
        calls.append("called")
        return []

    hooked = plugin({}, pipelex_checks=pipelex_checks)
    project.plugins = discover(entry_points=(), extra=[Acme(), hooked])
    project.load()
    assert calls == []


@pytest.mark.parametrize("operation", ["text", "stream"])
def test_a_middleware_that_changes_the_model_is_refused(operation: str) -> None:
    """The error names its plugin, whatever stands around it, and nothing is sent."""

    async def changes(call: Any, proceed: Any) -> Any:
        other = attrs.evolve(call.request.spec, name="dear")
        return await proceed(attrs.evolve(call, request=attrs.evolve(call.request, spec=other)))

    async def innocent(call: Any, proceed: Any) -> Any:
        return await proceed(attrs.evolve(call, request=attrs.evolve(call.request, system="Be brief.")))

    script = Script()
    plugins = plugins_for({"scripted": script}, pipelex_middleware=lambda: [innocent, changes, innocent])
    with Client(deck_of(spec("m")), plugins) as client:
        with pytest.raises(PluginError, match=r"plugin scripted: its middleware changed request\.spec, from model 'm'"):
            if operation == "text":
                client.generate_text("?", model="m")
            else:
                with client.stream_text("?", model="m") as stream:
                    list(stream)
    assert script.requests == []
