"""Many rows: memory does not grow with them, and a run that has ended is seen to have in a moment."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest

from tests.packaging.environments import ROOT

if TYPE_CHECKING:
    from pathlib import Path


def run(folder: Path, rows: int) -> dict[str, Any]:
    command = [sys.executable, "-m", "tests.batch.large_run", str(folder), str(rows)]
    done = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True)
    reported: dict[str, Any] = json.loads(done.stdout)
    return reported


def test_memory_of_some_rows(tmp_path: Path) -> None:
    """A few bytes a row: its state, its digest, its place; and the journal is a small part of what it is for."""
    reported = run(tmp_path, 20_000)
    assert reported["late"] - reported["early"] <= 8
    assert reported["journal"] + reported["results"] <= 1.3 * reported["results"]


@pytest.mark.slow
def test_memory_of_a_million_rows(tmp_path: Path) -> None:
    """It grows by 20 MB at most."""
    reported = run(tmp_path, 1_000_000)
    assert reported["late"] - reported["early"] <= 20


@pytest.mark.slow
def test_a_hundred_thousand_finished_rows_are_looked_through_quickly(tmp_path: Path) -> None:
    """In 2 seconds of CPU; nothing is waited for."""
    assert run(tmp_path, 100_000)["resume_s"] <= 2
