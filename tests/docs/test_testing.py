"""The page about testing: its test runs, in a project of its own examples, with no key and no network."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import TYPE_CHECKING

from tools.docs.markdown import ROOT, blocks

if TYPE_CHECKING:
    from pathlib import Path

PAGE = ROOT / "docs" / "testing.md"


def test_the_pages_own_test_passes(tmp_path: Path) -> None:
    """A reader who copies each block into the file it names has a test that passes."""
    inference = tmp_path / ".pipelex" / "inference"
    for block in blocks(PAGE, "toml", "python"):
        assert block.named_file is not None
        file = (inference if block.language == "toml" else tmp_path) / block.named_file
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(block.text, encoding="utf-8")
    (inference / "deck").mkdir()
    (inference / "deck" / "deck.toml").write_text('[aliases]\nriver = "fake-llm"\n', encoding="utf-8")
    routes = 'active = "a"\n[profiles.a]\ndefault = "fake"\n[profiles.a.routes]\n"*-object" = "fake_objects"\n'
    (inference / "routing_profiles.toml").write_text(routes, encoding="utf-8")
    environ = {name: value for name, value in os.environ.items() if not name.startswith(("PIPELEX_", "PYTEST_"))}
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "test_rivers.py"]
    done = subprocess.run(command, cwd=tmp_path, env=environ, capture_output=True, text=True, check=False, timeout=120)
    assert done.returncode == 0, done.stdout + done.stderr
