"""Every code has its page, made now; its example gives that code."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from pipelex_cli.validation.codes import MEANINGS, page
from pipelex_cli.validation.pages import page_text
from tests.support.processes import run_pipelex
from tools.docs.codes import problem_codes
from tools.docs.error_examples import example
from tools.docs.error_pages import FOLDER, SHIPPED, error_page, shipped_pages
from tools.docs.error_texts import WORDS
from tools.docs.markdown import ROOT

if TYPE_CHECKING:
    from pathlib import Path

CODES = problem_codes()


def test_every_code_has_words_a_meaning_and_a_page() -> None:
    """And none is left of a code that is gone."""
    assert set(CODES) == set(WORDS) == set(MEANINGS)
    assert {file.stem for file in FOLDER.glob("*.md")} == set(CODES)
    assert all((ROOT / page(code)).is_file() for code in CODES)


@pytest.mark.parametrize("code", sorted(CODES))
def test_a_page_is_up_to_date_and_its_example_gives_its_code(code: str) -> None:
    """The example's only finding is the page's; `poe docs` writes the page anew."""
    assert set(example(code).codes) == {code}
    assert (FOLDER / f"{code}.md").read_text(encoding="utf-8") == error_page(code, CODES[code]), "run: poe docs"


def test_the_command_line_ships_every_page() -> None:
    """`pipelex explain CODE` shows the pages as they are here; `poe docs` writes its file anew."""
    pages = {file: file.read_text(encoding="utf-8") for file in FOLDER.glob("*.md")}
    assert SHIPPED.read_text(encoding="utf-8") == shipped_pages(pages), "run: poe docs"
    assert (page_text("missing-variable") or "nothing") in pages[FOLDER / "missing-variable.md"]
    assert page_text("no-such-code") is None
    assert page_text("gpt-4o-mini") is None


def test_the_page_of_a_code_is_shown_where_the_configuration_does_not_load(tmp_path: Path) -> None:
    """That is where `see: pipelex explain CODE` is read; any other name is the load's error."""
    inference = tmp_path / ".pipelex" / "inference"
    inference.mkdir(parents=True)
    (inference / "backends.toml").write_text("= no toml\n", encoding="utf-8")
    done = run_pipelex("explain", "bad-toml", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("# `bad-toml`")
    assert "bad-toml" in run_pipelex("explain", "gpt-4o-mini", cwd=tmp_path).stderr
