"""Every mistake of the table is one finding: the right code, file, line and help, and nothing besides."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from pipelex_cli.validation.formats import as_json
from pipelex_core import config
from tests.cli.mistakes import MISTAKES
from tests.cli.valid_project import ValidProject
from tests.core.config_project import KEY

if TYPE_CHECKING:
    from pathlib import Path

    from tests.cli.valid_project import Mistake


def test_the_project_they_are_made_in_has_no_finding(tmp_path: Path) -> None:
    """So that a finding comes from the mistake alone."""
    assert ValidProject(tmp_path).report().problems == ()


@pytest.mark.parametrize("mistake", MISTAKES, ids=lambda mistake: mistake.name)
def test_a_mistake_is_one_finding(mistake: Mistake, tmp_path: Path) -> None:
    """With code, file, line and help."""
    project = ValidProject(tmp_path)
    for change in mistake.changes:
        change.apply(project)
    report = project.report()
    _, of_a_load = config.check(project.root, environ=project.environ, plugins=project.plugins)
    assert {problem for problem in of_a_load if problem.severity == "error"} <= set(report.problems)
    assert len(report.problems) == 1, "\n".join(map(str, report.problems))
    (problem,) = report.problems
    assert (problem.code, problem.severity) == (mistake.code, mistake.severity)
    assert report.ok == (mistake.severity == "warning")
    assert mistake.help in f"{problem.suggestion} {problem.expected} {problem.message}"
    if mistake.file is not None and mistake.line != 0:
        assert problem.file == str(project.path(mistake.file))
    if isinstance(mistake.line, str):
        text = project.path(mistake.file or "").read_text().splitlines()[(problem.line or 0) - 1]
        assert mistake.line in text
        assert problem.column is not None
    elif mistake.line:
        assert problem.line == mistake.line
    shown = as_json(report)["problems"][0]
    assert KEY not in str(shown)
    assert shown["page"] == f"docs/errors/{mistake.code}.md"


def test_a_missing_variable_hides_no_further_fault(tmp_path: Path) -> None:
    """What its backend's models are used for is checked as if it were set; and nothing is told of what stands for it."""
    wanted = {
        "a variable that is not set",
        "an endpoint without https",
        "a model that is retired",
        "a temperature the model refuses",
        "a text model for an extraction",
        "an image model for a text pipe",
    }
    mistakes = [mistake for mistake in MISTAKES if mistake.name in wanted]
    assert len(mistakes) == len(wanted)
    project = ValidProject(tmp_path)
    for mistake in mistakes:
        for change in mistake.changes:
            change.apply(project)
    report = project.report()
    assert sorted(problem.code for problem in report.problems) == sorted(mistake.code for mistake in mistakes)
    assert report.problems[0].code == "missing-variable"
    assert report.loaded is None
    assert "stands-in" not in str(report.problems)


def test_there_are_many_and_none_twice() -> None:
    """More than sixty, each with a name of its own."""
    names = [mistake.name for mistake in MISTAKES]
    assert len(names) == len(set(names)) > 60
