"""Where a configuration is looked for, and the `.env` that belongs to it."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from pipelex_core import config
from pipelex_core.errors import ModelDeckNotFoundError
from tests.core.config_project import KEY, Project

if TYPE_CHECKING:
    from pathlib import Path


def test_config_names_the_folder_or_its_inference_folder(project: Project, tmp_path: Path) -> None:
    """`config` wins over everything, and names `.pipelex` or the `inference/` in it."""
    environ = {"PIPELEX_CONFIG_DIR": str(tmp_path)}
    for named in (project.folder, project.folder.parent, str(project.folder)):
        assert config.locate(tmp_path, config=named, environ=environ) == project.folder


def test_an_inference_folder_of_another_name_is_known_by_its_backends(project: Project, tmp_path: Path) -> None:
    """A folder with backends.toml is one, whatever it is called."""
    renamed = project.folder.rename(tmp_path / "models")
    assert config.locate(config=renamed, environ={}) == renamed


def test_a_root_is_searched_upwards(project: Project, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """The nearest `.pipelex` from a project's folder upwards; the working directory where no folder is given."""
    below = project.root / "a" / "b"
    below.mkdir(parents=True)
    assert config.locate(below, environ={}) == project.folder
    monkeypatch.chdir(below)
    assert config.locate(environ={}) == project.folder
    (project.root / "a" / ".pipelex").write_text("a file is not a folder")
    assert config.locate(environ={}) == project.folder
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ModelDeckNotFoundError):
        config.locate(environ={"HOME": str(tmp_path / "nobody")})


def test_the_variable_wins_over_the_search_and_loses_to_an_argument(
    project: Project, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """`PIPELEX_CONFIG_DIR` stands between an argument and the search; empty, it counts as not set."""
    other = Project(tmp_path / "other")
    monkeypatch.chdir(project.root)
    environ = {"PIPELEX_CONFIG_DIR": str(other.folder.parent)}
    assert config.locate(environ=environ) == other.folder
    assert config.locate(project.root, environ=environ) == project.folder
    assert config.locate(environ={"PIPELEX_CONFIG_DIR": ""}) == project.folder


def test_the_home_folder_comes_last(project: Project, tmp_path: Path) -> None:
    """`~/.pipelex` is used where no folder above has one."""
    empty = tmp_path / "empty"
    empty.mkdir()
    assert config.locate(empty, environ={"HOME": str(project.root)}) == project.folder


def test_a_missing_folder_says_where_it_was_looked_for(tmp_path: Path) -> None:
    """No folder at all: one problem, with what to run."""
    with pytest.raises(ModelDeckNotFoundError) as caught:
        config.locate(tmp_path, environ={"HOME": str(tmp_path)})
    (problem,) = caught.value.problems
    assert problem.code == "missing-file"
    assert str(tmp_path) in problem.message
    assert problem.suggestion == "run: pipelex init"
    loaded, problems = config.check(tmp_path, environ={"HOME": str(tmp_path)}, plugins=Project(tmp_path / "x").plugins)
    assert loaded is None
    assert problems == caught.value.problems


@pytest.mark.parametrize("named", ["nothing", ".pipelex", "nul\0"])
def test_a_folder_that_is_asked_for_must_be_one(tmp_path: Path, named: str) -> None:
    """A folder that does not exist, or has no `inference/`, is an error even where another could be found."""
    (tmp_path / ".pipelex").mkdir()
    with pytest.raises(ModelDeckNotFoundError):
        config.locate(config=tmp_path / named, environ={})


def test_dotenv_stands_beside_the_folder_and_below_the_environment(project: Project) -> None:
    """Variables of `.env` count where the environment has none, and the environment is not changed."""
    (project.root / ".env").write_text("ACME_KEY=from-file\n")
    environ: dict[str, str] = {}
    loaded = project.load(environ=environ)
    key = loaded.deck.backends["acme"].api_key
    assert key is not None
    assert key.reveal() == "from-file"
    assert environ == {}
    assert loaded.env_file == project.root / ".env"
    key = project.load().deck.backends["acme"].api_key
    assert key is not None
    assert key.reveal() == KEY


def test_without_an_environ_the_process_environment_counts(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is read and left as it is, whatever `.env` says."""
    (project.root / ".env").write_text("ACME_KEY=from-file\nNEW_VARIABLE=new\n")
    monkeypatch.setenv("ACME_KEY", "from-process")
    before = dict(os.environ)
    loaded = config.load(project.root, plugins=project.plugins)
    key = loaded.deck.backends["acme"].api_key
    assert key is not None
    assert key.reveal() == "from-process"
    assert dict(os.environ) == before


def test_another_env_file_may_be_named_and_must_exist(project: Project, tmp_path: Path) -> None:
    """`env_file` replaces the `.env` beside the folder; missing, it is an error."""
    (project.root / ".env").write_text("ACME_KEY=not-this\n")
    file = tmp_path / "keys.env"
    file.write_text("ACME_KEY=from-named\n")
    key = project.load(environ={}, env_file=file).deck.backends["acme"].api_key
    assert key is not None
    assert key.reveal() == "from-named"
    problem = project.only(env_file=tmp_path / "missing.env")
    assert (problem.code, problem.file) == ("missing-file", str(tmp_path / "missing.env"))


def test_the_projects_folder_in_place_of_its_configuration_is_told(project: Project) -> None:
    """`--config` and the variable name the folder `.pipelex` inside it."""
    for requested, environ in ((project.root, {}), (None, {"PIPELEX_CONFIG_DIR": str(project.root)})):
        with pytest.raises(ModelDeckNotFoundError) as caught:
            config.locate(config=requested, environ=environ)
        assert caught.value.problems[0].suggestion == f"did you mean '{project.root / '.pipelex'}'?"
