"""The SDK versions a plugin declares: its own tests, in an environment with the lowest of them, and one with the highest."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import tomli
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

from tests.packaging.environments import (
    BACKENDS,
    MIDDLEWARES,
    PLUGINS,
    ROOT,
    beneath,
    make_environment,
    with_command_line,
)

if TYPE_CHECKING:
    from pathlib import Path

TOOLS = ("cryptography", "filelock", "hypothesis", "jsonschema", "pillow", "psutil", "pydantic", "pytest", "reportlab")
"""What the tests of plugins need besides a plugin."""

TESTED_WITH = {"opentelemetry": ("opentelemetry-sdk",)}
"""What the tests of one plugin need besides, in the version that fits what the plugin is tested with."""

TESTED_TOGETHER = {
    "anthropic": ("vertexai",),
    "google": ("vertexai",),
    "vertexai": ("google", "anthropic", "mistral"),
}
"""Plugins whose tests use both, because they share the code of one wire."""

QUICK = [("mistral", "lowest-direct")]
"""What a default run does of this; the rest is behind `-m slow`."""

CASES = [
    pytest.param(name, resolution, marks=[] if (name, resolution) in QUICK else [pytest.mark.slow])
    for name in (*BACKENDS, *MIDDLEWARES)
    for resolution in ("lowest-direct", "highest")
]


def requirements_of(name: str) -> list[Requirement]:
    """What a plugin declares to need, without the distributions of this project."""
    project = tomli.loads((ROOT / "plugins" / name / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    declared = [Requirement(line) for line in project["dependencies"]]
    return [requirement for requirement in declared if not canonicalize_name(requirement.name).startswith("pipelex-")]


def lowest(requirement: Requirement) -> Version:
    """The lower bound."""
    (bound,) = (one.version for one in requirement.specifier if one.operator in {">=", "=="})
    return Version(bound)


def test_every_range_has_a_lower_bound() -> None:
    """Without one, the lowest version could be any."""
    assert all(lowest(requirement) for name in PLUGINS for requirement in requirements_of(name))


@pytest.mark.parametrize(("name", "resolution"), CASES)
def test_a_plugin_works_with_the_ends_of_its_range(
    name: str, resolution: str, built_wheels: dict[str, Path], tmp_path: Path
) -> None:
    """Its tests pass with the lowest version it declares of everything, and with the highest there is."""
    requirements = requirements_of(name)
    together = (name, *TESTED_TOGETHER.get(name, ()))
    needed = (other for one in together for other in beneath(one) if other not in together)
    environment = make_environment(tmp_path / "venv")
    environment.install(*with_command_line(built_wheels, "testing", "http", *needed), *TOOLS)
    chosen = [argument for requirement in requirements for argument in ("--upgrade-package", requirement.name)]
    besides = TESTED_WITH.get(name, ())
    wheels = [str(built_wheels[one]) for one in together]
    environment.install("--resolution", resolution, *chosen, *map(str, requirements), *besides, *wheels)
    installed = environment.versions([requirement.name for requirement in requirements])
    if resolution == "lowest-direct":
        for requirement in requirements:
            bound = lowest(requirement).release
            found = Version(installed[requirement.name]).release
            assert (*found, 0, 0, 0)[: len(bound)] == bound, (
                f"{requirement}: {installed[requirement.name]} is installed"
            )
    files = [
        *(ROOT / "tests" / "plugins").glob(f"test_{name}*.py"),
        *(ROOT / "tests" / "wire").glob(f"test_{name}*.py"),
    ]
    arguments = ["-q", "-p", "no:cacheprovider", f"--basetemp={tmp_path / 'tests'}", *map(str, sorted(files))]
    done = environment.run("python", "-m", "pytest", *arguments, cwd=ROOT)
    assert done.returncode == 0, f"with {installed}:\n{done.stdout[-8000:]}{done.stderr[-2000:]}"
