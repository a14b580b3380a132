"""`pipelex new-backend`: names, files, and a folder that is written whole or not at all."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING

import pytest
import tomli
from hypothesis import given, settings
from hypothesis import strategies as st
from packaging.requirements import Requirement

from pipelex_cli.app import run
from pipelex_core.errors import PipelexError
from pipelex_core.plugins import FIRST_PARTY
from pipelex_core.plugins.loading import installed_core
from pipelex_testing.scaffold import KINDS, Kind, files, names_for, new_distribution, write_folder
from pipelex_testing.scaffold.names import LONGEST

if TYPE_CHECKING:
    from pathlib import Path

NAMES = names_for("acme-cloud")
EVERYWHERE = {
    ".github/workflows/check.yml",
    ".github/workflows/release.yml",
    ".gitignore",
    "CHANGELOG.md",
    "LICENSE",
    "README.md",
    "pyproject.toml",
    "src/pipelex_backend_acme_cloud/__init__.py",
    "src/pipelex_backend_acme_cloud/py.typed",
    "src/pipelex_backend_acme_cloud/specs/acme_cloud.toml",
    "tests/test_conformance.py",
}


def test_all_names_follow_from_one() -> None:
    """Distribution, module, table, class, variable: each in the form that its place asks for."""
    assert NAMES.distribution == "pipelex-backend-acme-cloud"
    assert NAMES.module == "pipelex_backend_acme_cloud"
    assert (NAMES.backend, NAMES.title) == ("acme_cloud", "Acme Cloud")
    assert (NAMES.class_name, NAMES.variable) == ("AcmeCloud", "ACME_CLOUD_API_KEY")


@pytest.mark.parametrize(
    ("wrong", "nearest"),
    [
        ("Acme", "acme"),
        ("AcmeCloud", "acme-cloud"),
        ("acme cloud", "acme-cloud"),
        ("acme_cloud", "acme-cloud"),
        ("acme--cloud-", "acme-cloud"),
        ("pipelex-backend-acme", "acme"),
        ("pipelex_backend_acme", "acme"),
        ("4acme", "acme"),
        ("9pipelex-backend-9acme", "acme"),
        ("../acme", "acme"),
        ("acme/../../etc", "acme-etc"),
        ("a" * (LONGEST + 1), "a" * LONGEST),
    ],
)
def test_a_wrong_name_is_told_with_the_nearest(wrong: str, nearest: str) -> None:
    """Whoever mistypes gets the rule, and a name that would do."""
    with pytest.raises(PipelexError, match=re.escape(f"try '{nearest}'")):
        names_for(wrong)
    assert names_for(nearest).distribution == f"pipelex-backend-{nearest}"


def why_not(name: str) -> str:
    """Why a text is not a name: `taken`, or `wrong`; empty where it is one."""
    try:
        names_for(name)
    except PipelexError as error:
        return "taken" if "is taken" in str(error) else "wrong"
    return ""


@settings(deadline=None)  # the machine may be busy
@given(st.text(max_size=60))
def test_any_text_is_a_name_or_leads_to_one(text: str) -> None:
    """A name is made into valid names; from every other text the way out that is told is a name, or is taken."""
    try:
        names = names_for(text)
    except PipelexError as error:
        reported = re.search(r"; try '([^']*)'$", str(error))
        assert reported is None or why_not(reported[1]) in {"", "taken"}
    else:
        assert names.module.isidentifier()
        assert names.class_name.isidentifier()
        assert re.fullmatch(r"[A-Z][A-Z0-9_]*_API_KEY", names.variable)
        assert Requirement(names.distribution).name == names.distribution


@pytest.mark.parametrize(
    "name", sorted(set(FIRST_PARTY) & {"openai", "mistral", "fal", "google", "vertexai"} | {"internal"})
)
def test_a_name_of_this_project_is_taken(name: str) -> None:
    """Two distributions of one name, or two plugins of one sdk, would shut each other out."""
    with pytest.raises(PipelexError, match=f"'{name}' is taken by a plugin of this project"):
        names_for(name)


def test_a_name_that_an_installed_plugin_has_is_taken() -> None:
    """Its sdk would be offered twice."""
    with pytest.raises(PipelexError, match="'acme-cloud' is taken by an installed plugin"):
        names_for("acme-cloud", {"acme_cloud"})


@pytest.mark.parametrize("kind", KINDS)
def test_a_distribution_is_complete(kind: Kind) -> None:
    """Everything a distribution needs, with nothing left to fill in; its name is in all of it."""
    made = new_distribution(NAMES, kind)
    own = {"http": {"_api.py", "_backend.py", "_messages.py"}, "sdk": {"_sdk.py", "_backend.py", "_messages.py"}}
    modules = {f"src/pipelex_backend_acme_cloud/{name}" for name in own.get(kind, ())}
    more = {"tests/__init__.py", "tests/wire.py"} if kind == "http" else set()
    assert set(made) == EVERYWHERE | modules | more
    assert [path for path, text in made.items() if re.search(r"@[a-z_]+@", path + text)] == []
    assert all(text.endswith("\n") for text in made.values() if text)
    named = {path for path, text in made.items() if "acme" in text.lower()}
    assert set(made) - named <= {
        f"src/{NAMES.module}/{name}" for name in ("py.typed", "_api.py", "_messages.py", "_sdk.py")
    } | {".gitignore", ".github/workflows/check.yml"}


@pytest.mark.parametrize("kind", KINDS)
def test_its_metadata_is_that_of_a_plugin(kind: Kind) -> None:
    """Entry point, range of core around the one that wrote it, an extra for its tests."""
    project = tomli.loads(new_distribution(NAMES, kind)["pyproject.toml"])["project"]
    assert project["entry-points"] == {"pipelex_core.plugins": {"acme_cloud": "pipelex_backend_acme_cloud"}}
    needs = {found.name: found for found in map(Requirement, project["dependencies"])}
    installed = installed_core()
    assert installed is not None
    assert needs["pipelex-core"].specifier.contains(installed)
    assert not needs["pipelex-core"].specifier.contains("99")
    assert ("pipelex-backend-openai" in needs) == (kind == "openai-compatible")
    assert any(Requirement(line).name == "pipelex-core" for line in project["optional-dependencies"]["test"])


@pytest.mark.parametrize(
    ("core", "range_"),
    [("0.1.0", ">=0.1,<0.2"), ("0.9.3", ">=0.9,<0.10"), ("1.0.0", ">=1.0,<2"), ("2.7.1", ">=2.7,<3")],
)
def test_the_range_of_core_ends_where_it_may_break(core: str, range_: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """At the next minor version before 1.0, at the next major one after it."""
    monkeypatch.setattr(files, "installed_core", lambda: core)
    assert files.core_range() == range_


def test_the_smallest_is_under_forty_lines_of_python() -> None:
    """Every line of its package counted, also the empty ones."""
    made = new_distribution(NAMES, "openai-compatible")
    lines = [line for path, text in made.items() if path.startswith("src/") and path.endswith(".py") for line in text.splitlines()]  # fmt: skip
    assert 5 < len(lines) < 40


def test_a_folder_that_is_there_is_left_alone(tmp_path: Path) -> None:
    """Whatever it is: a folder, an empty one, a file, a link to nowhere."""
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "mine").write_text("kept")
    (tmp_path / "empty").mkdir()
    (tmp_path / "file").write_text("kept")
    (tmp_path / "link").symlink_to("nowhere")
    before = sorted(tmp_path.rglob("*"))
    for name in ("full", "empty", "file", "link"):
        with pytest.raises(PipelexError, match="is there already; nothing was written"):
            write_folder(tmp_path / name, {"a": "b"})
    assert sorted(tmp_path.rglob("*")) == before
    assert (tmp_path / "full" / "mine").read_text() == "kept"


def test_what_cannot_be_written_whole_leaves_nothing(tmp_path: Path) -> None:
    """No half of a distribution, and no draft beside it."""
    with pytest.raises(PipelexError, match="cannot be written"):
        write_folder(tmp_path / "new", {"a": "a file", "a/b": "below a file"})
    assert list(tmp_path.iterdir()) == []


def test_a_place_that_is_no_folder_is_told(tmp_path: Path) -> None:
    """`--into` a file."""
    (tmp_path / "file").write_text("")
    with pytest.raises(PipelexError, match="cannot be written"):
        write_folder(tmp_path / "file" / "new", {"a": "b"})


def test_the_command_writes_it_and_says_what_comes_next(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The folder has the distribution's name; the same command again is refused."""
    command = ["new-backend", "acme-cloud", "--kind", "http", "--into", str(tmp_path / "deep" / "er")]
    assert run(command) == 0
    folder = tmp_path / "deep" / "er" / "pipelex-backend-acme-cloud"
    reported = capsys.readouterr()
    assert reported.out == ""
    assert f"Next: cd {folder}; pip install" in reported.err
    written = {str(file.relative_to(folder)): file.read_text() for file in folder.rglob("*") if file.is_file()}
    assert written == new_distribution(NAMES, "http")
    assert run(command) == 1
    assert "is there already" in capsys.readouterr().err


def test_the_command_has_a_document_for_programs(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Folder, distribution, kind, and the files."""
    assert run(["new-backend", "acme-cloud", "--into", str(tmp_path), "--json"]) == 0
    reported = json.loads(capsys.readouterr().out)
    assert reported.pop("files") == sorted(new_distribution(NAMES, "openai-compatible"))
    folder = str(tmp_path / "pipelex-backend-acme-cloud")
    assert reported == {"folder": folder, "distribution": "pipelex-backend-acme-cloud", "kind": "openai-compatible"}


def test_the_command_refuses_a_kind_there_is_not(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Wrong usage, with the kinds there are."""
    assert run(["new-backend", "acme", "--kind", "grpc", "--into", str(tmp_path)]) == 2
    reported = capsys.readouterr().err
    assert all(kind in reported for kind in KINDS)
    assert list(tmp_path.iterdir()) == []
