"""Releases: the same bytes of the same sources, metadata without a fault, versions and changelogs that agree."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest
import tomli
from attrs import evolve
from packaging.requirements import Requirement

from tools import dist
from tools.docs.markdown import ROOT

if TYPE_CHECKING:
    from pathlib import Path

EPOCH = "1700000000"


def clone(target: Path, name: str) -> Path:
    """A distribution's folder as it is in another clone: elsewhere, and of another time."""
    (target / ".git").mkdir(parents=True)
    shutil.copy(ROOT / ".gitignore", target / ".gitignore")
    shutil.copytree(ROOT / name, target / name, ignore=shutil.ignore_patterns("__pycache__"))
    for number, file in enumerate(sorted(target.rglob("*"))):
        os.utime(file, (1_500_000_000 + number, 1_600_000_000 + number))
    return target / name


@pytest.mark.parametrize("name", ["plugins/fal", pytest.param("core", marks=pytest.mark.slow)])
def test_the_same_sources_give_the_same_bytes(name: str, tmp_path: Path) -> None:
    """Wheel and sdist, in two folders, with files of different times; another time of the commit is another build."""
    for place, epoch in (("one", EPOCH), ("two", EPOCH), ("three", "1600000000")):
        dist.build(clone(tmp_path / place, name), tmp_path / "dist" / place, epoch)
    built = {place: {file.name: file.read_bytes() for file in (tmp_path / "dist" / place).iterdir()} for place in ("one", "two", "three")}  # fmt: skip
    assert len(built["one"]) == 2
    assert built["one"] == built["two"]
    assert all(built["three"][file] != data for file, data in built["one"].items())


def test_every_wheel_is_without_a_fault(built_wheels: dict[str, Path]) -> None:
    """Twine and check-wheel-contents have nothing against the wheels of the workspace."""
    assert len(built_wheels) == len(dist.workspace())
    assert dist.check(list(built_wheels.values())) == ""


def test_a_faulty_wheel_would_be_noticed(tmp_path: Path) -> None:
    """One whose README cannot be shown, and one with something beside its package."""
    source = tmp_path / "odd"
    (source / "odd").mkdir(parents=True)
    (source / "odd" / "__init__.py").write_text("")
    (source / "tests").mkdir()
    (source / "tests" / "__init__.py").write_text("x = 1\n")
    (source / "README.rst").write_text("`broken <\n")
    (source / "pyproject.toml").write_text(
        '[project]\nname = "odd"\nversion = "1"\nreadme = "README.rst"\n[build-system]\nrequires = ["hatchling"]\n'
        'build-backend = "hatchling.build"\n[tool.hatch.build.targets.wheel]\npackages = ["odd", "tests"]\n'
    )
    dist.build(source, tmp_path / "dist", EPOCH)
    reported = dist.check(sorted((tmp_path / "dist").iterdir()))
    assert "FAILED" in reported
    assert "W005" in reported or "W009" in reported


def test_versions_and_changelogs_agree() -> None:
    """Each changelog begins with the version, and each plugin's range of core holds the core of the same commit."""
    assert list(dist.faults(dist.workspace())) == []


def test_a_version_that_its_changelog_lacks_would_be_noticed() -> None:
    """And a range that leaves out what is released beside it."""
    core, *plugins = dist.workspace()
    reported = list(dist.faults([evolve(core, version="9.0.0"), *plugins]))
    assert reported[0] == f"pipelex-core: the changelog begins with ['{core.version}'], and the version is 9.0.0"
    assert len(reported) == 1 + sum(any(need.name == core.name for need in one.requirements) for one in plugins)
    assert all("and pipelex-core is 9.0.0" in one for one in reported[1:])
    loose = evolve(core, requirements=(Requirement("elsewhere<1"),))
    assert list(dist.faults([loose])) == []


def test_a_tag_names_one_distribution_and_its_version() -> None:
    """Any other tag releases nothing."""
    every = dist.workspace()
    core = every[0]
    assert dist.chosen(every, f"pipelex-core-v{core.version}") == [core]
    assert dist.chosen(every, None) == every
    for wrong in (f"v{core.version}", f"pipelex-core-v{core.version}.99", f"pipelex-nothing-v{core.version}"):
        with pytest.raises(SystemExit, match=f"the tag {wrong} is none"):
            dist.chosen(every, wrong)


def test_the_workflows_run_what_a_reader_can_run() -> None:
    """The check, and the build that is released; a release needs no token."""
    folder = ROOT / ".github" / "workflows"
    check, release = ((folder / f"{name}.yml").read_text(encoding="utf-8") for name in ("check", "release"))
    assert "- run: .ci/run\n" in check
    assert "uv run poe dist\n" in check
    assert 'uv run poe dist --tag "$GITHUB_REF_NAME"\n' in release
    assert "id-token: write" in release
    assert "secrets." not in check + release


@pytest.mark.slow
def test_poe_dist_builds_what_a_tag_names(tmp_path: Path) -> None:
    """From the command line: one distribution, checked."""
    one = dist.read_distribution(ROOT / "plugins" / "fal")
    (tmp_path / "pipelex_backend_fal-0.0.0.tar.gz").write_bytes(b"an older one")
    (tmp_path / "mine").write_bytes(b"kept")
    command = [sys.executable, "-m", "tools.dist", "--tag", one.tag, "--into", str(tmp_path)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    built = f"pipelex_backend_fal-{one.version}"
    assert {file.name for file in tmp_path.iterdir()} == {f"{built}-py3-none-any.whl", f"{built}.tar.gz", "mine"}


def test_every_distribution_names_the_same_versions_of_python() -> None:
    """3.11 to 3.14, and nothing older is let in."""
    for one in dist.workspace():
        project = tomli.loads((one.folder / "pyproject.toml").read_text(encoding="utf-8"))["project"]
        named = [line.rpartition(" ")[2] for line in project["classifiers"] if ":: Python :: 3." in line]
        assert (project["requires-python"], named) == (">=3.11", ["3.11", "3.12", "3.13", "3.14"]), one.name
