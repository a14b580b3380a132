"""Three backends as others would write them, from the public pages alone: each a wheel in an environment of its own, certified by the kit."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.packaging.environments import make_environment, with_command_line

DISTS = Path(__file__).parent / "dists"
CLAIMS = {
    "cohere": {"text", "stream", "object", "tools"},
    "ollama": {"text", "stream", "object", "tools", "image in", "thinking"},
    "tesseract": {"OCR"},
}
ABSENT = {"cohere": "content_filter", "ollama": "the_providers_answer_and_id", "tesseract": "a_status_is_the_error"}


@pytest.mark.slow
@pytest.mark.parametrize("name", sorted(CLAIMS))
def test_a_backend_of_somebody_else_is_certified(name: str, built_wheels: dict[str, Path], tmp_path: Path) -> None:
    """Cohere through its SDK, Ollama's own lines of JSON, and Tesseract, an engine without a server; what each lacks is named."""
    if name == "tesseract" and shutil.which("tesseract") is None:
        pytest.skip("the program tesseract is not installed")
    source = shutil.copytree(DISTS / name, tmp_path / name)
    uv = [sys.executable, "-m", "uv"]
    build = [*uv, "build", "--wheel", "--no-build-isolation", "--out-dir", str(tmp_path), str(source)]
    subprocess.run(build, check=True, capture_output=True)
    environment = make_environment(tmp_path / "venv")
    wheels = [*with_command_line(built_wheels, "testing", "http"), *map(str, tmp_path.glob("*.whl"))]
    install = [*uv, "pip", "install", "--quiet", "--python", str(environment.python), *wheels]
    done = subprocess.run(install, capture_output=True, text=True, check=False)
    if done.returncode and "Failed to fetch" in done.stderr:
        pytest.skip(f"the package index does not answer: {done.stderr[-300:]}")
    assert done.returncode == 0, done.stderr
    checks = source / "checks"
    run = ("-m", "pytest", "-q", "-p", "no:cacheprovider", "--certificate", str(tmp_path / "certificates"))
    ran = environment.run("python", *run, f"{name}_conformance.py", cwd=checks, PYTHONPATH=str(checks))
    assert ran.returncode == 0, ran.stdout[-5000:] + ran.stderr
    (file,) = (tmp_path / "certificates").glob("*.json")
    certificate = json.loads(file.read_text(encoding="utf-8"))
    assert certificate["certified"] is True
    assert {each for each, reported in certificate["capabilities"].items() if reported["proven"]} >= CLAIMS[name]
    assert any(ABSENT[name] in scenario for scenario in certificate["scenarios"]["absent"])
    assert certificate["plugin"]
