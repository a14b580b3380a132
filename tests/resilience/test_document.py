"""The page of the table."""

from __future__ import annotations

from tools.docs.resilience import FILE, written


def test_the_page_is_up_to_date() -> None:
    """It says what the tests prove."""
    assert FILE.read_text(encoding="utf-8") == written(), "run: poe docs"
