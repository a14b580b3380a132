"""`pipelex certify`: the suites of one plugin, and the certificates that they earn."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

SUITE = """
from pipelex_core.specs import ModelType
from pipelex_testing import Conformance, OpenAIChat


class TestOpenAI(Conformance):
    sdk = "openai"
    wire = OpenAIChat()
    claims = frozenset({"text", "stream", "object", "object stream", "image out", "embeddings"})
    model_ids = {ModelType.IMG_GEN: "gpt-image-1"}


def test_of_another_kind():
    raise AssertionError("it is not a conformance suite")
"""


def certify(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "pipelex_core", "certify", *arguments, "--tests", "test_suite.py"]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False, timeout=200)


def test_the_suites_of_a_plugin_earn_its_certificate(tmp_path: Path) -> None:
    """Only suites run; the certificate is written and printed."""
    (tmp_path / "test_suite.py").write_text(SUITE)
    done = certify(tmp_path, "pipelex-backend-openai", "--json")
    assert done.returncode == 0, done.stdout + done.stderr
    (certificate,) = json.loads(done.stdout)
    assert (certificate["sdk"], certificate["certified"]) == ("openai", True)
    assert [json.loads(file.read_text()) for file in (tmp_path / "certificates").glob("*.json")] == [certificate]


def test_a_suite_that_fails_earns_none(tmp_path: Path) -> None:
    """The command fails, and the certificate says what failed: here a claim that is left out."""
    (tmp_path / "test_suite.py").write_text(SUITE.replace(', "stream", "object", "object stream", "image out"', ""))
    done = certify(tmp_path, "openai", "--json")
    assert done.returncode == 1
    (certificate,) = json.loads(done.stdout)
    assert (certificate["certified"], len(certificate["scenarios"]["failed"])) == (False, 1)


def test_a_plugin_without_a_suite_is_an_error(tmp_path: Path) -> None:
    """And nothing is written."""
    (tmp_path / "test_suite.py").write_text(SUITE)
    done = certify(tmp_path, "anthropic")
    assert done.returncode == 1
    assert "there is no conformance suite of 'anthropic' in 'test_suite.py'" in done.stderr
    assert not (tmp_path / "certificates").exists()
