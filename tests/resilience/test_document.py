"""The page of the table, and of what is beside it."""

from __future__ import annotations

import pytest

from tools.docs.resilience import FILE, written
from tools.docs.resilience_beside import BESIDE, ROOT


def test_the_page_is_up_to_date() -> None:
    """It says what the tests prove."""
    assert FILE.read_text(encoding="utf-8") == written(), "run: poe docs"


@pytest.mark.parametrize("test", [test for _, _, tests in BESIDE for test in tests])
def test_each_test_that_the_page_names_is_there(test: str) -> None:
    """Renamed or removed, it would prove nothing."""
    file, _, name = test.partition("::")
    assert f"def {name}(" in (ROOT / file).read_text(encoding="utf-8")
