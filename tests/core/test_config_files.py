"""Reading the files: what is missing, unreadable, no TOML, odd but right, or very large."""

from __future__ import annotations

import os
import threading
from typing import TYPE_CHECKING

import pytest

from pipelex_core.errors import ConfigError, ModelDeckNotFoundError, ModelsManagerError, Problem

if TYPE_CHECKING:
    from tests.core.config_project import Project

ALL = ["backends.toml", "backends/acme.toml", "routing_profiles.toml", "deck/base.toml"]


def test_the_project_is_sound(project: Project) -> None:
    """The configuration that the other tests change has no problem, so that each change is the only one."""
    assert project.check() == ()
    loaded = project.load()
    assert loaded.folder == project.folder
    assert list(loaded.deck.backends) == ["acme", "beta"]


@pytest.mark.parametrize("name", ["backends.toml", "routing_profiles.toml"])
def test_a_missing_file_is_one_problem(project: Project, name: str) -> None:
    """A missing file is named, with what to run, and nothing that follows from it is reported too."""
    (project.folder / name).unlink()
    problem = project.only()
    assert (problem.code, problem.file) == ("missing-file", str(project.folder / name))
    with pytest.raises(ModelDeckNotFoundError):
        project.load()


def test_a_deck_without_files_is_one_problem(project: Project) -> None:
    """An empty `deck/` and a missing one are the same fault."""
    (project.folder / "deck/base.toml").unlink()
    assert project.only().code == "missing-file"
    (project.folder / "deck").rmdir()
    assert project.only().code == "missing-file"
    with pytest.raises(ModelDeckNotFoundError):
        project.load()


@pytest.mark.parametrize("name", ["backends.toml", "routing_profiles.toml", "deck/base.toml"])
def test_an_empty_file_is_a_clear_error(project: Project, name: str) -> None:
    """A file with nothing in it, or comments alone, says so."""
    for content in (b"", b"# nothing\n\n"):
        project.write(name, content)
        problems = [problem for problem in project.check() if problem.severity == "error"]
        assert [(p.code, p.file) for p in problems] == [("empty-file", str(project.folder / name))]


def test_a_second_deck_file_may_be_empty(project: Project) -> None:
    """Of several files of a deck, one may say nothing: a template of overrides, all commented out."""
    project.write("deck/overrides.toml", "# nothing to override\n")
    assert project.check() == ()


@pytest.mark.parametrize("name", ALL)
def test_a_file_that_is_not_utf8_is_one_problem(project: Project, name: str) -> None:
    """The line of the first wrong byte is told."""
    text = (project.folder / name).read_bytes()
    project.write(name, b"# first\n# caf\xe9\n" + text)
    problem = project.only()
    assert (problem.code, problem.file, problem.line) == ("bad-encoding", str(project.folder / name), 2)


@pytest.mark.parametrize("name", ALL)
def test_an_unreadable_file_is_one_problem(project: Project, name: str) -> None:
    """A folder in a file's place, or a file one may not read."""
    (project.folder / name).unlink()
    (project.folder / name).mkdir()
    if name != "deck/base.toml":
        problem = project.only()
        assert (problem.code, problem.file) == ("unreadable-file", str(project.folder / name))
    else:
        assert project.only().code == "missing-file"  # a folder of that name is searched for files


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="pipes as POSIX has them")
@pytest.mark.parametrize("name", ALL)
def test_a_pipe_in_a_files_place_is_one_problem(project: Project, name: str) -> None:
    """It is not read, which may never end."""
    (project.folder / name).unlink()
    os.mkfifo(project.folder / name)
    found: list[Problem] = []
    reading = threading.Thread(target=lambda: found.append(project.only()), daemon=True)
    reading.start()
    reading.join(60)
    assert [(problem.code, problem.file) for problem in found] == [("unreadable-file", str(project.folder / name))]


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_file_without_permission_is_one_problem(project: Project) -> None:
    """The system's reason is told."""
    (project.folder / "backends.toml").chmod(0)
    assert "Permission denied" in project.only().message


@pytest.mark.parametrize("name", ALL)
def test_a_toml_error_has_its_line_and_column(project: Project, name: str) -> None:
    """A file that is not TOML is one problem, with the parser's place and words."""
    text = (project.folder / name).read_text()
    project.write(name, f"# first\nkey = = 3\n{text}".encode())
    problem = project.only()
    assert (problem.code, problem.file) == ("bad-toml", str(project.folder / name))
    assert (problem.line, problem.column) == (2, 7)


@pytest.mark.parametrize(
    "text",
    [
        "a = " + "[" * 100_000,
        "a = " + "{b = " * 50_000,
        ".".join(["a"] * 100_000) + " = 1",
        "[" + ".".join(["a"] * 100_000) + "]",
        "a = " + "9" * 10_000,
        "a = 1e999999999999999999999",
        'a = "\\ud800"',
        "a = 1\na = 2",
        "[a]\n[a]",
        "a = 2020-99-99",
        "a = \x00",
        "a\r= 1",
    ],
)
def test_malicious_toml_is_a_problem_and_no_crash(project: Project, text: str) -> None:
    """Deep nesting, endless numbers, wrong escapes, duplicates: the load raises nothing but its own error."""
    project.write("deck/more.toml", text.encode())
    problems = project.check()
    assert problems[0].file == str(project.folder / "deck/more.toml")
    assert {problem.code for problem in problems} <= {"bad-toml", "unknown-key"}


def test_a_bom_and_crlf_do_no_harm(project: Project) -> None:
    """Files as Windows editors write them load, and positions in them are right."""
    for name in ALL:
        text = (project.folder / name).read_bytes().replace(b"\n", b"\r\n")
        project.write(name, b"\xef\xbb\xbf" + text)
    assert project.check() == ()
    project.write("deck/base.toml", b'\xef\xbb\xbf[aliases]\r\nx = "m-one"\r\ny = "nowhere"\r\n')
    problem = project.only()
    assert (problem.code, problem.line, problem.column) == ("unknown-handle", 3, 5)


def test_toml_1_1_loads_on_every_python(project: Project) -> None:
    """Tomli is used even where the standard library has a parser: the same deck must load everywhere."""
    project.write("deck/more.toml", '[llm.presets]\nwide = {\n  model = "m-one",\n  temperature = 0.5,\n}\n')
    assert project.check() == ()
    assert project.load().deck.resolve("wide").settings == {"temperature": 0.5}


def test_keys_with_dots_slashes_and_quotes(project: Project) -> None:
    """A name may hold anything: dots, slashes, spaces, quotes, other alphabets."""
    for name in ("flux-pro/v1.1", "a b", 'quo"te', "模型", "*"):
        quoted = name.replace('"', '\\"')
        project.add("backends/acme.toml", f'\n["{quoted}"]\nmodel_id = "x"\n')
        project.add("deck/base.toml", f'\n[aliases."to {quoted}"]\nmodel = "{quoted}"\n')
        loaded = project.load()
        assert loaded.deck.resolve(name).chain[0].available
        assert loaded.deck.resolve(f"to {name}").chain[0].name == name


def test_a_backend_name_never_leads_out_of_the_folder(project: Project) -> None:
    """A table named like a path reads no file outside `backends/`."""
    project.root.joinpath("outside.toml").write_text('[m-outside]\nsdk = "acme"\n')
    project.add("backends.toml", '\n["../../../outside"]\n')
    problem = project.only()
    assert problem.code == "missing-file"
    assert "m-outside" not in str(problem)


def test_all_faults_come_together(project: Project) -> None:
    """One error holds the faults of every file; its class says what they have in common."""
    project.replace("backends.toml", "[beta]", "[beta]\nenabled = 3")
    project.replace("backends/acme.toml", "max_tokens = 4096", 'max_tokens = "4096"')
    project.replace("routing_profiles.toml", '"acme"', '"acne"')
    with pytest.raises(ModelsManagerError) as caught:
        project.load()
    assert [problem.code for problem in caught.value.problems] == ["bad-value", "bad-value", "unknown-backend"]
    project.replace("deck/base.toml", "temperature = 0.5", "temperature = 5")
    with pytest.raises(ConfigError) as mixed:
        project.load()
    assert type(mixed.value) is ConfigError
    assert len(mixed.value.problems) == 4
    text = str(mixed.value)
    for problem in mixed.value.problems:
        assert f"{problem.file}:{problem.line}:" in text


def test_large_configurations_load(project: Project) -> None:
    """Ten megabytes and tens of thousands of models, aliases and presets."""
    count = 20_000
    models = "".join(f'[model-{n}]\nmodel_id = "{"x" * 400}"\n' for n in range(count))
    project.write("backends/beta.toml", f'[defaults]\nsdk = "acme"\n{models}'.encode())
    aliases = "".join(f'alias-{n} = "model-{n}"\n' for n in range(count))
    presets = "".join(f'preset-{n} = {{ model = "alias-{n}", temperature = 0.5 }}\n' for n in range(count))
    project.write("deck/large.toml", f"[aliases]\n{aliases}\n[llm.presets]\n{presets}".encode())
    loaded = project.load()
    assert loaded.deck.resolve(f"preset-{count - 1}").chain[0].name == f"model-{count - 1}"


def test_thousands_of_faults_end_in_one_error(project: Project) -> None:
    """Very many faults are all reported, each with its line, in reasonable time."""
    count = 5_000
    aliases = "".join(f'alias-{n} = "nowhere-{n}"\n' for n in range(count))
    project.write("deck/large.toml", f"[aliases]\n{aliases}".encode())
    problems = project.check()
    assert len(problems) == count
    assert [problem.line for problem in problems] == list(range(2, count + 2))
