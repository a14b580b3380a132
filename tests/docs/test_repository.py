"""What the repository promises about itself: its two commands, its links, and that it could be anyone's."""

from __future__ import annotations

import os
import re
import subprocess
from functools import cache
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import pytest

from tools.docs.markdown import ROOT, anchors, blocks, code_spans, documents, links

if TYPE_CHECKING:
    from pathlib import Path

DISTRIBUTIONS = sorted(
    file.parent for file in (ROOT / "core" / "pyproject.toml", *ROOT.glob("plugins/*/pyproject.toml"))
)


def commands() -> list[str]:
    """The commands under the README's heading "Two commands"."""
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    start = text[: text.index("## Two commands")].count("\n")
    end = text[: text.index("\n## ", text.index("## Two commands"))].count("\n")
    return [block.text.strip() for block in blocks(ROOT / "README.md", "bash") if start < block.line < end]


def test_there_are_two_commands_of_one_line_each() -> None:
    """The first gets an answer from a local model; the second runs every check; both set up what they need."""
    answer, check = commands()
    for command in (answer, check):
        assert "\n" not in command
        assert command.startswith("python3 -m venv .venv && .venv/bin/pip install --quiet uv && .venv/bin/uv run ")
    assert re.search(r'uv run pipelex generate ".+" -m smollm2$', answer)
    assert check.endswith("uv run poe check")


def test_ci_runs_the_second_command_word_for_word() -> None:
    """What CI runs is what a reader is told to run, and can be run."""
    file = ROOT / ".ci" / "run"
    assert commands()[1] in file.read_text(encoding="utf-8").splitlines()
    assert os.access(file, os.X_OK)
    assert commands()[1] in (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")


@cache
def tracked() -> dict[str, str]:
    """Name -> text of every file of the repository that is text."""
    if not (ROOT / ".git").exists():
        pytest.skip("this is no clone: there is no list of files")
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, check=True, capture_output=True, text=True).stdout
    texts: dict[str, str] = {}
    for name in filter(None, listed.split("\0")):
        try:
            texts[name] = (ROOT / name).read_text(encoding="utf-8")
        except (UnicodeDecodeError, FileNotFoundError):
            continue  # a picture; or deleted, and not yet committed
    return texts


def registry_hosts() -> set[str]:
    """The hosts from which this machine installs, besides the public one."""
    names = (
        "PIP_INDEX_URL",
        "PIP_EXTRA_INDEX_URL",
        "UV_INDEX_URL",
        "UV_DEFAULT_INDEX",
        "UV_INDEX",
        "UV_EXTRA_INDEX_URL",
    )
    urls = " ".join(os.environ.get(name, "") for name in names).split()
    hosts = {urlsplit(url.rpartition("=")[2]).hostname for url in urls}
    return {host for host in hosts if host and not host.endswith(("pypi.org", "pythonhosted.org"))}


def test_no_file_names_a_machine_or_a_registry() -> None:
    """A path of whoever built it, or an index of theirs, would break or mislead on every other machine."""
    foreign = ["/" + "work/", "/" + "root/", str(ROOT), *registry_hosts(), "extra-index" + "-url", "tool.uv" + ".index"]
    found = [(name, word) for name, text in tracked().items() for word in foreign if word in text]
    assert found == []


@pytest.mark.parametrize("page", documents(), ids=lambda page: str(page.relative_to(ROOT)))
def test_every_link_leads_somewhere(page: Path) -> None:
    """To a file of the repository, and a heading in it; a page on PyPI links to whole addresses only."""
    on_pypi = page.parent in DISTRIBUTIONS and page.name == "README.md"
    for target in links(page):
        if target.startswith(("https://", "http://", "mailto:")):
            continue
        path, _, anchor = target.partition("#")
        assert not (on_pypi and path), f"{target} leads nowhere on PyPI"
        file = (page.parent / path).resolve() if path else page
        assert file.exists(), target
        assert not anchor or anchor in anchors(file), target


@pytest.mark.parametrize("page", documents(), ids=lambda page: str(page.relative_to(ROOT)))
def test_every_path_named_is_there(page: Path) -> None:
    """`docs/…`, `core/…`, `plugins/…`, `tests/…` in a text are files or folders of the repository."""
    for span in code_spans(page):
        if re.fullmatch(r"(docs|core|plugins|tests|\.ci)/[\w./-]*", span):
            assert (ROOT / span).exists(), span
