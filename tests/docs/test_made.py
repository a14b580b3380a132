"""The made parts of the documentation are what the code says today."""

from __future__ import annotations

import pytest

from tools.docs.markdown import ROOT, documents, made_names, with_made
from tools.docs.tables import made_parts


@pytest.fixture(scope="module")
def made() -> dict[str, str]:
    """The parts, made now."""
    return made_parts()


@pytest.mark.parametrize("page", documents(), ids=lambda page: str(page.relative_to(ROOT)))
def test_made_parts_are_up_to_date(made: dict[str, str], page: object) -> None:
    """A key, setting, option, code or field that changed in the code has to be told: `poe docs`."""
    text = page.read_text(encoding="utf-8")  # type: ignore[attr-defined]  # a Path; pytest's ids need no more
    assert with_made(text, made) == text, "run: poe docs"


def test_every_part_is_shown_somewhere(made: dict[str, str]) -> None:
    """What is made, someone reads; and no page asks for a part that is not made."""
    shown = {name for page in documents() for name in made_names(page.read_text(encoding="utf-8"))}
    assert shown == set(made)
