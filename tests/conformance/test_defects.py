"""The kit finds planted defects, each by the scenario meant for it, and finds no more than there is."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.conformance.defects.planted import DEFECTS

ROOT = Path(__file__).resolve().parents[2]
SUITE = "tests/conformance/defects/suite.py"
BY_DEFAULT = {"RetriesTwice"}
"""A whole suite takes ten seconds: the others are among the slow tests."""


def certificate_of(name: str, folder: Path) -> dict[str, Any]:
    """The certificate of a planted defect, or of the sound backend."""
    done = subprocess.run(
        [
            sys.executable,
            "-m",
            "pytest",
            "-q",
            "-n0",
            "--tb=no",
            "-p",
            "no:cacheprovider",
            SUITE,
            "--certificate",
            folder,
        ],
        cwd=ROOT,
        env={**os.environ, "PLANTED": name},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    file = folder / "acme-acme.json"
    assert file.exists(), done.stdout + done.stderr
    reported: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
    return reported


def test_a_sound_backend_is_certified(tmp_path: Path) -> None:
    """All that it claims is proven."""
    certificate = certificate_of("", tmp_path)
    assert certificate["scenarios"]["failed"] == []
    assert certificate["certified"]
    claims = {name: reported["proven"] for name, reported in certificate["capabilities"].items() if reported["claimed"]}
    assert claims == {"text": True, "stream": True, "object": True}


@pytest.mark.parametrize(
    "name", [name if name in BY_DEFAULT else pytest.param(name, marks=pytest.mark.slow) for name in DEFECTS]
)
def test_a_planted_defect_is_found_by_the_scenario_meant_for_it(name: str, tmp_path: Path) -> None:
    """Each scenario that is meant for it fails, and none fails that has nothing to do with it."""
    certificate = certificate_of(name, tmp_path)
    failed = {scenario.partition("[")[0] for scenario in certificate["scenarios"]["failed"]}
    defect = DEFECTS[name]
    assert defect.found_by <= failed
    assert failed <= defect.found_by | defect.also
    assert not certificate["certified"]


def test_there_are_defects_enough() -> None:
    """Twenty-five at least."""
    assert len(DEFECTS) >= 25
