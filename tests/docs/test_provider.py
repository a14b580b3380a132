"""The README's plugin, built and installed as it stands there, answers."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest

from tests.docs.project import write_project
from tools.docs.markdown import ROOT, blocks

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder into which the wheel of the README's files was installed."""
    source = tmp_path_factory.mktemp("source")
    for block in blocks(ROOT / "README.md", "toml", "python"):
        if block.named_file is not None:
            file = source / block.named_file
            file.parent.mkdir(exist_ok=True)
            file.write_text(block.text, encoding="utf-8")
    assert {str(file.relative_to(source)) for file in source.rglob("*.*")} == {
        "pyproject.toml",
        "acme_pipelex/__init__.py",
        "acme_pipelex/_backend.py",
        "acme_pipelex/acme.toml",
    }
    uv = [sys.executable, "-m", "uv"]
    build = [*uv, "build", "--wheel", "--no-build-isolation", "--out-dir", str(source / "dist"), str(source)]
    subprocess.run(build, check=True, capture_output=True)
    (wheel,) = (source / "dist").glob("*.whl")
    folder = tmp_path_factory.mktemp("site")
    install = [*uv, "pip", "install", "--python", sys.executable, "--target", str(folder), "--no-deps", str(wheel)]
    subprocess.run(install, check=True, capture_output=True)
    return folder


def run(site: Path, project: Path, *command: str) -> str:
    """The output of a Python command in a project, with the plugin installed."""
    environ = {**os.environ, "PYTHONPATH": str(site)}
    environ.pop("PIPELEX_CONFIG_DIR", None)
    done = subprocess.run(
        [sys.executable, *command], cwd=project, env=environ, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_it_answers_through_a_client(site: Path, tmp_path: Path) -> None:
    """Found through its metadata, its models in the deck, its answer through `Client.from_project()`."""
    write_project(tmp_path, {})
    program = (
        "from pipelex_core import Client\n"
        "with Client.from_project() as client:\n"
        "    result = client.generate_text('hello', model='shout-1')\n"
        "    print(result.text, result.backend, result.model)\n"
    )
    assert run(site, tmp_path, "-c", program) == "HELLO acme shout-1\n"


def test_it_answers_on_the_command_line_in_any_project(site: Path, tmp_path: Path) -> None:
    """`pipelex init` adds it to a project, and the README's own command gets the README's own answer."""
    write_project(tmp_path, {})
    run(site, tmp_path, "-m", "pipelex_core", "init")
    rows: list[dict[str, Any]] = json.loads(run(site, tmp_path, "-m", "pipelex_core", "plugins", "--json"))
    (row,) = [row for row in rows if row["name"] == "acme"]
    assert (row["status"], row["sdks"], row["version"]) == ("ok", ["acme"], "0.1.0")
    assert 'pipelex generate "hello" -m shout-1` answers `HELLO`' in (ROOT / "README.md").read_text(encoding="utf-8")
    assert run(site, tmp_path, "-m", "pipelex_core", "generate", "hello", "-m", "shout-1").strip() == "HELLO"
