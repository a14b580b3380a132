"""What `pipelex new-backend` writes passes lint, types and the kit as it is; the guide's commands do what they say."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import zipfile
from importlib.util import module_from_spec, spec_from_file_location
from typing import TYPE_CHECKING, Any

import pytest
import tomli
import tomlkit
from attrs import define, evolve, field
from filelock import FileLock

from pipelex_testing import SampleAnswer, Server, in_thread
from pipelex_testing.scaffold import KINDS, Kind, names_for, new_distribution, write_folder
from pipelex_testing.scaffold.names import LONGEST
from tests.packaging.environments import (
    Environment,
    make_environment,
    make_linked_environment,
    with_command_line,
)
from tools.docs.markdown import ROOT, Block, blocks

if TYPE_CHECKING:
    from pathlib import Path

    from pipelex_testing import Received, Reply, Wire

GUIDE = ROOT / "docs" / "write-a-backend.md"
CACHE = ROOT / ".mypy_cache" / "new-backend"
RUFF = [sys.executable, "-m", "ruff"]


@pytest.fixture(scope="module")
def linked(tmp_path_factory: pytest.TempPathFactory) -> Environment:
    """An environment in which a distribution can be installed without changing the tests' own."""
    return make_linked_environment(tmp_path_factory.mktemp("linked") / "venv")


def written(folder: Path, name: str, kind: Kind) -> Path:
    """A new distribution."""
    names = names_for(name)
    write_folder(folder / names.distribution, new_distribution(names, kind))
    return folder / names.distribution


def installed(linked: Environment, distribution: Path) -> None:
    """Install a distribution as its author would, from its folder."""
    command = [sys.executable, "-m", "uv", "pip", "install", "--quiet", "--no-deps", "--no-build-isolation"]
    subprocess.run([*command, "--python", str(linked.python), "-e", str(distribution)], check=True)


def certificate_in(folder: Path) -> dict[str, Any]:
    """The one certificate of a folder."""
    (file,) = folder.glob("*.json")
    reported: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
    return reported


def variables(name: str) -> dict[str, str]:
    """What keeps a tool's cache out of the distribution, and warm for the next run."""
    (CACHE / name).mkdir(parents=True, exist_ok=True)
    return {"MYPY_CACHE_DIR": str(CACHE / name), "RUFF_NO_CACHE": "true"}


@pytest.mark.parametrize("name", ["a", "acme-cloud-" + "x" * (LONGEST - 11)], ids=["shortest", "longest"])
def test_it_is_linted_and_formatted_whatever_its_name(name: str, tmp_path: Path) -> None:
    """Ruff's own rules and those of its pyproject.toml, for each kind."""
    for kind in KINDS:
        distribution = written(tmp_path / kind, name, kind)
        for command in (["check"], ["format", "--check"]):
            done = subprocess.run(
                [*RUFF, *command, "--no-cache", "."], cwd=distribution, capture_output=True, text=True, check=False
            )
            assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.slow
@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind != "http"])  # that one is the guide's
def test_its_types_hold_and_it_is_certified(kind: Kind, linked: Environment, tmp_path: Path) -> None:
    """mypy, strict; and every scenario of the kit."""
    distribution = written(tmp_path, f"acme-{kind[:3]}", kind)
    installed(linked, distribution)
    warm = variables("kinds")
    with FileLock(f"{CACHE}.lock"):
        done = linked.run("python", "-m", "mypy", cwd=distribution, **warm)
    assert done.returncode == 0, done.stdout + done.stderr
    done = linked.run("python", "-m", "pytest", "-q", "--certificate", "certificates", cwd=distribution)
    assert done.returncode == 0, done.stdout[-5000:] + done.stderr
    certificate = certificate_in(distribution / "certificates")
    assert certificate["certified"] is True
    assert all(reported["claimed"] and reported["proven"] for reported in certificate["capabilities"].values())
    assert {"text", "stream", "object"} <= set(certificate["capabilities"])
    assert certificate["backend"] == names_for(f"acme-{kind[:3]}").backend
    assert certificate["sdk_versions"]["openai"]


def test_the_kit_notices_what_its_author_breaks(linked: Environment, tmp_path: Path) -> None:
    """Where the wait that a provider asks for is no longer read, the certificate says no, and names the scenario."""
    distribution = written(tmp_path, "acme-broken", "http")
    api = distribution / "src" / "pipelex_backend_acme_broken" / "_api.py"
    text = api.read_text(encoding="utf-8")
    assert "retry_after=retry_after(headers)" in text
    api.write_text(text.replace("retry_after=retry_after(headers)", "retry_after=None"), encoding="utf-8")
    installed(linked, distribution)
    arguments = ["-q", "-k", "wait_that_a_provider or good_answer", "--certificate", "certificates"]
    done = linked.run("python", "-m", "pytest", *arguments, cwd=distribution)
    assert done.returncode == 1, done.stdout + done.stderr
    certificate = certificate_in(distribution / "certificates")
    assert certificate["certified"] is False
    assert certificate["scenarios"]["failed"]
    assert all("wait_that_a_provider_asks_for" in name for name in certificate["scenarios"]["failed"])


def test_the_wheel_has_the_templates(built_wheels: dict[str, Path]) -> None:
    """Whoever installs the scaffold from its wheel gets the same files."""
    folder = ROOT / "plugins" / "testing" / "src" / "pipelex_testing" / "scaffold" / "templates"
    mine = {
        f"pipelex_testing/scaffold/templates/{file.relative_to(folder)}" for file in folder.rglob("*") if file.is_file()
    }
    assert mine
    with zipfile.ZipFile(built_wheels["testing"]) as wheel:
        assert mine <= set(wheel.namelist())


@define
class Reader:
    """Someone who follows the guide: a shell, whose folder and variables stay from block to block."""

    environment: Environment
    folder: Path
    variables: dict[str, str] = field(factory=dict)

    def follow(self, block: Block) -> str:
        """Run the commands of a block; what they print."""
        state = self.environment.folder / "state"
        script = f"set -eu\n{block.text}\npwd > '{state}'\nenv -0 > '{state}.env'\n"
        path = f"{self.environment.folder / 'bin'}{os.pathsep}{os.environ['PATH']}"
        environ = {name: value for name, value in os.environ.items() if not name.endswith("_API_KEY")}
        for name in ("PYTHONPATH", "VIRTUAL_ENV", "PIPELEX_CONFIG_DIR"):
            environ.pop(name, None)
        done = subprocess.run(
            ["bash", "-c", script],
            cwd=self.folder,
            env={**environ, "PATH": path, **self.variables},
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, f"{block.place}:\n{done.stdout[-5000:]}{done.stderr[-5000:]}"
        self.folder = self.folder.__class__(state.read_text().strip())
        kept = (line.partition("=") for line in state.with_suffix(".env").read_text().split("\0"))
        self.variables |= {name: value for name, _, value in kept if name.startswith("ACME")}
        return done.stdout


class Provider(Server):
    """A provider that the generated wire speaks for."""

    def __init__(self, wire: Wire) -> None:
        super().__init__()
        self._wire = wire

    async def answer(self, request: Received) -> Reply:
        return self._wire.answer(SampleAnswer(text="The Rhine, the Rhone and the Po."))


def wire_of(distribution: Path) -> Wire:
    """The wire that a new distribution has beside its tests."""
    spec = spec_from_file_location("the_wire", distribution / "tests" / "wire.py")
    assert spec is not None
    assert spec.loader is not None
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    wire: Wire = module.AcmeWire()
    return wire


@pytest.fixture(params=["linked", pytest.param("fresh", marks=pytest.mark.slow)])
def reader(request: pytest.FixtureRequest, built_wheels: dict[str, Path], tmp_path: Path) -> Reader:
    """One who has what the tests have, and fetches nothing; or one who has built wheels and pip alone, and an index."""
    if request.param == "linked":
        offline = {"PIP_NO_INDEX": "1", "PIP_NO_BUILD_ISOLATION": "false", "PIP_DISABLE_PIP_VERSION_CHECK": "1"}
        return Reader(make_linked_environment(tmp_path / "venv"), tmp_path, {**offline, **variables("guide")})
    fresh = make_environment(tmp_path / "venv")
    fresh.install("pip", *with_command_line(built_wheels, "testing"))
    found = " ".join(str(wheel.parent) for wheel in built_wheels.values())
    return Reader(fresh, tmp_path, {"PIP_FIND_LINKS": found})


def test_the_guide_does_what_it_says(reader: Reader, tmp_path: Path) -> None:
    """Its commands, one after the other: written, installed, proven, used, built."""
    write, prove, use, release = blocks(GUIDE, "bash")
    reader.follow(write)
    distribution = tmp_path / "pipelex-backend-acme"
    assert reader.folder == distribution
    (stated,) = (block for block in blocks(GUIDE, "text") if "certified" in block.text)
    printed = re.sub(r"\d+", "0", reader.follow(prove))
    assert all(re.sub(r"\d+", "0", line) in printed for line in stated.text.splitlines())
    assert certificate_in(distribution / "certificates")["certified"] is True
    with in_thread(Provider(wire_of(distribution))) as provider:
        first, second = use.text.split("pipelex generate", 1)
        reader.follow(evolve(use, text=first))
        backends = reader.folder / ".pipelex" / "inference" / "backends.toml"
        tables = tomlkit.parse(backends.read_text(encoding="utf-8"))
        assert tables["acme"]["enabled"] is True
        tables["acme"]["endpoint"] = provider.url
        backends.write_text(tomlkit.dumps(tables), encoding="utf-8")
        reported = reader.follow(evolve(use, text=f"pipelex generate{second}"))
        assert "The Rhine, the Rhone and the Po." in reported
        assert provider.received[0].headers["authorization"] == "Bearer the-key"
    if "PIP_NO_INDEX" in reader.variables:
        release = evolve(release, text=release.text.replace("-m build\n", "-m build --no-isolation\n"))
    assert "PASSED" in reader.follow(release)
    assert {file.suffix for file in (distribution / "dist").iterdir()} == {".whl", ".gz"}


def test_the_smallest_of_the_guide_is_certified(tmp_path: Path) -> None:
    """Under forty lines of Python that count, and each scenario for text passes."""
    (small,) = (block for block in blocks(GUIDE, "python") if block.named_file == "acme_small.py")
    assert len([line for line in small.text.splitlines() if line.strip()]) < 40
    (tmp_path / "acme_small.py").write_text(small.text, encoding="utf-8")
    distribution = written(tmp_path, "acme", "http")
    shutil.copy(distribution / "tests" / "wire.py", tmp_path / "acme_wire.py")
    suite = (
        "import acme_small\nfrom acme_wire import AcmeWire\nfrom pipelex_testing import Conformance\n\n\n"
        "class Statuses(AcmeWire):\n    special_errors = {}\n\n\n"
        "class TestSmall(Conformance):\n"
        "    plugin = acme_small\n    sdk = 'acme_small'\n    wire = Statuses()\n    claims = frozenset({'text'})\n"
        "    sdk_modules = ('httpx2',)\n"
    )
    (tmp_path / "test_small.py").write_text(suite, encoding="utf-8")
    command = [sys.executable, "-m", "pytest", "-q", "--certificate", "certificates", "test_small.py"]
    environ = {**os.environ, "PYTHONPATH": str(tmp_path)}
    done = subprocess.run(command, cwd=tmp_path, env=environ, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout[-5000:] + done.stderr
    certificate = certificate_in(tmp_path / "certificates")
    assert certificate["certified"] is True
    assert certificate["capabilities"]["text"]["proven"] is True


def test_the_guides_table_has_every_kind() -> None:
    """And no other."""
    reported = re.findall(
        r"^\| `([a-z][a-z-]+)` \|", GUIDE.read_text(encoding="utf-8").partition("## 2.")[0], flags=re.MULTILINE
    )
    assert tuple(reported) == KINDS


@pytest.mark.parametrize("kind", KINDS)
def test_its_workflow_runs_what_the_guide_runs(kind: Kind) -> None:
    """Every command by which the guide proves a backend is one of its check."""
    made = new_distribution(names_for("acme"), kind)
    check = made[".github/workflows/check.yml"]
    (prove,) = (block for block in blocks(GUIDE, "bash") if "--certificate" in block.text)
    for line in prove.text.splitlines():
        assert f"- run: {line}\n" in check
    project = tomli.loads(made["pyproject.toml"])["project"]
    assert f'm.version("{project["name"]}")' in made[".github/workflows/release.yml"]
