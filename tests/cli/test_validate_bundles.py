"""Bundles: found wherever they are, and each model reference of their pipes checked, in every form of the language."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from pipelex_cli.validation.bundle_files import bundle_files
from tests.cli.valid_project import BUNDLE, ValidProject

if TYPE_CHECKING:
    from pathlib import Path

    from pipelex_core.errors import Problem


def found(valid: ValidProject, pipe: str) -> list[Problem]:
    """What is found in a bundle of one pipe."""
    valid.path("more.mthds").write_text(f'domain = "x"\n\n[pipe.p]\n{pipe}\n')
    return list(valid.report().problems)


RIGHT = [
    'type = "PipeLLM"\nmodel = "m-one"',
    'type = "PipeLLM"\nmodel = "best"',
    'type = "PipeLLM"\nmodel = "@best"',
    'type = "PipeLLM"\nmodel = "$quick"',
    'type = "PipeLLM"\nmodel = "quick"',
    'type = "PipeLLM"\nmodel = { model = "m-one", temperature = 0.7, max_tokens = "auto" }',
    'type = "PipeLLM"\nmodel = { model = "best", temperature = 0.7, description = "why" }',
    'type = "PipeLLM"\nllm = "quick"\nllm_to_structure = "quick"',
    'type = "PipeLLM"\nllm = { llm_handle = "m-one", temperature = 0 }',
    'type = "PipeLLM"\nmodel_to_structure = { model = "m-one", temperature = 0 }',
    'PipeLLM = "Writes"\nllm = "quick"',
    'type = "PipeExtract"\nmodel = "reader"',
    'type = "PipeExtract"\nmodel = { model = "reader", max_nb_images = 3 }',
    'type = "PipeOcr"\nocr = "scan"',
    'type = "PipeOCR"\nocr_model = "reader"',
    'type = "PipeOcr"\nocr = { ocr_handle = "reader" }',
    'type = "PipeImgGen"\nmodel = "$paint"',
    'type = "PipeImgGen"\nimg_gen = { img_gen_handle = "painter", nb_steps = 4 }',
    'type = "PipeLLM"\nprompt = "no model: the default"',
    'type = "PipeSequence"\nsteps = []\nmodel = "of another program"',
    'type = "PipeSearch"\nmodel = "$standard"',
    'type = "PipeCompose"\nmodel = 7',
    "type = 7",
]


@pytest.mark.parametrize("pipe", RIGHT)
def test_a_right_reference_is_no_finding(valid: ValidProject, pipe: str) -> None:
    """Presets, aliases with and without their signs, models, tables with settings; other pipes are not ours."""
    assert found(valid, pipe) == []


WRONG = [
    ('type = "PipeLLM"\nmodel = "gpt"', "unknown-handle", 5, 9),
    ('type = "PipeLLM"\nmodel = "$best"', "unknown-handle", 5, 9),
    ('type = "PipeLLM"\nmodel = "@quick"', "unknown-handle", 5, 9),
    ('type = "PipeLLM"\nmodel = "~best"', "unknown-handle", 5, 9),
    ('type = "PipeLLM"\nmodel = { temperature = 0.5, model = "gpt" }', "unknown-handle", 5, 38),
    ('type = "PipeLLM"\nllm = { llm_handle = "gpt" }', "unknown-handle", 5, 22),
    ('type = "PipeLLM"\nllm_to_structure = "gpt"', "unknown-handle", 5, 20),
    ('PipeLLM = "Writes"\nllm = "gpt"', "unknown-handle", 5, 7),
    ('type = "PipeOcr"\nocr_model = "raeder"', "unknown-handle", 5, 13),
    ('type = "PipeLLM"\nmodel = "reader"', "wrong-capability", 5, 9),
    ('type = "PipeLLM"\nmodel = { model = "painter" }', "wrong-capability", 5, 19),
    ('type = "PipeExtract"\nmodel = "best"', "wrong-capability", 5, 9),
    ('type = "PipeImgGen"\nmodel = "quick"', "unknown-handle", 5, 9),
    ('type = "PipeImgGen"\nimg_gen = "m-one"', "wrong-capability", 5, 11),
    ('type = "PipeLLM"\nmodel = { model = "best", temprature = 1 }', "unknown-key", 5, 27),
    ('type = "PipeLLM"\nmodel = { model = "best", temperature = "hot" }', "bad-value", 5, 41),
    ('type = "PipeLLM"\nmodel = { temperature = 0.5 }', "missing-key", 5, 1),
    ('type = "PipeLLM"\nmodel = { model = "best", llm_handle = "best" }', "missing-key", 5, 1),
    ('type = "PipeLLM"\nmodel = 7', "bad-value", 5, 9),
    ('type = "PipeLLM"\nmodel = ""', "bad-value", 5, 9),
    ('type = "PipeLLM"\nmodel = { model = ["best"] }', "bad-value", 5, 19),
    ('type = "PipeLLM"\nmodel = "m-off"', "no-available-model", 5, 9),
]


@pytest.mark.parametrize(("pipe", "code", "line", "column"), WRONG)
def test_a_wrong_reference_is_one_finding_with_its_place(
    valid: ValidProject, pipe: str, code: str, line: int, column: int
) -> None:
    """A finding has the file, line and column of the value that is wrong, or of the key."""
    (problem,) = found(valid, pipe)
    assert (problem.code, problem.line, problem.column) == (code, line, column)
    assert problem.file == str(valid.path("more.mthds"))


def test_a_name_with_the_wrong_sign_is_suggested_without_it(valid: ValidProject) -> None:
    """`~` is a sign of newer releases; `$` makes a preset of an alias, which it is not."""
    (problem,) = found(valid, 'type = "PipeLLM"\nmodel = "~best"')
    assert problem.suggestion == "did you mean 'best'?"
    (problem,) = found(valid, 'type = "PipeLLM"\nmodel = "$best"')
    assert problem.suggestion == "did you mean 'best'?"


def test_what_is_wrong_with_the_deck_is_not_told_again(valid: ValidProject) -> None:
    """A pipe that names an alias in a circle, a preset with a fault, or a model that is off already told."""
    valid.add("deck/base.toml", '[llm.presets.bad]\nmodel = "m-one"\ntop_p = 9\n')
    valid.write("deck/z.toml", 'aliases.a = "b"\naliases.b = "a"\n')
    pipes = "".join(
        f'[pipe.p{n}]\ntype = "PipeLLM"\nmodel = "{name}"\n' for n, name in enumerate(("a", "b", "bad", "$bad"))
    )
    valid.path("more.plx").write_text(pipes)
    assert [problem.code for problem in valid.report().problems] == ["bad-value", "alias-cycle"]


def test_a_model_that_is_off_is_told_once_however_many_pipes_name_it(valid: ValidProject) -> None:
    """At the first."""
    pipes = "".join(f'[pipe.p{number}]\ntype = "PipeLLM"\nmodel = "m-off"\n' for number in range(9))
    valid.path("more.plx").write_text(pipes)
    (problem,) = valid.report().problems
    assert (problem.code, problem.line) == ("no-available-model", 3)


@pytest.mark.parametrize("text", ["pipe = 3", "pipe = []", '[pipe]\np = "x"', '[pipes.p]\ntype = "PipeLLM"', ""])
def test_a_bundle_of_another_form_is_not_judged(valid: ValidProject, text: str) -> None:
    """Nothing but model references is ours."""
    valid.path("more.plx").write_text(text)
    assert valid.report().ok


def test_every_bundle_is_found_and_none_of_what_tools_bring(tmp_path: Path) -> None:
    """Below any folder; not in hidden ones, virtual environments, or those of package managers."""
    for name in ("a.plx", "methods/deep/er/b.mthds", "c.PLX", "d.toml", "plx"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(BUNDLE)
    for name in (".venv", ".git", "node_modules", "__pycache__", ".tox/x", "my_env/lib", "x/site-packages"):
        (tmp_path / name).mkdir(parents=True)
        (tmp_path / name / "no.plx").write_text(BUNDLE)
    (tmp_path / "my_env" / "pyvenv.cfg").write_text("")
    (tmp_path / "folder.plx").mkdir()
    found = [str(file.relative_to(tmp_path)) for file in bundle_files(tmp_path)]
    assert found == ["a.plx", "methods/deep/er/b.mthds"]


def test_links_in_a_circle_end(tmp_path: Path) -> None:
    """Each folder is read once; a link that leads nowhere, or to itself, is not a fault."""
    inner = tmp_path / "project" / "inner"
    inner.mkdir(parents=True)
    (inner / "a.plx").write_text(BUNDLE)
    (inner / "up").symlink_to(tmp_path / "project")
    (tmp_path / "project" / "again").symlink_to(inner)
    (tmp_path / "project" / "self").symlink_to(tmp_path / "project" / "self")
    (tmp_path / "project" / "gone.plx").symlink_to(tmp_path / "nothing")
    assert len(bundle_files(tmp_path / "project")) == 1


def test_the_project_of_a_configuration_is_the_folder_around_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """From a folder below too; but a configuration in the home never makes the whole home a project."""
    from pipelex_cli.commands.validate import _project

    valid = ValidProject(tmp_path / "app")
    (tmp_path / "app" / "below").mkdir()
    monkeypatch.chdir(tmp_path / "app" / "below")
    assert _project(valid.validation()) == tmp_path / "app"
    monkeypatch.setenv("HOME", str(tmp_path / "app"))
    assert _project(valid.validation()) == tmp_path / "app" / "below"
