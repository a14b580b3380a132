"""Every code has its page, made now; its example gives that code."""

from __future__ import annotations

import pytest

from pipelex_cli.validation.codes import MEANINGS, page
from pipelex_cli.validation.pages import page_text
from tools.docs.codes import problem_codes
from tools.docs.error_examples import example
from tools.docs.error_pages import FOLDER, SHIPPED, error_page, shipped_pages
from tools.docs.error_texts import WORDS
from tools.docs.markdown import ROOT

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
