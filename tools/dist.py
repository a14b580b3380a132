"""Builds the workspace's distributions as they are released, and checks them: `poe dist`.

Wheels and sdists hold the time of the commit and no other, so that one commit gives the same bytes wherever it is built.
"""

from __future__ import annotations

import argparse
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import tomli
from attrs import frozen
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

ROOT = Path(__file__).resolve().parents[1]


@frozen(kw_only=True)
class Distribution:
    """A distribution of the workspace.

    Attributes:
        folder: Where its sources are.
        name: As on the index.
        version: In pyproject.toml.
        requirements: What it needs.
    """

    folder: Path
    name: str
    version: str
    requirements: tuple[Requirement, ...]

    @property
    def tag(self) -> str:
        """The tag that releases it."""
        return f"{self.name}-v{self.version}"


def read_distribution(folder: Path) -> Distribution:
    """What a folder's pyproject.toml says."""
    project = tomli.loads((folder / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    needs = tuple(map(Requirement, project.get("dependencies", ())))
    return Distribution(folder=folder, name=project["name"], version=project["version"], requirements=needs)


def workspace(root: Path = ROOT) -> list[Distribution]:
    """Core, and the plugins."""
    found = [root / "core", *sorted(file.parent for file in root.glob("plugins/*/pyproject.toml"))]
    return [read_distribution(folder) for folder in found]


def faults(every: Sequence[Distribution]) -> Iterator[str]:
    """What would make a release wrong, beyond what the tools see."""
    versions = {canonicalize_name(one.name): one.version for one in every}
    for one in every:
        headings = re.findall(r"^## (\S+)", (one.folder / "CHANGELOG.md").read_text(encoding="utf-8"), re.MULTILINE)
        if headings[:1] != [one.version]:
            yield f"{one.name}: the changelog begins with {headings[:1]}, and the version is {one.version}"
        for need in one.requirements:
            version = versions.get(canonicalize_name(need.name))
            if version is not None and not need.specifier.contains(version, prereleases=True):
                yield f"{one.name}: it needs {need}, and {need.name} is {version}"


def commit_time(root: Path = ROOT) -> str:
    """The time stamp of everything that is built: the commit's, unless SOURCE_DATE_EPOCH says another."""
    provided = os.environ.get("SOURCE_DATE_EPOCH")
    if provided:
        return provided
    command = ["git", "log", "-1", "--format=%ct"]
    return subprocess.run(command, cwd=root, check=True, capture_output=True, text=True).stdout.strip()


def build(folder: Path, into: Path, epoch: str) -> None:
    """Build the sdist, and the wheel of it."""
    command = [sys.executable, "-m", "build", "--no-isolation", "--outdir", str(into), str(folder)]
    environ = {**os.environ, "SOURCE_DATE_EPOCH": epoch}
    done = subprocess.run(command, env=environ, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(done.stdout + done.stderr)


def check(files: Sequence[Path]) -> str:
    """What twine and check-wheel-contents have against them; empty where nothing."""
    wheels = [file for file in files if file.suffix == ".whl"]
    reported = ""
    for command in (["twine", "check", "--strict", *map(str, files)], ["check_wheel_contents", *map(str, wheels)]):
        done = subprocess.run([sys.executable, "-m", *command], capture_output=True, text=True, check=False)
        reported += done.stdout + done.stderr if done.returncode else ""
    return reported


def chosen(every: Sequence[Distribution], tag: str | None) -> list[Distribution]:
    """All, or the one that a tag names."""
    if tag is None:
        return list(every)
    found = [one for one in every if one.tag == tag]
    if not found:
        tags = "\n".join(f"  {one.tag}" for one in every)
        msg = f"the tag {tag} is none of a distribution's version; there are:\n{tags}"
        raise SystemExit(msg)
    return found


def main() -> None:
    """Build and check what was chosen."""
    parser = argparse.ArgumentParser(description="Build and check the workspace's distributions.")
    parser.add_argument("--tag", help="build the distribution that this tag releases, alone")
    parser.add_argument(
        "--into", type=Path, default=ROOT / "dist", help="the folder to write; wheels and sdists in it go"
    )
    provided = parser.parse_args()
    every = workspace()
    wrong = list(faults(every))
    if wrong:
        raise SystemExit("\n".join(wrong))
    into: Path = provided.into
    for old in [*into.glob("*.whl"), *into.glob("*.tar.gz")]:
        old.unlink()
    epoch = commit_time()
    for one in chosen(every, provided.tag):
        build(one.folder, into, epoch)
        print(f"built {one.name} {one.version}")
    built = sorted([*into.glob("*.whl"), *into.glob("*.tar.gz")])
    reported = check(built)
    if reported:
        raise SystemExit(reported)
    print(f"{len(built)} files in {into}, dated {epoch}: no faults")


if __name__ == "__main__":
    main()
