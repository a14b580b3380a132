"""The page on bulk: its commands run, in their order, on the files that it speaks of."""

from __future__ import annotations

import csv
import shlex
from typing import TYPE_CHECKING

from pyarrow import parquet

from pipelex_cli.app import run
from tests.docs.project import every_variable, served_project
from tests.documents.pdfs import lines, pdf
from tools.docs.markdown import ROOT, blocks

if TYPE_CHECKING:
    from pathlib import Path

    import pytest

PAGE = ROOT / "docs" / "bulk.md"


def write_files(folder: Path) -> None:
    """The files that the page speaks of."""
    schema, row = (block.text for block in blocks(PAGE, "json"))
    (folder / "invoice.json").write_text(schema)
    (folder / "questions.jsonl").write_text(row)
    for name in ("invoices", "scans"):
        (folder / name).mkdir()
        for number in range(3):
            (folder / name / f"{number}.pdf").write_bytes(pdf(lines(f"Invoice {number}")))
    (folder / "products.csv").write_text("name,language\nA lamp,French\n")


def test_the_commands_of_the_page_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """None of them fails, and the files are what the page says."""
    monkeypatch.chdir(tmp_path)
    for name in ("PIPELEX_CONFIG_DIR", *every_variable()):
        monkeypatch.delenv(name, raising=False)
    commands = [
        shlex.split(line)
        for block in blocks(PAGE, "bash")
        for line in block.text.splitlines()
        if line.startswith("pipelex")
    ]
    assert len(commands) >= 10
    with served_project(tmp_path, "openai"):
        write_files(tmp_path)
        for command in commands:
            assert run(command[1:]) == 0, (command, capsys.readouterr().err)
    table = parquet.read_table(tmp_path / "invoices.parquet").to_pylist()
    assert [row["id"] for row in table] == [f"invoices/{number}.pdf" for number in range(3)]
    assert {row["total"] for row in table} == {1.5}
    assert {row["error_type"] for row in table} == {None}
    with (tmp_path / "described.csv").open(newline="") as file:
        assert next(csv.DictReader(file))["model"]
    assert (tmp_path / "answers.csv").is_file()
