"""The documentation as a site: it builds without a warning, every page is in its navigation, every link leads somewhere."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from typing import TYPE_CHECKING

import pytest

from tools.docs import llms, picture
from tools.docs.commands import command_functions
from tools.docs.docstrings import summary
from tools.docs.markdown import ROOT
from tools.docs.reference import MODULES, constants_of, names_of
from tools.docs.site import assemble, build, entries, site_pages

if TYPE_CHECKING:
    from pathlib import Path


def test_the_site_builds_without_a_warning(tmp_path: Path) -> None:
    """Sphinx finds no broken link, no page without a way to it, no block it cannot read; every page is written."""
    assemble(tmp_path / "source")
    assert build(tmp_path / "source", tmp_path / "site") == ""
    for page in site_pages().values():
        if page.endswith(".md"):
            assert (tmp_path / "site" / page).with_suffix(".html").is_file(), page
    routing = (tmp_path / "site" / "routing.html").read_text(encoding="utf-8")
    assert 'alt="From the preset' in routing
    assert (tmp_path / "site" / "_images" / "routing.svg").is_file()


def test_a_fault_of_a_page_would_be_noticed(tmp_path: Path) -> None:
    """A link to a page or a heading that is not there, and a page that no navigation names, each fail the build."""
    (tmp_path / "conf.py").write_text((ROOT / "docs" / "conf.py").read_text())
    (tmp_path / "index.md").write_text("# Home\n\n```{toctree}\na.md\ngone.md\n```\n")
    (tmp_path / "a.md").write_text("# A\n\n[one](nowhere.md) [two](#nowhere) [three](index.md#nowhere)\n")
    (tmp_path / "b.md").write_text("# B\n")
    warnings = build(tmp_path, tmp_path / "site")
    for stated in (
        "toctree contains reference to nonexisting document 'gone'",
        "b.md: WARNING: document isn't included in any toctree",
        "target not found: 'nowhere.md'",
        "target not found: 'nowhere'",
        "local id not found in doc 'index': 'nowhere'",
    ):
        assert stated in warnings


def test_every_page_is_in_the_navigation_once() -> None:
    """The list of pages in index.md is the navigation."""
    files = [
        file for listed in entries((ROOT / "docs" / "index.md").read_text(encoding="utf-8")).values() for file in listed
    ]
    assert len(files) == len(set(files))
    assert {f"../{file.relative_to(ROOT)}" for file in ROOT.glob("plugins/*/README.md")} <= set(files)


def test_llms_txt_is_up_to_date() -> None:
    """It is made from the pages."""
    assert llms.FILE.read_text(encoding="utf-8") == llms.llms_txt(), "run: poe docs"


def test_the_picture_shows_what_the_example_resolves_to() -> None:
    """It is drawn from the deck; it says in words what it shows, and so does the page."""
    text = picture.FILE.read_text(encoding="utf-8")
    assert text == picture.svg(), "run: poe docs"
    root = ET.fromstring(text)
    space = "{http://www.w3.org/2000/svg}"
    assert root.findtext(f"{space}desc") == picture.in_words()
    assert root.get("aria-labelledby") == "title desc"
    assert [step.chosen for step in picture.steps()[2]] == [True, False, False]
    shown = {each.text for each in root.iter(f"{space}text")}
    assert {step.model for step in picture.steps()[2]} | {step.backend for step in picture.steps()[2]} <= shown


@pytest.mark.parametrize("module", MODULES)
def test_every_public_name_is_told(module: str) -> None:
    """Each class and function has a first paragraph, and stands on the page; so do the values a module lists."""
    page = (ROOT / "docs" / "reference.md").read_text(encoding="utf-8")
    for name, thing in names_of(module):
        assert len(summary(thing)) >= 10, name
        assert f"\n### {name}\n" in page
    assert all(f"`{name}`" in page for name in constants_of(module))


def test_every_command_is_told() -> None:
    """And each of its arguments, which `poe docs` would miss loudly."""
    assert {"init", "enable", "disable", "use", "set-key", "migrate", "schema"} <= set(command_functions())
