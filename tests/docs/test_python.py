"""The Python examples of the documentation, run word for word; the blocks of a page share their names, in order."""

from __future__ import annotations

import subprocess
import sys
from types import ModuleType
from typing import TYPE_CHECKING

import pytest

from tests.docs.project import OFFLINE, SERVERS, every_variable, served_project
from tools.docs.markdown import ROOT, blocks, documents

if TYPE_CHECKING:
    from pathlib import Path

    from tools.docs.markdown import Block


def examples(page: Path) -> list[Block]:
    """The blocks of a page that are programs; one whose first line names a file is part of a distribution."""
    return [block for block in blocks(page, "python", "py") if block.named_file is None]


ISOLATED = {"dspy", "llamaindex"}
"""Adapters whose libraries are not in this environment: `tests/adapters/test_isolated.py` drives them."""

PROGRAMS = {"adapters", "pydantic-ai"}
"""Pages whose clients live as long as their process, which is therefore one of their own."""

PAGES = [page for page in documents() if examples(page) and page.parent.name not in ISOLATED]


def backends_of(page: Path) -> tuple[str, ...]:
    """The backend whose README a page is; OpenAI for all others."""
    return (page.parent.name,) if page.parent.name in (*SERVERS, *OFFLINE) else ("openai",)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_example_runs(page: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A reader who copies a block gets what the page says: it does not fail."""
    monkeypatch.chdir(tmp_path)
    for name in ("PIPELEX_CONFIG_DIR", *every_variable()):
        monkeypatch.delenv(name, raising=False)
    module = ModuleType("an_example")
    monkeypatch.setitem(sys.modules, module.__name__, module)
    with served_project(tmp_path, *backends_of(page)) as servers:
        if page.parent.name in PROGRAMS:
            program = "\n".join(block.text for block in examples(page))
            done = subprocess.run(
                [sys.executable, "-c", program], capture_output=True, text=True, timeout=120, check=False
            )
            assert done.returncode == 0, done.stderr
        for block in () if page.parent.name in PROGRAMS else examples(page):
            padded = "\n" * (block.line - 1) + block.text
            exec(compile(padded, str(block.file), "exec", dont_inherit=True), vars(module))
        calls = any("Client" in block.text for block in examples(page))  # others show parts that call nobody
        assert not calls or all(server.received for server in servers.values()), "no example asked the provider"


def test_the_pages_with_examples_are_found() -> None:
    """The README and the library's page have some: the search finds blocks."""
    assert {ROOT / "README.md", ROOT / "docs" / "library.md"} <= set(PAGES)
    assert len(examples(ROOT / "docs" / "library.md")) > 10
