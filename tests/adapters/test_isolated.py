"""Adapters to libraries too large for the workspace: their checks run in environments of their own, from wheels."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.packaging.environments import make_environment

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.slow
@pytest.mark.parametrize("name", ["dspy", "llamaindex"])
def test_an_adapter_against_its_library(name: str, built_wheels: dict[str, Path], tmp_path: Path) -> None:
    """Core, what adapters share, the adapter, and the library itself; skipped where the index does not answer."""
    environment = make_environment(tmp_path / "venv")
    wheels = [str(built_wheels[each]) for each in ("core", "http", "limits", "operations", "adapters", name)]
    install = [sys.executable, "-m", "uv", "pip", "install", "--quiet", "--python", str(environment.python), "pytest"]
    done = subprocess.run([*install, *wheels], capture_output=True, text=True, check=False)
    if done.returncode and "Failed to fetch" in done.stderr:
        pytest.skip(f"the package index does not answer: {done.stderr[-300:]}")
    assert done.returncode == 0, done.stderr
    checks = f"tests/adapters/isolated/{name}_checks.py"
    command = (
        "-m",
        "pytest",
        "-q",
        "-c",
        "/dev/null",
        "--rootdir",
        str(ROOT),
        "--noconftest",
        "-p",
        "no:cacheprovider",
        str(ROOT / checks),
    )
    home = {
        "HOME": str(tmp_path),
        "PYTHONPATH": str(ROOT),
        "NLTK_DATA": str(tmp_path),
        "TIKTOKEN_CACHE_DIR": str(tmp_path),
    }
    ran = environment.run("python", *command, cwd=tmp_path, **home)
    print(ran.stdout[-300:])
    assert ran.returncode == 0, ran.stdout[-6000:] + ran.stderr[-2000:]
