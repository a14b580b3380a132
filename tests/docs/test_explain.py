"""docs/explain.md: each command that output follows prints just that, in a project as `pipelex init` writes it."""

from __future__ import annotations

import re
import shlex
from typing import TYPE_CHECKING

import pytest

from pipelex_cli.app import run
from pipelex_cli.starter import starter_files
from pipelex_core.plugins import discover
from tools.docs.markdown import ROOT, blocks

if TYPE_CHECKING:
    from pathlib import Path

PAGE = ROOT / "docs" / "explain.md"
BLOCKS = blocks(PAGE, "bash", "text")


@pytest.mark.parametrize("number", [place for place, block in enumerate(BLOCKS) if block.language == "bash"])
def test_a_command_prints_what_the_page_says(
    number: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """All of it; versions and numbers of lines may differ."""
    for line in starter_files(discover(), {})[".env.example"].splitlines():
        monkeypatch.delenv(line.split("=")[0].lstrip("# "), raising=False)
    monkeypatch.chdir(tmp_path)
    assert run(["init"]) == 0
    capsys.readouterr()
    for line in BLOCKS[number].text.splitlines():
        words = shlex.split(line)
        assert words[0] == "pipelex"
        assert run(words[1:]) == 0
    out = capsys.readouterr().out
    after = BLOCKS[number + 1] if number + 1 < len(BLOCKS) else None
    if after is not None and after.language == "text":
        assert plain(out) == plain(after.text), f"{after.place} is to be:\n{out}"


def plain(text: str) -> str:
    return re.sub(r"\b\d+\.\d+\.\d+\w*\b|(?<=\.toml:)\d+", "NUMBER", text).strip()
