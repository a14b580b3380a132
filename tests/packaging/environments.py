"""Virtual environments that have never seen this repository, made with uv."""

from __future__ import annotations

import os
import subprocess
import sys
import sysconfig
from pathlib import Path
from typing import TYPE_CHECKING, Any

import tomli
from attrs import frozen
from packaging.requirements import Requirement

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

ROOT = Path(__file__).resolve().parents[2]
PLUGINS = tuple(sorted(file.parent.name for file in (ROOT / "plugins").glob("*/pyproject.toml")))
"""The folders of the plugins."""
BACKENDS = tuple(
    name
    for name in PLUGINS
    if name != "mock" and (ROOT / "plugins" / name / "src" / f"pipelex_backend_{name}").is_dir()
)
"""Those that serve a provider's models."""
MIDDLEWARES = tuple(
    name for name in PLUGINS if (ROOT / "plugins" / name / "src" / f"pipelex_middleware_{name}").is_dir()
)
"""Those around the calls of every backend."""
COMMAND_LINE = ("cli", "dialects", "operations", "limits", "lock", "mock", "rules", "runs")
"""What brings the command `pipelex`."""
COMMAND_LINE_NAMES = frozenset({"pipelex-cli", "pipelex-backend-mock"})
"""The same, as the index names them: plugins that every environment with a command line has."""


def beneath(name: str) -> tuple[str, ...]:
    """The folders of the plugins that a plugin is built on, such as `google` and `http` for `vertexai`; those of a command line aside."""
    needs = {Requirement(line).name for line in _project(name)["dependencies"]}
    return tuple(
        other for other in PLUGINS if other not in COMMAND_LINE and _project(other)["name"] in needs and other != name
    )


def _project(name: str) -> dict[str, Any]:
    found: dict[str, Any] = tomli.loads((ROOT / "plugins" / name / "pyproject.toml").read_text(encoding="utf-8"))
    return dict(found["project"])


def with_command_line(built: Mapping[str, Path], *further: str) -> list[str]:
    """What an installer takes for core, the command line and further distributions, all as built wheels.

    Args:
        built: Folder name -> wheel.
        further: Folder names of further distributions.
    """
    needed = (other for name in further if name in PLUGINS for other in beneath(name))
    return [str(built[name]) for name in dict.fromkeys(("core", *COMMAND_LINE, *needed, *further))]


_UV = [sys.executable, "-m", "uv"]


@frozen
class Environment:
    """A virtual environment in a folder."""

    folder: Path

    @property
    def python(self) -> Path:
        """Its interpreter."""
        return self.folder / "bin" / "python"

    def install(self, *what: str) -> None:
        """Install, and fail with what the installer says."""
        command = [*_UV, "pip", "install", "--quiet", "--python", str(self.python), *what]
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr

    def run(self, command: str, *arguments: str, cwd: Path, **variables: str) -> subprocess.CompletedProcess[str]:
        """Run one of its commands, without a trace of the environment that the tests run in."""
        environ = {
            name: value for name, value in os.environ.items() if name not in _OURS and not name.endswith("_API_KEY")
        }
        return subprocess.run(
            [str(self.folder / "bin" / command), *arguments],
            cwd=cwd,
            env=environ | variables,
            capture_output=True,
            text=True,
            check=False,
            timeout=900,
        )

    def versions(self, names: Sequence[str]) -> dict[str, str]:
        """The versions of distributions that are installed in it."""
        program = "import sys; from importlib.metadata import version; print(*(version(name) for name in sys.argv[1:]))"
        found = self.run("python", "-c", program, *names, cwd=self.folder).stdout.split()
        return dict(zip(names, found, strict=True))


_OURS = {"PYTHONPATH", "VIRTUAL_ENV", "PYTHONHOME"}


def make_environment(folder: Path) -> Environment:
    """An empty environment with the interpreter that runs the tests."""
    subprocess.run([*_UV, "venv", "--quiet", "--python", sys.executable, str(folder)], check=True)
    return Environment(folder)


def make_linked_environment(folder: Path) -> Environment:
    """An environment of its own that also has everything of the one the tests run in; `pip` changes it alone."""
    environment = make_environment(folder)
    (packages,) = folder.glob("lib/python*/site-packages")
    line = f"import site; site.addsitedir({sysconfig.get_path('purelib')!r})\n"
    (packages / "linked.pth").write_text(line, encoding="utf-8")
    script = folder / "bin" / "pipelex"
    script.write_text(f"#!{environment.python}\nfrom pipelex_cli import main\n\nmain()\n", encoding="utf-8")
    script.chmod(0o755)
    return environment
