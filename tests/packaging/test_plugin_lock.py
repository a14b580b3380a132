"""The plugin lock, in an environment with real distributions: from a wheel, and editable."""

from __future__ import annotations

import json
import py_compile
from importlib.machinery import EXTENSION_SUFFIXES
from pathlib import Path
from shutil import rmtree
from typing import TYPE_CHECKING, Any

import pytest
import tomli

from tests.packaging.environments import make_environment, with_command_line
from tests.packaging.wheels import HEALTHY, HEALTHY_BACKEND, HEALTHY_SPECS, healthy_wheel, wheel

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.packaging.environments import Environment

CANARY = "from pathlib import Path\nPath(__file__).with_name('{name}.imported').touch()\n"
LOCK = ".pipelex/plugins.lock.toml"


class Project:
    """An environment with two plugins, and a project that has locked them."""

    def __init__(self, environment: Environment, folder: Path, wheels: Path) -> None:
        self.environment = environment
        self.folder = folder
        self.wheels = wheels
        self.site = next(environment.folder.glob("lib/*/site-packages"))

    def run(self, *arguments: str, code: int = 0, **variables: str) -> Any:
        done = self.environment.run("pipelex", *arguments, "--json", cwd=self.folder, **variables)
        assert done.returncode == code, done.stdout + done.stderr
        return json.loads(done.stdout)

    def plugins(self) -> dict[str, tuple[str, str]]:
        """Distribution -> status and reason."""
        return {row["distribution"]: (row["status"], row["reason"] or "") for row in self.run("plugins")}

    def answer(self, code: int = 0, **variables: str) -> Any:
        return self.run("generate", "Hello?", "-m", "acme-one", code=code, **variables)

    def imported(self, name: str) -> bool:
        """Whether a plugin was imported since this was last asked."""
        file = self.site / f"{name}.imported"
        there = file.exists()
        file.unlink(missing_ok=True)
        return there


@pytest.fixture(scope="module")
def base(built_wheels: dict[str, Path], tmp_path_factory: pytest.TempPathFactory) -> Project:
    """The environment, made once; the tests bring it back to what it was."""
    folder = tmp_path_factory.mktemp("locked")
    environment = make_environment(folder / "venv")
    environment.install(*with_command_line(built_wheels))
    (folder / "project").mkdir()
    return Project(environment, folder / "project", folder)


@pytest.fixture
def project(base: Project) -> Iterator[Project]:
    """Both plugins installed, a project made, the lock written."""
    canary = wheel(base.wheels, "acme-canary", {"acme_canary.py": CANARY.format(name="acme_canary")})
    base.environment.install("--no-deps", "--reinstall", str(healthy_wheel(base.wheels)), str(canary))
    base.environment.run("pipelex", "init", "--force", cwd=base.folder)
    base.run("plugins", "lock")
    base.imported("acme_canary")
    yield base
    (base.folder / LOCK).unlink(missing_ok=True)


def test_what_was_locked_is_loaded(project: Project) -> None:
    """The lock says what it is, which backends it serves here, and which variables these name; written twice it is the same."""
    lock = tomli.loads((project.folder / LOCK).read_text())
    healthy = lock["plugins"]["acme-healthy"]
    assert (healthy["version"], healthy["backends"], healthy["variables"]) == ("1.0", ["acme"], ["ACME_API_KEY"])
    assert healthy["record"].startswith("sha256:")
    assert lock["plugins"]["acme-canary"]["backends"] == []
    assert {status for status, _ in project.plugins().values()} == {"ok"}
    assert project.imported("acme_canary")
    assert project.answer(ACME_API_KEY="a-1")["text"] == "acme says hello with a-1"
    assert project.run("plugins", "lock", "--check")["files"][0]["changes"] is False


def test_the_lock_is_the_same_with_another_installer(project: Project) -> None:
    """Pip writes other rows of its own into RECORD than uv; what was in the wheel counts."""
    before = (project.folder / LOCK).read_text()
    wheels = [str(file) for file in sorted(project.wheels.glob("acme_*-1.0-*.whl"))]
    project.environment.install("pip")
    done = project.environment.run(
        "python", "-m", "pip", "install", "--quiet", "--no-deps", "--force-reinstall", *wheels, cwd=project.folder
    )
    assert done.returncode == 0, done.stderr
    assert (next(project.site.glob("acme_healthy-*.dist-info")) / "INSTALLER").read_text().strip() == "pip"
    project.run("plugins", "lock")
    assert (project.folder / LOCK).read_text() == before


def test_an_unknown_plugin_is_not_even_imported(project: Project) -> None:
    """Nor one whose line was taken out of the lock."""
    text = (project.folder / LOCK).read_text()
    (project.folder / LOCK).write_text(text.replace("[plugins.acme-canary]", "[plugins.acme-other]"))
    found = project.plugins()
    assert found["acme-canary"][0] == "quarantined"
    assert "it is not in the plugin lock" in found["acme-canary"][1]
    assert found["acme-other"] == ("missing", found["acme-other"][1])
    assert "and not installed" in found["acme-other"][1]
    assert not project.imported("acme_canary")
    codes = {problem["code"]: problem["message"] for problem in project.run("validate")["problems"]}
    assert "acme-canary" in codes["plugin-quarantined"]
    assert "acme-other" in codes["plugin-missing"]
    assert project.answer()["text"] == "acme says hello with no key"
    assert not project.imported("acme_canary")
    program = "from pipelex_core import Client\nClient.from_project().close()\n"
    done = project.environment.run("python", "-c", program, cwd=project.folder)
    assert (done.returncode, project.imported("acme_canary")) == (0, False), done.stderr


@pytest.mark.parametrize("how", ["version", "edited", "record", "shadowed", "gone"])
def test_a_changed_plugin_is_not_even_imported(how: str, project: Project, tmp_path: Path) -> None:
    """Another version, an edited file, other files with a RECORD that fits them, or a module in front of it."""
    source = CANARY.format(name="acme_canary")
    module = project.site / "acme_canary.py"
    variables: dict[str, Any] = {}
    if how == "version":
        new = wheel(project.wheels, "acme-canary", {"acme_canary.py": source}, version="1.1")
        project.environment.install("--no-deps", str(new))
    elif how == "record":
        other = tmp_path / "other"
        other.mkdir()
        new = wheel(other, "acme-canary", {"acme_canary.py": f"{source}# and more\n"})
        project.environment.install("--no-deps", "--reinstall", str(new))
    elif how == "edited":
        module.write_text(f"{source}# and more\n")
    elif how == "gone":
        module.unlink()
    else:
        (tmp_path / "acme_canary.py").write_text(source)
        variables = {"PYTHONPATH": str(tmp_path)}
    rows = {row["distribution"]: row for row in project.run("plugins", **variables)}
    status, reason = rows["acme-canary"]["status"], rows["acme-canary"]["reason"]
    reported = {
        "version": "version 1.0 is in the plugin lock",
        "edited": "its file acme_canary.py was changed after it was installed",
        "record": "its files are others",
        "shadowed": "its files are others",
        "gone": "its module 'acme_canary' cannot be found",
    }
    assert status == "quarantined"
    assert reported[how] in reason
    assert not project.imported("acme_canary")
    assert not (tmp_path / "acme_canary.imported").exists()
    assert rows["acme-healthy"]["status"] == "ok"


SHADOWS = {
    "a package in front of a module": "acme_canary/__init__.py",
    "an extension module in front of it": "acme_canary{suffix}",
    "a module that is not listed": "acme_healthy/_more.py",
    "a package in front of a submodule": "acme_healthy/_backend/__init__.py",
    "an extension module in front of a submodule": "acme_healthy/_backend{suffix}",
    "compiled code without a source": "acme_healthy/_more.pyc",
}


@pytest.mark.parametrize("how", [*SHADOWS, "a cache that no source is compared with"])
def test_what_lies_beside_a_plugin_is_not_imported(how: str, project: Project) -> None:
    """What would be imported is what was listed: other code in its place is refused, and `lock --check` fails."""
    suffix = EXTENSION_SUFFIXES[0]
    if how in SHADOWS:
        file = project.site / SHADOWS[how].format(suffix=suffix)
        file.parent.mkdir(exist_ok=True)
        file.write_text(CANARY.format(name="beside"))
    else:
        source = project.site / "acme_healthy" / "_backend.py"
        unchecked = py_compile.PycInvalidationMode.UNCHECKED_HASH
        file = Path(str(py_compile.compile(str(source), invalidation_mode=unchecked)))
    try:
        rows = {row["distribution"]: row for row in project.run("plugins")}
        name = "acme-canary" if "acme_canary" in str(file) else "acme-healthy"
        assert rows[name]["status"] == "quarantined"
        assert "is not what is in the plugin lock" in rows[name]["reason"]
        done = project.environment.run("pipelex", "plugins", "lock", "--check", "--json", cwd=project.folder)
        assert done.returncode == 1, done.stdout
        assert not list(project.site.rglob("beside.imported"))
    finally:
        file.unlink()
        if file.name == "__init__.py":
            rmtree(file.parent)


def test_a_backend_gets_the_variables_of_the_lock_only(project: Project) -> None:
    """A key of another backend, written into its table later, does not reach it; nor a backend that was added later."""
    backends = project.folder / ".pipelex/inference/backends.toml"
    text = backends.read_text()
    backends.write_text(f'{text.replace("[acme]", "[acme_off]")}\n[acme]\napi_key = "${{OTHER_API_KEY}}"\n')
    done = project.answer(code=1, OTHER_API_KEY="not-yours")
    assert "the plugin lock does not let it have" in done["error"]["message"]
    assert "not-yours" not in json.dumps(done)
    problems = project.run("validate", code=1, OTHER_API_KEY="not-yours")["problems"]
    (reported,) = [each for each in problems if "OTHER_API_KEY" in each["message"]]
    assert reported["message"] == "the plugin lock does not let backend 'acme' have OTHER_API_KEY"
    assert reported["suggestion"] == "run: pipelex plugins lock"
    assert project.run("plugins", "lock", "--check", code=1)["files"][0]["changes"] is True
    project.run("plugins", "lock")
    assert project.answer(OTHER_API_KEY="yours")["text"] == "acme says hello with yours"


def test_a_plugin_serves_the_backends_of_the_lock_only(project: Project) -> None:
    """A new table whose models name its sdk needs a new lock."""
    inference = project.folder / ".pipelex/inference"
    with (inference / "backends.toml").open("a") as file:
        file.write('\n[later]\ndisplay_name = "Later"\n')
    (inference / "backends/later.toml").write_text(HEALTHY_SPECS.partition("[acme-one]")[2].join(["[acme-two]", ""]))
    reported = project.run("explain", "acme-two", code=0)
    assert "the plugin lock does not let acme-healthy 1.0 serve backend 'later'" in json.dumps(reported)


@pytest.mark.parametrize("text", ["version = 2\n", "no toml", 'version = 1\n[plugins.acme-healthy]\nversion = "1.0"\n'])
def test_a_lock_that_cannot_be_read_lets_nothing_through(text: str, project: Project) -> None:
    """Rather none than any; `lock` writes it anew."""
    (project.folder / LOCK).write_text(text)
    assert {status for status, _ in project.plugins().values()} == {"quarantined"}
    assert not project.imported("acme_canary")
    project.run("plugins", "lock")
    assert {status for status, _ in project.plugins().values()} == {"ok"}


def test_an_editable_install_is_locked_by_its_files(project: Project, tmp_path: Path) -> None:
    """Its RECORD says nothing of the sources, so these are hashed: one byte more, and it is not imported."""
    source = tmp_path / "src" / "acme_healthy"
    source.mkdir(parents=True)
    (source / "__init__.py").write_text(HEALTHY)
    (source / "_backend.py").write_text(HEALTHY_BACKEND)
    (source / "acme.toml").write_text(HEALTHY_SPECS)
    (tmp_path / "pyproject.toml").write_text(
        '[project]\nname = "acme-healthy"\nversion = "1.0"\ndependencies = ["pipelex-core"]\n'
        '[project.entry-points."pipelex_core.plugins"]\nhealthy = "acme_healthy"\n'
        '[build-system]\nrequires = ["hatchling"]\nbuild-backend = "hatchling.build"\n'
        '[tool.hatch.build.targets.wheel]\npackages = ["src/acme_healthy"]\n'
    )
    project.environment.install("--no-deps", "-e", str(tmp_path))
    assert "its files are others" in project.plugins()["acme-healthy"][1]
    project.run("plugins", "lock")
    assert "files" in tomli.loads((project.folder / LOCK).read_text())["plugins"]["acme-healthy"]
    assert project.plugins()["acme-healthy"][0] == "ok"
    assert project.answer()["text"] == "acme says hello with no key"
    assert project.plugins()["acme-healthy"][0] == "ok"  # caches of Python do not count
    (source / "_backend.py").write_text(f"{HEALTHY_BACKEND}\n")
    assert "its files are others" in project.plugins()["acme-healthy"][1]
