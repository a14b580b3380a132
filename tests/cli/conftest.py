"""What the tests of the command line share: projects to work in, and the command itself in this process."""

from __future__ import annotations

import io
import sys
from typing import TYPE_CHECKING, Protocol

import pytest

from pipelex_cli.app import run
from pipelex_cli.starter import starter_files
from pipelex_core.plugins import discover
from tests.cli.valid_project import ValidProject
from tests.core.config_project import KEY, Project

if TYPE_CHECKING:
    from pathlib import Path


class Pipelex(Protocol):
    """A command line in this process."""

    def __call__(self, *tokens: object, stdin: bytes = b"") -> tuple[int, str, str]:
        """Run it: exit code, stdout, stderr."""


@pytest.fixture
def pipelex(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Pipelex:
    """The command `pipelex`, with nothing on stdin but what a call has; no key is in what it writes."""

    def feed(data: bytes) -> None:
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(data)))

    def call(*tokens: object, stdin: bytes = b"") -> tuple[int, str, str]:
        capsys.readouterr()
        if stdin:
            feed(stdin)
        code = run([str(token) for token in tokens])
        out, err = capsys.readouterr()
        assert KEY not in out + err
        return code, out, err

    feed(b"")
    return call


@pytest.fixture
def project(tmp_path: Path) -> Project:
    """The small configuration of the tests of loading."""
    return Project(tmp_path)


@pytest.fixture
def valid(tmp_path: Path) -> ValidProject:
    """A project without a finding."""
    return ValidProject(tmp_path)


@pytest.fixture
def initialised(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with what `pipelex init` writes, as the working directory; neither a key nor a repository around it."""
    example = starter_files(discover(), {})[".env.example"]
    for variable in (line.split("=")[0] for line in example.splitlines() if "=" in line):
        monkeypatch.delenv(variable.lstrip("# "), raising=False)
    for variable in ("PIPELEX_CONFIG_DIR", "GIT_DIR", "GIT_WORK_TREE"):
        monkeypatch.delenv(variable, raising=False)
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path.parent))
    monkeypatch.chdir(tmp_path)
    assert run(["init"]) == 0
    return tmp_path
